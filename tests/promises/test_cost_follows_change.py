"""Cost follows change: from the second run on, calls and bytes grow with what changed and not with the tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.testing.faults import Counting
from tests.crash.conftest import Pair, contents

Make = Callable[[str, str], Pair]
ONE_BY_ONE = ReplicateOptions(threads=1)


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_a_change_costs_as_many_calls_in_a_large_tree_as_in_a_small_one(make_pair: Make, target_like: str) -> None:
    small, large = (_cost_of_one_change(make_pair("hdfs", target_like), files) for files in (10, 300))
    assert small == large


def _cost_of_one_change(pair: Pair, files: int) -> tuple[Counter[str], Counter[str], int, int]:
    pair.put({f"d{n % 5}/f{n:03d}": b"x" for n in range(files)})
    replicate(pair.source, pair.target)
    pair.put({"d1/f001": b"changed"})
    source, target = Counting(pair.source), Counting(pair.target)
    report = replicate(source, target, ONE_BY_ONE)
    assert (report.copied_files, contents(pair.target)["d1/f001"]) == (1, b"changed")
    return source.counts.calls, target.counts.calls, source.counts.listed_entries, source.counts.read_bytes


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_what_was_renamed_is_never_copied_again(make_pair: Make, target_like: str) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put({**{f"old/f{n}": bytes([n]) * 500 for n in range(20)}, "kept": b"kept"})
    replicate(pair.source, pair.target)
    pair.source.rename("old", "new")  # type: ignore[attr-defined]
    source = Counting(pair.source)
    report = replicate(source, pair.target)
    assert (report.renamed, report.copied_files, source.counts.read_bytes) == (20, 0, 0)
    assert contents(pair.target) == contents(pair.source)
