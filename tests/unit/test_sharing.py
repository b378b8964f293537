"""How runs share what may be moved out of a zone and into it: which zone a place lies in, who counts, and what each may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadAddress, BadOption
from airflow_provider_livedata.engine.sharing.shares import (
    MOST_WEIGHT,
    ShareTimes,
    Sight,
    alive,
    looked,
    name_of,
    share,
    weight_in,
)
from airflow_provider_livedata.engine.sharing.zone_pace import ZonePace, pace_at, zone_paces
from airflow_provider_livedata.engine.timetable import Timetable

ONE, TWO = name_of("1" * 16, 10), name_of("2" * 16, 30)


def test_limits_are_kept_in_the_zone_itself_where_nothing_else_is_said() -> None:
    paces = zone_paces({
        "hdfs://prod@nn1:8020/": {"reading": "50MiB/s"},
        "s3://lake/": {"writing": "1MiB/s, 08:00-18:00=closed", "kept_at": "s3://other/state"},
    })  # fmt: skip
    assert paces["hdfs://prod@nn1:8020/"] == ZonePace("hdfs://prod@nn1:8020/", reading="50MiB/s")
    assert paces["s3://lake/"].kept_at == "s3://other/state"
    assert paces["s3://lake/"].timetable("writing") == Timetable.parse("1MiB/s, 08:00-18:00=closed")
    assert paces["s3://lake/"].timetable("reading") == Timetable()


@pytest.mark.parametrize(
    ("value", "error", "names"),
    [
        ([], BadOption, "object"),
        ({"nowhere": {}}, BadAddress, "nowhere"),
        ({"s3://lake/": "50MiB/s"}, BadOption, "s3://lake/"),
        ({"s3://lake/": {"speed": "50MiB/s"}}, BadOption, "reading"),
        ({"s3://lake/": {"reading": 50}}, BadOption, "s3://lake/"),
        ({"s3://lake/": {"reading": "fast"}}, BadOption, "fast"),
        ({"s3://lake/": {"writing": "fast"}}, BadOption, "fast"),
        ({"s3://lake/": {"kept_at": "there"}}, BadAddress, "there"),
    ],
)
def test_limits_of_another_form_are_refused_by_name(value: object, error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        zone_paces(value)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("s3://a@lake/sales/eu", "s3://lake/sales"),
        ("s3://lake/sales", "s3://lake/sales"),
        ("s3://other@lake/salesmen", "s3://lake/"),
        ("s3://lake/", "s3://lake/"),
        ("s3://sea/sales", None),
        ("hdfs://lake/sales", None),
    ],
)
def test_a_place_has_the_limits_of_the_smallest_zone_that_it_lies_in(address: str, found: str | None) -> None:
    paces = zone_paces({"s3://lake/": {}, "s3://lake/sales": {}})
    assert pace_at(address, paces) == (paces[found] if found else None)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        (ONE, 10),
        (TWO, 30),
        (name_of("a" * 16, 9999), MOST_WEIGHT),
        ("note.txt", 0),
        ("1" * 16 + "-x.json", 0),
        (f"{'1' * 15}-7.json", 0),
    ],
)
def test_the_name_of_a_runs_file_tells_its_weight_and_no_other_name_does(name: str, weight: int) -> None:
    assert weight_in(name) == weight


@given(st.lists(st.integers(1, MOST_WEIGHT), min_size=1, max_size=20))
def test_shares_of_runs_that_all_see_one_another_are_by_weight_and_make_one_together(weights: list[int]) -> None:
    shares = [share(weight, weights[:n] + weights[n + 1 :]) for n, weight in enumerate(weights)]
    assert sum(shares) == pytest.approx(1)
    assert [one * weights[0] for one in shares] == pytest.approx([shares[0] * weight for weight in weights])


def test_a_run_that_shows_life_counts_and_one_whose_file_does_not_change_stops_to() -> None:
    sights = looked({}, {ONE: "beat 1", TWO: "beat 1", "note.txt": "x"}, 100.0)
    assert sights == {ONE: Sight("beat 1", 100.0), TWO: Sight("beat 1", 100.0)}
    sights = looked(sights, {ONE: "beat 2", TWO: "beat 1"}, 130.0)
    assert sights == {ONE: Sight("beat 2", 130.0), TWO: Sight("beat 1", 100.0)}
    assert alive(sights, 160.0, 60) == [ONE, TWO]
    assert alive(sights, 160.1, 60) == [ONE]
    assert looked(sights, {}, 170.0) == {}


def test_who_comes_waits_until_each_of_the_others_has_looked_or_holds_still() -> None:
    assert ShareTimes(beat_s=7).notice_s == 14
