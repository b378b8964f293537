"""Which backups stay: tables written by hand, and what holds for every policy and every set of backups."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine import (
    BackupFacts,
    BackupState,
    Duration,
    RetentionPolicy,
    decide_retention,
)
from airflow_provider_livedata.engine.backups.retention import PERIODS
from airflow_provider_livedata.engine.backups.retention_policy import AGES, COUNTS
from airflow_provider_livedata.engine.errors import BadInput, BadOption

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
COMPLETE, INCOMPLETE, DAMAGED, REMOVING = BackupState


def backup(name: str, time: str, state: BackupState = COMPLETE, *, verified: bool = False, held: bool = False) -> BackupFacts:  # fmt: skip
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC)
    return BackupFacts(name, moment, state, moment + timedelta(hours=1) if verified else None, held)


GOLDEN: dict[str, tuple[dict[str, Any], str, list[BackupFacts]]] = {
    "days_and_weeks": (
        {"keep_last": 2, "keep_daily": 3, "keep_weekly": 2, "timezone": "Europe/Berlin"}, "2026-11-23 10:00",
        [
            backup("n22", "2026-11-22 22:30"), backup("n21", "2026-11-21 23:30"), backup("n20", "2026-11-20 22:30"),
            backup("n15", "2026-11-15 22:30"), backup("n14", "2026-11-14 22:30"), backup("n08", "2026-11-08 22:30"),
        ],
    ),
    "autumn_night": (
        {"keep_hourly": 3, "timezone": "Europe/Berlin"}, "2026-10-25 03:00",
        [
            backup("h5", "2026-10-25 02:10"), backup("h4", "2026-10-25 01:10"), backup("h3", "2026-10-25 00:40"),
            backup("h2", "2026-10-25 00:10"), backup("h1", "2026-10-24 23:50"),
        ],
    ),
    "safety": (
        {"keep_last": 1}, "2026-11-23 10:00",
        [
            backup("tomorrow", "2026-11-24 02:00"), backup("running", "2026-11-23 09:00", INCOMPLETE),
            backup("newest", "2026-11-23 02:00"), backup("broken", "2026-11-22 02:00", DAMAGED, verified=True),
            backup("cut off", "2026-11-21 02:00", INCOMPLETE), backup("proved", "2026-11-20 02:00", verified=True),
            backup("proved once", "2026-11-19 02:00", verified=True), backup("audit", "2026-11-18 02:00", held=True),
            backup("going", "2026-11-17 02:00", REMOVING), backup("audit going", "2026-11-16 02:00", REMOVING, held=True),
        ],
    ),
    "within": (
        {"keep_within": "1m", "keep_within_monthly": "1y", "timezone": "Europe/Berlin"}, "2026-11-23 10:00",
        [
            backup("w7", "2026-03-31 02:00"), backup("w6", "2026-03-01 02:00"), backup("w5", "2026-02-28 03:01"),
            backup("w4", "2026-02-28 03:00"), backup("w3", "2025-04-15 02:00"), backup("w2", "2025-04-10 02:00"),
            backup("w1", "2025-03-31 01:00"),
        ],
    ),
    "oldest": (
        {"keep_monthly": 3, "keep_yearly": -1}, "2026-11-23 10:00",
        [backup("y4", "2026-01-20"), backup("y3", "2026-01-10"), backup("y2", "2025-12-31"), backup("y1", "2025-12-05")],
    ),
    "no_rule": (
        {}, "2026-11-23 10:00",
        [backup("newest", "2026-11-22"), backup("cut off", "2026-11-12", INCOMPLETE), backup("going", "2026-11-01", REMOVING)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN)
def test_the_tables_written_by_hand(case: str, golden: Callable[[str, str], None]) -> None:
    policy, now, backups = GOLDEN[case]
    decided = decide_retention(backups, RetentionPolicy.of(policy), datetime.fromisoformat(now).replace(tzinfo=UTC))
    golden(f"retention/{case}.txt", decided.table() + "\n")


# What holds whatever the policy ------------------------------------------------------------------------------

# Hours are coarse, so that times fall together, into one period, and on either side of now and of a change of clocks.
ages = st.one_of(st.integers(-3, 60), st.integers(-30, 24 * 800), st.integers(0, 24 * 4).map(lambda n: 24 * 29 + n))
facts = st.builds(
    lambda age, half, state, verified, held: (NOW - timedelta(hours=age, minutes=half), state, NOW if verified else None, held),
    ages, st.sampled_from([0, 30]), st.sampled_from([COMPLETE, COMPLETE, COMPLETE, *BackupState]), st.booleans(),
    st.sampled_from([False, False, False, True]),
)  # fmt: skip
histories = st.lists(facts, max_size=40).map(
    lambda found: [BackupFacts(f"b{number}", *one) for number, one in enumerate(found)]
)
counts = st.fixed_dictionaries({}, optional={name: st.integers(-1, 6) for name in COUNTS})
spans = st.builds(Duration, st.integers(0, 2), st.integers(0, 14), st.integers(0, 40), st.integers(0, 50))
within = st.fixed_dictionaries({}, optional=dict.fromkeys(AGES, spans))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
policies = st.builds(lambda one, other, zone: RetentionPolicy(**one, **other, timezone=zone), counts, within, zones)


def kept(backups: Sequence[BackupFacts], policy: RetentionPolicy) -> set[str]:
    return {one.name for one in decide_retention(backups, policy, NOW).kept}


def counting(backups: Sequence[BackupFacts]) -> list[BackupFacts]:
    return [one for one in backups if one.state is COMPLETE and one.time <= NOW]


@given(histories, policies)
def test_what_must_stay_stays_whatever_the_policy(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    stays = kept(backups, policy)
    assert {one.name for one in backups if one.held} <= stays
    assert {one.name for one in backups if one.state is DAMAGED} <= stays
    assert {one.name for one in backups if one.state is COMPLETE and one.time > NOW} <= stays
    young = {one.name for one in backups if one.state is INCOMPLETE and NOW - one.time <= timedelta(days=1)}
    assert young <= stays
    for those in (counting(backups), [one for one in counting(backups) if one.verified]):
        if those:
            assert max(those, key=lambda one: (one.time, one.name)).name in stays


@given(histories, policies)
def test_every_backup_is_decided_once_and_has_a_reason(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    decided = decide_retention(backups, policy, NOW)
    assert sorted(one.backup.name for one in decided.decisions) == sorted(one.name for one in backups)
    assert all(one.reasons and all(one.reasons) for one in decided.decisions)
    assert len(decided.kept) + len(decided.removed) == len(backups)
    moments = [one.backup.time for one in decided.decisions]
    assert moments == sorted(moments, reverse=True)


@given(histories, zones)
def test_no_rule_removes_nothing(backups: list[BackupFacts], zone: str) -> None:
    assert kept(backups, RetentionPolicy(timezone=zone)) == {one.name for one in backups}


@given(histories, policies)
def test_of_what_is_not_complete_only_the_old_goes(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    if policy.is_empty:
        return
    for one in decide_retention(backups, policy, NOW).removed:
        assert not one.held
        assert one.state is not DAMAGED
        assert one.state is not INCOMPLETE or NOW - one.time > timedelta(days=1)


@given(histories, policies)
def test_what_does_not_count_pushes_nothing_out(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    alone = counting(backups)
    assert kept(alone, policy) == kept(backups, policy) & {one.name for one in alone}


@given(histories, policies)
def test_deciding_again_on_what_stayed_keeps_all_of_it(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    stayed = decide_retention(backups, policy, NOW).kept
    assert decide_retention(stayed, policy, NOW).removed == ()


@given(histories, policies, st.sampled_from(COUNTS), st.integers(1, 40))
def test_a_higher_count_never_removes_more(
    backups: list[BackupFacts], policy: RetentionPolicy, rule: str, more: int
) -> None:
    count = getattr(policy, rule)
    if policy.is_empty or count < 0:
        return
    lower = kept(backups, policy)
    for higher in (count + more, -1):
        changed: dict[str, Any] = {rule: higher}
        assert lower <= kept(backups, dataclasses.replace(policy, **changed))


@given(histories, policies, st.randoms(use_true_random=False))
def test_the_order_in_which_backups_come_does_not_matter(
    backups: list[BackupFacts], policy: RetentionPolicy, random: Any
) -> None:
    shuffled = random.sample(backups, len(backups))
    assert decide_retention(backups, policy, NOW) == decide_retention(shuffled, policy, NOW)


@given(histories, policies)
def test_each_count_keeps_as_many_periods_as_it_says(backups: list[BackupFacts], policy: RetentionPolicy) -> None:
    stays = kept(backups, policy)
    for rule, period in PERIODS.items():
        local = {one.name: one.time.astimezone(policy.zone) for one in counting(backups)}
        having = {period.key(moment) for moment in local.values()}
        left = {period.key(moment) for name, moment in local.items() if name in stays}
        count = getattr(policy, f"keep_{rule}")
        assert len(left) >= (len(having) if count < 0 else min(count, len(having)))


@given(histories, spans.filter(bool), zones)
def test_nothing_younger_than_keep_within_goes(backups: list[BackupFacts], age: Duration, zone: str) -> None:
    policy = RetentionPolicy(keep_within=age, timezone=zone)
    stays = kept(backups, policy)
    newest = max((one.time for one in counting(backups)), default=NOW)
    limit = newest - timedelta(days=365 * age.years + 28 * age.months + age.days - 1, hours=age.hours)
    assert {one.name for one in counting(backups) if one.time > limit} <= stays


# Particular things ------------------------------------------------------------------------------------------


def test_the_last_days_of_a_year_may_be_in_a_week_of_the_next_or_the_one_before() -> None:
    found = [backup("a", "2027-01-03"), backup("b", "2026-12-28"), backup("c", "2024-12-30"), backup("d", "2024-12-29")]
    decided = decide_retention(found, RetentionPolicy(keep_weekly=9), datetime(2027, 2, 1, tzinfo=UTC))
    assert [one.reasons[-1] for one in decided.decisions] == [
        "newest of the week 2026-W53 (1 of 9 weekly)",
        "no rule keeps it",
        "newest of the week 2025-W01 (2 of 9 weekly)",
        "newest of the week 2024-W52 (3 of 9 weekly)",
    ]


def test_equal_times_are_told_apart_by_their_names() -> None:
    found = [backup("b", "2026-01-01"), backup("a", "2026-01-01"), backup("c", "2026-01-01")]
    assert kept(found, RetentionPolicy(keep_daily=1, keep_last=1)) == {"c"}


def test_a_backup_of_this_very_moment_counts() -> None:
    found = [backup("now", "2026-11-23 10:00"), backup("before", "2026-11-23 09:00")]
    decided = decide_retention(found, RetentionPolicy(keep_last=1), NOW)
    assert [(one.backup.name, one.reasons) for one in decided.decisions] == [
        ("now", ("newest complete backup", "last (1 of 1)")),
        ("before", ("no rule keeps it",)),
    ]


def test_an_incomplete_backup_stays_to_the_last_moment_of_its_grace() -> None:
    found = [backup("day old", "2026-11-22 10:00", INCOMPLETE), backup("older", "2026-11-22 09:59", INCOMPLETE)]
    assert kept(found, RetentionPolicy(keep_last=1)) == {"day old"}


def test_an_incomplete_backup_whose_files_are_all_there_is_left_to_the_next_one_whatever_its_age() -> None:
    old = backup("old", "2026-01-01 10:00", INCOMPLETE)
    decided = decide_retention([dataclasses.replace(old, is_brought=True)], RetentionPolicy(keep_last=1), NOW)
    assert decided.decisions[0].reasons == ("incomplete, and all of it is there: the next backup completes it",)
    assert (len(decided.kept), kept([old], RetentionPolicy(keep_last=1))) == (1, set())


def test_a_span_ends_before_what_is_exactly_as_old() -> None:
    found = [
        backup("new", "2026-11-23 09:00"),
        backup("two days", "2026-11-21 09:00"),
        backup("younger", "2026-11-21 10:00"),
    ]
    assert kept(found, RetentionPolicy(keep_within_hourly=Duration(days=2))) == {"new", "younger"}
    assert kept(found, RetentionPolicy(keep_within=Duration(days=2))) == {"new", "younger"}


def test_times_may_be_in_any_zone() -> None:
    east = BackupFacts("east", datetime(2026, 1, 2, 5, tzinfo=timezone(timedelta(hours=8))), COMPLETE, None, held=False)
    found = [east, backup("utc", "2026-01-01 22:00")]
    assert kept(found, RetentionPolicy(keep_last=1)) == {"utc"}


def test_a_long_table_shows_the_newest_and_says_how_many_more() -> None:
    found = [backup(f"b{day}", f"2026-01-0{day}") for day in range(1, 6)]
    lines = decide_retention(found, RetentionPolicy(keep_last=1), NOW).table(shown=2).splitlines()
    assert [line.split()[4] for line in lines[2:4]] == ["b5", "b4"]
    assert lines[4:] == ["... and 3 older ones"]


def test_names_and_times_that_decide_nothing_are_refused() -> None:
    twice = [backup("same", "2026-01-01"), backup("same", "2026-01-02"), backup("other", "2026-01-02")]
    with pytest.raises(BadInput, match=r"names of their own .*\['same'\]"):
        decide_retention(twice, RetentionPolicy(keep_last=1), NOW)
    naive = [BackupFacts("local", datetime(2026, 1, 1), COMPLETE, None, held=False)]  # noqa: DTZ001 - that is what is refused
    with pytest.raises(BadInput, match="needs a time zone .*local"):
        decide_retention(naive, RetentionPolicy(keep_last=1), NOW)
    with pytest.raises(BadInput, match="now needs a time zone"):
        decide_retention([], RetentionPolicy(), datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"keep_dayly": 7}, r"the rules are keep_last, .*timezone, grace .*unknown=\['keep_dayly'\]"),
        ({"keep_daily": -2}, r"keep_daily is a whole number, 0 for none or -1 for all \(keep_daily=-2\)"),
        ({"keep_daily": "7"}, "keep_daily is a whole number"),
        ({"keep_daily": True}, "keep_daily is a whole number"),
        ({"keep_within": "5 days"}, r"keep_within is written as 1y5m7d2h: .*\(keep_within='5 days'\)"),
        ({"keep_within": "5d5d"}, "each at most once"),
        ({"keep_within": "d"}, "keep_within is written as"),
        ({"keep_within": "1234567d"}, "keep_within is written as"),
        ({"keep_within_daily": 7}, "keep_within_daily is written as"),
        ({"timezone": "Mars/Olympus"}, r"not a time zone; write an IANA name .*timezone='Mars/Olympus'"),
        ({"timezone": "../UTC"}, "not a time zone"),
        ({"timezone": "Europe"}, "not a time zone"),
        ({"timezone": None}, "not a time zone"),
        ({"timezone": ""}, "not a time zone"),
        ({"grace": ""}, "grace is longer than nothing"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_the_way_out(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        RetentionPolicy.of(values)


def test_a_policy_takes_durations_and_not_texts() -> None:
    with pytest.raises(BadOption, match=r"RetentionPolicy\.of reads texts"):
        RetentionPolicy(keep_within="7d")  # type: ignore[arg-type]


@given(st.builds(Duration, *[st.integers(0, 999_999)] * 4))
def test_a_duration_is_read_as_it_is_written(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize(
    ("text", "moment", "before"),
    [
        ("1m", "2026-03-31T04:00+02:00", "2026-02-28T04:00+01:00"),
        ("1y", "2024-02-29T12:00+01:00", "2023-02-28T12:00+01:00"),
        ("1d", "2026-10-25T12:00+01:00", "2026-10-24T12:00+02:00"),  # 25 hours
        ("24h", "2026-10-25T12:00+01:00", "2026-10-24T13:00+02:00"),
        ("1h", "2026-10-25T02:30+01:00", "2026-10-25T02:30+02:00"),
        ("13m", "2026-01-15T00:00+01:00", "2024-12-15T00:00+01:00"),
        ("999999y", "2026-01-15T00:00+01:00", "0001-01-01T00:00+00:00"),
        ("999999d", "2026-01-15T00:00+01:00", "0001-01-01T00:00+00:00"),
        ("", "2026-01-15T00:00+01:00", "2026-01-15T00:00+01:00"),
    ],
)
def test_a_duration_goes_back_on_the_calendar_and_the_clock(text: str, moment: str, before: str) -> None:
    zone = RetentionPolicy(timezone="Europe/Berlin").zone
    assert Duration.parse(text).before(datetime.fromisoformat(moment), zone) == datetime.fromisoformat(before)
