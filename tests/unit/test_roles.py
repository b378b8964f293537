"""Which directions the roles of two sides allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import StateDamaged, TargetIsActive, WrongSide
from airflow_provider_livedata.engine.stored import roles
from airflow_provider_livedata.engine.stored.roles import Role, refusal
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.registry import open_zone

SOURCE, TARGET, OTHER = "hdfs://nn:8020/data", "s3://bucket/data", "s3://elsewhere/data"


def role(side: Any, generation: int, peer: str) -> Role:
    return Role(generation, side, peer, "planned", 3, "livedata-1-3", 1_700_000_000_000, 1_700_000_100_000, "somebody")


def test_sides_that_never_switched_may_be_replicated() -> None:
    assert refusal(None, None, SOURCE, TARGET) is None


def test_after_a_fail_over_only_the_direction_back_is_allowed() -> None:
    ours, theirs = role("standby", 1, TARGET), role("active", 1, SOURCE)
    assert isinstance(refusal(ours, theirs, SOURCE, TARGET), TargetIsActive)
    assert isinstance(refusal(None, theirs, SOURCE, TARGET), TargetIsActive)  # unplanned: the source was not told
    assert refusal(theirs, ours, TARGET, SOURCE) is None
    assert refusal(theirs, None, TARGET, SOURCE) is None


def test_an_old_source_that_was_active_in_an_earlier_generation_may_be_brought_back() -> None:
    now, before = role("active", 3, SOURCE), role("active", 2, TARGET)
    assert refusal(now, before, TARGET, SOURCE) is None
    assert isinstance(refusal(before, now, SOURCE, TARGET), TargetIsActive)


def test_a_switch_that_was_cut_off_leaves_neither_direction() -> None:
    half = role("standby", 1, TARGET)
    assert "standby side" in str(refusal(half, None, SOURCE, TARGET))
    assert "cut off" in str(refusal(None, half, TARGET, SOURCE))


def test_an_active_side_is_not_overwritten_by_anybody_else() -> None:
    theirs = role("active", 1, SOURCE)
    assert isinstance(refusal(None, theirs, OTHER, TARGET), TargetIsActive)
    assert isinstance(refusal(role("active", 9, SOURCE), theirs, OTHER, TARGET), TargetIsActive)


def test_a_standby_side_may_be_copied_to_a_third_place_as_before() -> None:
    assert refusal(role("standby", 1, TARGET), None, SOURCE, OTHER) is None


@pytest.mark.parametrize("generation", [1, 9])
def test_a_side_of_a_two_way_sync_is_overwritten_by_nobody_whatever_the_numbers(generation: int) -> None:
    ours = replace(role("active", generation, TARGET), how="two-way")
    theirs = replace(role("active", 1, SOURCE), how="two-way")
    assert isinstance(refusal(ours, theirs, SOURCE, TARGET), TargetIsActive)
    assert isinstance(refusal(theirs, ours, TARGET, SOURCE), TargetIsActive)
    assert refusal(ours, None, SOURCE, TARGET) is None  # the sync was ended at the target


@given(st.lists(st.sampled_from(["over", "over alone", "back"]), max_size=6))
def test_whatever_was_switched_exactly_one_direction_is_allowed(history: list[str]) -> None:
    ours: Role | None = None
    theirs: Role | None = None
    for event in history:
        generation = max(roles.generation_of(ours), roles.generation_of(theirs)) + 1
        if event != "back":
            theirs = role("active", generation, SOURCE)
            ours = ours if event == "over alone" else theirs.other(TARGET)
        else:
            theirs = role("standby", generation, SOURCE)
            ours = theirs.other(TARGET)
        there, back = refusal(ours, theirs, SOURCE, TARGET), refusal(theirs, ours, TARGET, SOURCE)
        assert (there is None) == (event == "back")
        assert (back is None) == (event != "back")


@pytest.fixture
def state() -> Any:
    zone = open_zone("memory://roles/data")
    yield StateFolder(zone)
    memory.forget("roles")


def test_roles_survive_storing_and_the_newest_holds(state: StateFolder) -> None:
    assert roles.newest(state) is None
    first = replace(role("standby", 9, TARGET), not_held=("acl", "owner"))
    roles.write(state, first)
    roles.write(state, role("active", 10, TARGET))
    assert roles.newest(state) == role("active", 10, TARGET)
    roles.write(state, first)  # the same again is no error
    with pytest.raises(WrongSide, match="another switch"):
        roles.write(state, role("active", 9, TARGET))


@pytest.mark.parametrize(
    "content",
    [b"{}", b'{"format": 2}', b'{"format": 1, "role": "active"}', b"not json", b'{"format": 1, "not_held": []}'],
)
def test_a_damaged_role_is_an_error_and_never_no_role(state: StateFolder, content: bytes) -> None:
    state.write("role/000000000001.json", content)
    with pytest.raises(StateDamaged):
        roles.newest(state)


def test_a_role_that_vanishes_while_it_is_read_is_an_error(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    roles.write(state, role("active", 1, TARGET))
    monkeypatch.setattr(state, "read_json", lambda _: None)
    with pytest.raises(StateDamaged, match="vanished"):
        roles.newest(state)


def test_the_time_of_a_switch_is_told_in_utc() -> None:
    assert role("active", 1, TARGET).since == "2023-11-14 22:15:00 UTC"


def test_a_role_that_is_neither_is_damaged(state: StateFolder) -> None:
    roles.write(state, role("both", 1, TARGET))
    with pytest.raises(StateDamaged, match="neither active nor standby"):
        roles.newest(state)


def test_an_address_names_a_side_without_its_connection() -> None:
    zone = open_zone("memory://conn@roles/data")
    assert roles.place_of(zone.address) == "memory://roles/data"
    memory.forget("roles")
