"""The source is lost for good after a run died: what its users had not given up of what the target held is at the target."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine import fail_over, replicate
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Files, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_model import ALL, FIRST, LEFT_OUT, History, Operation, act, operations

HISTORIES = 60  # tests/soak/test_model.py has thousands


class Death(NamedTuple):
    """What users do, and how many calls of the target the run after that survives."""

    operations: list[Operation]
    calls: int
    when: Literal["before", "after"]


def swap(one: str, other: str) -> list[Operation]:
    """Two names change places, which a target can only follow by a third one."""
    ways = [(one, "a/third"), (other, one), ("a/third", other)]
    return [Operation("rename", old, new, 0) for old, new in ways]


_swaps = st.builds(swap, st.sampled_from(FIRST[:-1]), st.sampled_from(FIRST[:-1]))
_deaths = st.builds(
    Death,
    st.builds(lambda swaps, others: [*chain(*swaps), *others], st.lists(_swaps, max_size=2), operations),
    st.integers(0, 60),
    st.sampled_from(["before", "after"]),
)
_nothing: st.SearchStrategy[list[Operation]] = st.just([])
first_operations = st.one_of(_nothing, operations)
_again = _deaths.map(lambda death: death._replace(operations=[]))
deaths = st.builds(lambda first, others: [first, *others], _deaths, st.lists(_again, max_size=2))
consistencies = st.sampled_from(["files", "files", "snapshot"])


def lose_the_source(
    before: list[Operation],
    deaths: list[Death],
    target_like: str,
    consistency: Literal["files", "snapshot"],
    local: Path,
) -> None:
    """A complete copy, runs that die, and the switch to what is there."""
    one, options = History(target_like, local), replace(ALL, consistency=consistency)
    try:
        for operation in before:
            act(one.tree, one.source, operation)
        replicate(one.source, one.target, options, lease_times=IMPATIENT)
        states = [contents(one.target)]
        # A run that repeats one by files copies each path by itself: what changed names may be at neither for a while.
        for death in deaths if consistency == "snapshot" else deaths[:1]:
            for operation in death.operations:
                act(one.tree, one.source, operation)
            states.append({path: data for path, (data, _) in one.tree.without(LEFT_OUT).items()})
            mortal = CrashAfter(one.target, death.calls, when=death.when)
            try:
                replicate(one.source, Retrying(mortal, RetryPolicy(attempts=1)), options, lease_times=IMPATIENT)
            except Crash:
                continue
            states = states[-1:]
        fail_over(None, one.target, options, how="unplanned", lease_times=IMPATIENT)
        found = contents(one.target)
        assert not kept_by_all(states) - set(found.values())
        assert consistency == "files" or found in states
    finally:
        one.forget()


def kept_by_all(states: list[Files]) -> set[bytes]:
    """The bytes of files that every state has, whatever their names."""
    return set.intersection(*({data for data in state.values() if data is not None} for state in states))


@settings(max_examples=HISTORIES)
@given(before=first_operations, deaths=deaths, consistency=consistencies)
@pytest.mark.parametrize("target_like", ["objects", "hdfs", "files", "local"])
def test_what_nobody_gave_up_is_at_the_target_when_the_source_is_lost(
    target_like: str,
    before: list[Operation],
    deaths: list[Death],
    consistency: Literal["files", "snapshot"],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lose_the_source(before, deaths, target_like, consistency, tmp_path_factory.getbasetemp())
