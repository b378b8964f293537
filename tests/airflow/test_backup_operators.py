"""The operators of backups, each in a DAG of its own or alone, on zones in memory."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias

from airflow_provider_livedata.engine import BackupOptions, RetentionPolicy, catalogue, hold, open_zone
from airflow_provider_livedata.engine.backups.record import hold_name
from airflow_provider_livedata.engine.errors import (
    BackupMissing,
    BackupUnusable,
    BadOption,
    LiveDataError,
    VerifyFailed,
)
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.operators.backup import (
    LiveDataBackupOperator,
    LiveDataCatalogueOperator,
    LiveDataVerifyBackupOperator,
)
from airflow_provider_livedata.operators.retention import (
    LiveDataHoldOperator,
    LiveDataRemoveBackupsOperator,
    LiveDataRetentionOperator,
)
from tests.airflow.runs import asset_events
from tests.airflow.test_operators import context, run_task

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()


@pytest.fixture
def source() -> str:
    address = f"memory://backed-up-{next(_NUMBERS)}/data"
    change(address, "a", "b", "c/d")
    return address


@pytest.fixture
def place() -> str:
    return f"memory://vault-{next(_NUMBERS)}/data"


def change(address: str, *names: str) -> None:
    zone = open_zone(address)
    for name in names:
        zone.put(name, f"{name} {next(_NUMBERS)}".encode())


def back_up(source: str, place: str | None, **options: Any) -> dict[str, Any]:
    given = {"layout": "auto" if place in (None, "", "None") else "increments", **options}
    return LiveDataBackupOperator(task_id="backup", source=source, place=place, **given).work(context())


def states(place: str) -> dict[str, str]:
    return {one.name: one.state for one in catalogue(place).backups}


@pytest.fixture
def three(source: str, place: str) -> list[str]:
    """The names of three backups of a place."""
    names = []
    for n in range(3):
        change(source, f"new-{n}")
        names.append(back_up(source, place)["name"])
    return names


def test_a_backup_returns_the_reports_totals_and_gives_them_to_its_outlets(source: str, place: str) -> None:
    alias, asset = AssetAlias("made"), Asset(name=place, uri="s3://vault/data")
    run = run_task(
        lambda: LiveDataBackupOperator(
            task_id="backup", source=source, place="{{ '" + place + "' }}", options={"threads": "{{ 1 + 1 }}"},
            layout="{{ 'increments' }}", outlets=[alias, asset],
        )
    )  # fmt: skip
    result = run.results["backup"]
    assert run.state == "success"
    assert (result["state"], result["layout"], result["files"], result["changed_files"]) == (
        "complete",
        "increments",
        3,
        3,
    )
    assert result["address"].startswith(f"{place}/.livedata/backups/{result['name']}/report-")
    assert len(result["digest"]) == 64
    assert result["verified"] is None
    assert states(place) == {result["name"]: "complete"}
    assert asset_events("s3://vault/data")[-1] == asset_events(place)[-1] == result


@pytest.mark.parametrize("empty", [None, "", "None"])
def test_without_a_place_the_locations_own_snapshots_are_its_backups(source: str, empty: str | None) -> None:
    result = back_up(source, empty, verify_level=empty)
    assert (result["layout"], result["snapshot"]) == ("in place", f"livedata-backup-{result['name']}")
    assert states(source) == {result["name"]: "complete"}


@pytest.mark.parametrize("level", ["checksum", "content"])
def test_a_backup_can_be_proved_at_once(source: str, place: str, level: str) -> None:
    result = back_up(source, place, verify_level=level)
    assert (result["verified"]["level"], result["verified"]["files"], result["verified"]["is_same"]) == (level, 3, True)
    (one,) = catalogue(place).backups
    assert one.verified is not None


def test_a_dry_run_says_what_would_be_brought_and_is_no_event(source: str, place: str) -> None:
    run = run_task(
        lambda: LiveDataBackupOperator(
            task_id="backup", source=source, place=place, dry_run="{{ true }}", verify_level="checksum",
            outlets=[AssetAlias("never made")],
        )
    )  # fmt: skip
    result = run.results["backup"]
    assert (result["state"], result["changed_files"], result["verified"]) == ("dry run", 3, None)
    assert open_zone(place).stat(result["address"].removeprefix(f"{place}/")) is not None
    assert (states(place), asset_events(place)) == ({}, [])


def test_what_is_the_same_for_every_backup_cannot_be_chosen(source: str, place: str) -> None:
    for options in ({"consistency": "snapshot"}, {"foreign": "keep", "keep_removed": 3}, {"colour": "red"}):
        with pytest.raises(BadOption, match="|".join(options)):
            back_up(source, place, options=options)
    with pytest.raises(BadOption, match="layout is one of"):
        back_up(source, place, layout="zip")
    assert states(place) == {}


def test_a_backup_is_refused_where_too_much_has_vanished_unless_told_otherwise(source: str, place: str) -> None:
    back_up(source, place)
    zone = open_zone(source)
    zone.delete([entry for entry in zone.scan() if entry.path in "ab"])
    assert back_up(source, place)["state"] == "complete"  # two of three: fewer than nine tenths
    change(source, "a", "b")
    back_up(source, place)
    zone.delete([entry for entry in zone.scan() if entry.path in "ab"])
    with pytest.raises(LiveDataError) as caught:
        back_up(source, place, options={"max_delete_ratio": "0.5"})
    assert type(caught.value).__name__ == "TooManyDeletes"


def test_a_place_names_the_task_that_works_there(source: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_livedata import engine

    seen, made = [], engine.backup

    def noting(source: Any, place: Any, options: BackupOptions) -> Any:
        seen.append(options.copy.holder)
        return made(source, place, options)

    monkeypatch.setattr(engine, "backup", noting)
    back_up(source, place)
    assert seen == ["Airflow DAG a_dag, run a_run, task a_task"]


def test_the_catalogue_is_listed_with_few_numbers(source: str, place: str, three: list[str]) -> None:
    LiveDataVerifyBackupOperator(task_id="verify", place=place, which=three[1]).work(context())
    hold(place, three[0], "audit", by="ann")
    run = run_task(lambda: LiveDataCatalogueOperator(task_id="list", place=place, policy={"keep_last": "{{ 1 }}"}))
    told = run.results["list"]
    assert (told["count"], told["states"], told["held"]) == (3, {"complete": 3}, 1)
    assert (told["newest"], told["newest_verified"], told["damaged"]) == (three[2], three[1], [])
    assert 0 <= told["newest_age_seconds"] < 3600
    assert [one["name"] for one in told["backups"]] == three[::-1]
    assert told["backups"][2]["held_by"] == ["ann: audit"]
    assert any("newest verified" in reason for reason in told["backups"][1]["reasons"])
    assert (told["would_keep"], told["would_remove"]) == (3, 0)


def test_the_catalogue_of_an_empty_place_is_empty(place: str) -> None:
    told = LiveDataCatalogueOperator(task_id="list", place=place).work(context())
    assert (told["count"], told["newest"], told["newest_age_seconds"], told["backups"]) == (0, "", None, [])
    assert "would_remove" not in told


def test_what_the_catalogue_hands_over_does_not_grow_with_the_backups(source: str, place: str) -> None:
    names = [back_up(source, place)["name"] for _ in range(22)]
    told = LiveDataCatalogueOperator(task_id="list", place=place, check=False).work(context())
    assert told["count"] == 22
    assert [one["name"] for one in told["backups"]] == names[:1:-1]


def test_damage_is_told_and_never_hidden(source: str, place: str, three: list[str]) -> None:
    StateFolder(open_zone(place)).write(f"backups/{three[2]}/complete.json", b"{}")
    told = LiveDataCatalogueOperator(task_id="list", place=place).work(context())
    assert (told["damaged"], told["newest"]) == ([three[2]], three[1])
    assert "backups" in told["backups"][0]["why"]


def test_a_backup_is_proved_and_a_difference_fails_the_task(source: str, place: str) -> None:
    name = back_up(source, place)["name"]
    verify = LiveDataVerifyBackupOperator(task_id="verify", place=place, which=name, level="content", threads="2")
    result = verify.work(context())
    assert (result["files"], result["is_same"], len(result["digest"]), result["place"]) == (3, True, 64, place)
    open_zone(place).put(f"{name}/a", b"eve")
    with pytest.raises(VerifyFailed, match="the backup is not what was made") as caught:
        verify.work(context())
    assert caught.value.report.summary()["difference_count"] == 1
    told = LiveDataCatalogueOperator(task_id="list", place=place).work(context())
    assert (told["differing"], told["newest_verified"], told["backups"][0]["differences"]) == ([name], "", 1)
    with pytest.raises(BackupMissing):
        LiveDataVerifyBackupOperator(task_id="verify", place=place, which="2001-01-01").work(context())


def test_a_policy_removes_what_it_does_not_keep(place: str, three: list[str]) -> None:
    rehearsed = LiveDataRetentionOperator(task_id="r", place=place, policy='{"keep_last": 1}', dry_run="True")
    told = rehearsed.work(context())
    assert (told["state"], told["would_remove"], told["kept"]) == ("dry run", three[:2], 1)
    assert len(states(place)) == 3
    policy = {"keep_last": "{{ 2 }}", "keep_daily": "", "timezone": "Europe/Berlin"}
    run = run_task(lambda: LiveDataRetentionOperator(task_id="retention", place=place, policy=policy))
    told = run.results["retention"]
    assert (told["state"], told["removed"], len(told["digest"])) == ("done", three[:1], 64)
    assert "Europe/Berlin" in told["policy"]
    assert list(states(place)) == three[1:]
    assert LiveDataRetentionOperator(task_id="r", place=place, policy={}).work(context())["removed"] == []


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"keep_dayly": 7}, "keep_dayly"), ({"keep_daily": "many"}, "keep_daily"), ({"keep_within": "soon"}, "keep_within"),
        ("keep 7", "keep 7"), ("[1]", "policy"), ({"timezone": "Berlin"}, "Berlin"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused(place: str, three: list[str], policy: Any, named: str) -> None:
    with pytest.raises(BadOption, match=named):
        LiveDataRetentionOperator(task_id="r", place=place, policy=policy).work(context())
    assert len(states(place)) == 3


def test_a_held_backup_stays_until_it_is_let_go(place: str, three: list[str]) -> None:
    keep_one = LiveDataRetentionOperator(task_id="r", place=place, policy={"keep_last": 1})
    hold_it: dict[str, Any] = {"place": place, "which": three[0], "why": "audit {{ 2026 }}"}
    held = run_task(lambda: LiveDataHoldOperator(task_id="hold", **hold_it))
    (mark,) = catalogue(place).find(three[0]).holds
    assert held.results["hold"]["hold"] == mark.hold == hold_name(mark.by, "audit 2026")
    assert (mark.by.startswith("Airflow DAG one_task_"), mark.why, mark.until_ms) == (True, "audit 2026", 0)
    assert keep_one.work(context())["removed"] == [three[1]]
    release = LiveDataHoldOperator(
        task_id="r", place=place, which=three[0], why="audit 2026", by=mark.by, action="release"
    )
    assert release.work(context())["action"] == "release"
    assert keep_one.work(context())["removed"] == [three[0]]


def test_a_damaged_backup_is_removed_by_its_name(place: str, three: list[str]) -> None:
    StateFolder(open_zone(place)).write(f"backups/{three[1]}/complete.json", b"{}")
    with pytest.raises(BadOption, match="policy alone"):
        LiveDataRemoveBackupsOperator(task_id="r", place=place, names=three).work(context())
    rehearsed = LiveDataRemoveBackupsOperator(task_id="r", place=place, names=three[1], dry_run="yes").work(context())
    assert (rehearsed["state"], rehearsed["would_remove"]) == ("dry run", [three[1]])
    names = ["{{ '" + three[1] + "' }}"]
    run = run_task(lambda: LiveDataRemoveBackupsOperator(task_id="remove", place=place, names=names))
    assert run.results["remove"]["removed"] == [three[1]]
    assert list(states(place)) == [three[0], three[2]]


def test_the_newest_backup_is_held_for_a_time(place: str, three: list[str]) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    operator = LiveDataHoldOperator(
        task_id="h", place=place, which="latest", why="a drill", by="ann", until=tomorrow.isoformat()
    )
    assert operator.work(context())["name"] == three[2]
    assert operator.work(context())["name"] == three[2]  # a second try holds it no second time
    (mark,) = catalogue(place).find(three[2]).holds
    assert abs(mark.until_ms - tomorrow.timestamp() * 1000) < 1000


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"until": "soon"}, BadOption), ({"until": "2001-01-01"}, BadOption), ({"action": "keep"}, BadOption), ({"why": " "}, BadOption),
        ({"which": "000099-20260101T000000Z"}, BackupMissing), ({"action": "release"}, BackupMissing),
    ],
)  # fmt: skip
def test_a_hold_that_cannot_be_is_refused(
    place: str, three: list[str], change: dict[str, Any], error: type[Exception]
) -> None:
    given = {"place": place, "which": three[0], "why": "audit", "by": "ann", **change}
    with pytest.raises(error):
        LiveDataHoldOperator(task_id="h", **given).work(context())
    assert catalogue(place).find(three[0]).holds == ()


def test_policies_travel_as_json(place: str) -> None:
    from airflow_provider_livedata.operators.backup_values import policy_from

    values = {"keep_daily": 7, "keep_within": "1m", "timezone": "Europe/Berlin"}
    assert policy_from(json.dumps(values)) == policy_from(values) == RetentionPolicy.of(values)
    assert policy_from("").is_empty


def test_a_half_backup_is_not_proved(place: str, three: list[str]) -> None:
    StateFolder(open_zone(place)).write_json(f"backups/{three[2]}/removing.json", {"format": 1})
    with pytest.raises(BackupUnusable):
        LiveDataVerifyBackupOperator(task_id="verify", place=place, which=three[2]).work(context())
