"""The source is closed to its writers while a switch takes place, and opened again by a fail-back, or when the switch does not take place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import fail_back, fail_over, replicate
from airflow_provider_livedata.engine.errors import LiveDataError, StateDamaged, StillChanging, WritersNotBlocked
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.blocking import RECORD, block_writers, open_again
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_fail_over import ALL, FILES, first_copy, role_of

MODE = 0o1775


@pytest.fixture(params=["hdfs", "local"])
def pair(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Pair:
    return open_pair(make_pair, request.param)


def open_pair(make_pair: Callable[[str, str], Pair], source_like: str = "hdfs") -> Pair:
    pair = first_copy(make_pair, f"{source_like} to objects")
    pair.source.set_attributes("", Attributes(mode=MODE))  # type: ignore[attr-defined]
    return pair


def mode_of(pair: Pair) -> int | None:
    found = pair.source.stat("")
    return found.mode if found else None


def is_recorded(pair: Pair) -> bool:
    return StateFolder(pair.source).read_json(RECORD) is not None


def test_a_switch_leaves_the_source_closed_and_a_fail_back_opens_it_again(pair: Pair) -> None:
    report = fail_over(pair.source, pair.target, ALL, block_writers=True)
    assert mode_of(pair) == 0
    assert any("closed to its writers: mode 000, before 1775" in note for note in report.notes)
    fail_back(pair.target, pair.source, ALL, switch=False)
    assert mode_of(pair) == 0
    back = fail_back(pair.target, pair.source, ALL)
    assert any("open again, with mode 1775" in note for note in back.notes)
    assert (mode_of(pair), is_recorded(pair)) == (MODE, False)
    assert replicate(pair.source, pair.target, ALL).changes == 0
    assert contents(pair.target).keys() >= FILES.keys() - {"empty"}


def test_a_switch_that_does_not_take_place_opens_the_source_again(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_livedata.engine.flows import fail_over as flow

    def replicate_then_write(*args: Any, **options: Any) -> Any:
        assert mode_of(pair) == 0
        report = replicate(*args, **options)
        pair.put({"d/written": b"late"})
        return report

    monkeypatch.setattr(flow, "replicate", replicate_then_write)
    with pytest.raises(StillChanging):
        fail_over(pair.source, pair.target, ALL, block_writers=True)
    assert (mode_of(pair), is_recorded(pair), role_of(pair.source)) == (MODE, False, None)


def test_a_rehearsal_says_so_and_closes_nothing(pair: Pair) -> None:
    report = fail_over(pair.source, pair.target, ALL, block_writers=True, dry_run=True)
    assert "the source would be closed to its writers" in report.notes
    assert (mode_of(pair), is_recorded(pair)) == (MODE, False)


def test_a_source_without_modes_is_refused_before_anything_is_switched(make_pair: Callable[[str, str], Pair]) -> None:
    pair = first_copy(make_pair, "objects to files")
    with pytest.raises(WritersNotBlocked, match="switch block_writers off"):
        fail_over(pair.source, pair.target, ALL, block_writers=True)
    assert (role_of(pair.source), role_of(pair.target)) == (None, None)


def test_a_user_who_may_not_set_the_mode_is_told(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        type(pair.source), "set_attributes", lambda zone, path, _: zone.stat(path)
    )  # as where it is left
    with pytest.raises(WritersNotBlocked, match="owner or a superuser"):
        fail_over(pair.source, pair.target, ALL, block_writers=True)
    assert (mode_of(pair), is_recorded(pair), role_of(pair.source)) == (MODE, False, None)


def test_what_somebody_made_of_the_mode_meanwhile_stays(pair: Pair) -> None:
    block_writers(pair.source, "me")
    assert block_writers(pair.source, "me again") == "mode 000, before 1775"
    pair.source.set_attributes("", Attributes(mode=0o750))  # type: ignore[attr-defined]
    assert "has the mode 750 by now, which was left; before it was 1775" in open_again(pair.source)
    assert (mode_of(pair), is_recorded(pair), open_again(pair.source)) == (0o750, False, "")


def test_a_damaged_record_is_said(pair: Pair) -> None:
    StateFolder(pair.source).write_json(RECORD, {"mode": 1})
    with pytest.raises(StateDamaged, match="closed location"):
        open_again(pair.source)


@pytest.mark.parametrize("when", ["before", "after"])
def test_whenever_a_switch_dies_the_next_one_completes_it_and_the_mode_comes_back(
    make_pair: Callable[[str, str], Pair], when: Literal["before", "after"]
) -> None:
    calls = 0
    while True:
        pair = open_pair(make_pair)
        pair.put({"a": b"the last word"})
        mortal = CrashAfter(pair.source, calls, when=when)
        try:
            fail_over(
                Retrying(mortal, RetryPolicy(attempts=1)), pair.target, ALL, block_writers=True, lease_times=IMPATIENT
            )
        except Crash:
            pass
        else:
            break
        fail_over(pair.source, pair.target, ALL, block_writers=True, lease_times=IMPATIENT)
        assert mode_of(pair) == 0
        back = CrashAfter(pair.source, calls, when=when)
        try:
            fail_back(pair.target, Retrying(back, RetryPolicy(attempts=1)), ALL, lease_times=IMPATIENT)
        except Crash:
            fail_back(pair.target, pair.source, ALL, lease_times=IMPATIENT)
        assert (mode_of(pair), is_recorded(pair)) == (MODE, False), f"died at call {calls}"
        calls += 1
    assert calls > 5


def test_where_opening_it_again_fails_the_error_of_the_switch_is_the_one_that_is_told(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_livedata.engine.flows import fail_over as flow
    from airflow_provider_livedata.engine.switching import blocking

    def fail(*_: Any, **__: Any) -> Any:
        raise LiveDataError("the switch itself")

    def refuse(_: Any) -> Any:
        raise LiveDataError("opening")

    monkeypatch.setattr(flow, "replicate", fail)
    monkeypatch.setattr(blocking, "open_again", refuse)
    with pytest.raises(LiveDataError, match="the switch itself"):
        fail_over(pair.source, pair.target, ALL, block_writers=True)
