"""Files that others of the same size and time replaced at an HDFS source, and files that are open there, after runs that were cut off."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.options import Consistency
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_fail_over import replace_unseen

FILES: Files = {"a": b"a at first", "d/b": b"b" * 3000, "d/c": b"c" * 3000, "keep": b"keep"}
When = Literal["before", "after"]


def replace_them(pair: Pair) -> None:
    """Other files of the same size and time: small and of several parts, swapped ones, and one that is new."""
    replace_unseen(pair.source, "a", b"another a!"[:10])
    replace_unseen(pair.source, "d/b", b"B" * 3000)
    replace_unseen(pair.source, "d/c", b"b" * 3000)
    pair.put({"d/new": b"new"})


def dies(pair: Pair, options: ReplicateOptions, calls: int, when: When) -> bool:
    """Whether a run that brings what there is comes to that call of the target, where it dies."""
    try:
        replicate(
            pair.source,
            Retrying(CrashAfter(pair.target, calls, when=when), RetryPolicy(attempts=1)),
            options,
            lease_times=IMPATIENT,
        )
    except Crash:
        return True
    return False


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("consistency", ["files", "snapshot"])
@pytest.mark.parametrize("target_like", ["objects", "bundles", "hdfs", "local"])
def test_another_file_of_the_same_size_and_time_comes_wherever_a_run_dies(
    make_pair: Callable[[str, str], Pair], target_like: str, consistency: Consistency, when: When
) -> None:
    options = ReplicateOptions(max_delete_ratio=1.0, threads=1, consistency=consistency)
    for calls in itertools.count():
        pair = make_pair("hdfs", target_like)
        pair.put(FILES)
        replicate(pair.source, pair.target, options)
        replace_them(pair)
        has_died = dies(pair, options, calls, when)
        replicate(pair.source, pair.target, options, lease_times=IMPATIENT)
        assert contents(pair.target) == contents(pair.source), f"died at call {calls}"
        assert replicate(pair.source, pair.target, options).changes == 0
        if not has_died:
            break
    assert calls > 10


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_is_open_stays_in_doubt_wherever_a_run_dies(
    make_pair: Callable[[str, str], Pair], when: When
) -> None:
    options = ReplicateOptions(threads=1)
    for calls in itertools.count():
        pair = make_pair("hdfs", "objects")
        pair.put(FILES)
        pair.source.store.open_paths |= {"data/a", "data/d/b"}  # one of a part, one of several
        has_died = dies(pair, options, calls, when)
        report = replicate(pair.source, pair.target, options, lease_times=IMPATIENT)
        checkpoint = checkpoints.latest(StateFolder(pair.target))
        assert checkpoint is not None
        if has_died or report.changes:
            assert sorted(report.unsettled_paths) == ["a", "d/b"], f"died at call {calls}"
        assert sorted(checkpoint.unsettled) == ["a", "d/b"], f"died at call {calls}"
        if not has_died:
            break
    assert calls > 10
