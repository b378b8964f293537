"""Snapshots of a target are thinned, and never too far."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.thinning import DAY_MS, HOUR_MS, surplus
from airflow_provider_livedata.engine.model import Snapshot

NOW = 1_000 * DAY_MS
taken = st.lists(st.integers(0, 12 * DAY_MS), unique=True, max_size=60).map(
    lambda ages: [Snapshot(f"s{age}", "/", NOW - age) for age in ages]
)


@given(taken, st.sampled_from([0, 0.5, 7]))
def test_the_newest_the_last_hour_and_one_of_every_hour_stay(found: list[Snapshot], keep_days: float) -> None:
    gone = surplus(found, NOW, keep_days)
    kept = [one for one in found if one not in gone]
    if not found:
        assert gone == []
        return
    assert max(found, key=lambda one: one.taken_ms) in kept
    since = NOW - keep_days * DAY_MS
    for one in found:
        if one.taken_ms >= since:
            assert any(other.taken_ms // HOUR_MS == one.taken_ms // HOUR_MS for other in kept), "an hour is lost"
            assert one in kept or one.taken_ms <= NOW - HOUR_MS
    assert [one.taken_ms for one in gone] == sorted(one.taken_ms for one in gone)


@given(taken, st.sampled_from([0, 0.5, 7]))
def test_few_stay_and_thinning_again_changes_nothing(found: list[Snapshot], keep_days: float) -> None:
    gone = surplus(found, NOW, keep_days)
    kept = [one for one in found if one not in gone]
    assert surplus(kept, NOW, keep_days) == []
    older = [one for one in kept if one.taken_ms <= NOW - HOUR_MS]
    assert len(older) <= keep_days * 24 + 2


def test_a_deleted_file_is_in_a_snapshot_of_each_hour_it_was_there() -> None:
    found = [Snapshot(f"s{minute}", "/", NOW - minute * 60_000) for minute in range(0, 600, 10)]
    kept = {one.name for one in found} - {one.name for one in surplus(found, NOW, 7)}
    assert {f"s{minute}" for minute in (0, 10, 20, 30, 40, 50)} <= kept
    assert len(kept) == 6 + 9  # six of the last hour, and the last one of each hour before
