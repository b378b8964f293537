"""Limits of zones in Airflow: the Variable that every task reads, pools, and tasks that come while a zone is closed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.configuration.__main__ import main
from airflow_provider_livedata.configuration.paces import VARIABLE, limits
from airflow_provider_livedata.dag_templates.configured import replication_dags
from airflow_provider_livedata.dag_templates.configured_backups import backup_dags
from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags
from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.sharing import governed
from airflow_provider_livedata.engine.sharing.member import Member
from airflow_provider_livedata.operators.backup import LiveDataBackupOperator
from airflow_provider_livedata.operators.copy import LiveDataCopyOperator, LiveDataSettleOperator
from airflow_provider_livedata.operators.fail_over import LiveDataFailOverOperator
from airflow_provider_livedata.operators.replicate import LiveDataReplicateOperator
from airflow_provider_livedata.operators.restore import LiveDataRestoreDrillOperator, LiveDataRestoreOperator
from airflow_provider_livedata.operators.two_way import LiveDataTwoWaySyncOperator
from airflow_provider_livedata.operators.verify import LiveDataVerifyOperator
from airflow_provider_livedata.triggers.wait import WaitTrigger
from tests.unit.test_zone_paces import TEXT

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()
SOON = timedelta(hours=2)


def context() -> Any:
    return {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="t", xcom_push=lambda **_: None)}


@pytest.fixture
def sides() -> tuple[str, str]:
    number = next(_NUMBERS)
    source, target = f"memory://paced-{number}/data", f"memory://paced-copy-{number}/data"
    open_zone(source).put("a", b"1")
    return source, target


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def say(value: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_VAR_{VARIABLE.upper()}", value if isinstance(value, str) else json.dumps(value))

    return say


def closed_now() -> str:
    """A span around this minute."""
    now = datetime.now().astimezone()
    return f"{now - SOON:%H:%M}-{now + SOON:%H:%M}=closed"


def left(trigger: WaitTrigger) -> timedelta:
    """Until the task comes back."""
    return timedelta(seconds=trigger.moment.timestamp() - time.time())


def names(address: str) -> list[str]:
    return [entry.path for entry in open_zone(address).scan()]


@pytest.mark.parametrize("direction", ["reading", "writing"])
def test_a_task_that_would_copy_at_a_closed_time_leaves_the_worker_until_it_is_over_and_then_begins_again(
    direction: str, sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    limit({(source if direction == "reading" else target).removesuffix("data"): {direction: closed_now()}})
    task = LiveDataCopyOperator(task_id="copy", source=source, target=target)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, WaitTrigger)
    assert timedelta(minutes=119) < left(trigger) <= SOON
    assert [*names(target), *open_zone(target).scan(".livedata")] == []
    limit({})
    assert task.begin_again(context(), {})["copied_files"] == 1
    assert deferred.value.method_name == "begin_again"
    assert names(target) == ["a"]


def test_the_other_direction_of_a_closed_zone_is_open(sides: tuple[str, str], limit: Callable[..., None]) -> None:
    source, target = sides
    limit({source: {"writing": closed_now()}, target: {"reading": closed_now()}})
    assert LiveDataCopyOperator(task_id="copy", source=source, target=target).execute(context())["copied_files"] == 1


def test_a_dry_run_a_last_round_and_a_fail_over_are_not_held_up(
    sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    LiveDataCopyOperator(task_id="copy", source=source, target=target).execute(context())
    limit({source: {"reading": closed_now()}, target: {"writing": closed_now()}})
    plan = LiveDataCopyOperator(task_id="plan", source=source, target=target, dry_run=True).execute(context())
    assert plan["state"] == "dry run"
    assert LiveDataSettleOperator(task_id="settle", source=source, target=target).execute(context())["changes"] == 0
    over = LiveDataFailOverOperator(task_id="over", source=source, target=target).execute(context())
    assert over["state"] == "switched"


def test_restores_are_not_held_up_and_backups_drills_and_syncs_are(
    sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    LiveDataBackupOperator(task_id="backup", source=source, place=target).execute(context())
    limit({source: {"reading": closed_now()}, target: {"reading": closed_now()}})
    back = f"{target}-back"
    assert (
        LiveDataRestoreOperator(task_id="restore", place=target, destination=back).execute(context())["state"] == "done"
    )
    held_up = (
        LiveDataBackupOperator(task_id="again", source=source, place=target),
        LiveDataRestoreDrillOperator(task_id="drill", place=target, scratch=f"{target}-scratch"),
        LiveDataTwoWaySyncOperator(task_id="sync", left=source, right=f"{target}-two"),
        LiveDataVerifyOperator(task_id="verify", source=source, target=target, level="content"),
    )
    for task in held_up:
        with pytest.raises(TaskDeferred):
            task.execute(context())


def test_a_zone_that_never_opens_fails_the_task_with_the_zone_named(
    sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    limit({source: {"reading": "closed"}})
    with pytest.raises(AirflowFailException, match=f"never opens.*{source}"):
        LiveDataCopyOperator(task_id="copy", source=source, target=target).execute(context())


def test_a_task_that_is_to_skip_says_until_when_it_is_closed(
    sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    limit({source: {"reading": closed_now()}})
    with pytest.raises(AirflowSkipException, match="opens at"):
        LiveDataCopyOperator(task_id="copy", source=source, target=target, when_closed="skip").execute(context())


def test_a_live_replication_starts_its_next_cycle_when_the_zone_opens(
    sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    limit({source: {"reading": closed_now()}})
    live = LiveDataReplicateOperator(task_id="live", source=source, target=target, duration_s=0, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        live.execute(context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, WaitTrigger)
    assert timedelta(minutes=119) < left(trigger) <= SOON
    limit({})
    assert live.resume(context(), {**trigger.state, "closed_until_ms": 0})["live"]["cycles"] == 1
    assert names(target) == ["a"]


def test_tasks_of_a_limited_zone_share_it_and_leave_nothing_behind(
    sides: tuple[str, str], limit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = sides
    joined: list[tuple[str, int, str]] = []

    class Noted(Member):
        def join(self) -> None:
            super().join()
            joined.extend((one.path, self._weight, self.holder) for one in self.state.files("pace"))

    monkeypatch.setattr(governed, "Member", Noted)
    kept = f"{source}-kept"
    limit({source: {"reading": "1GiB/s", "kept_at": kept}})
    LiveDataCopyOperator(task_id="copy", source=source, target=target, options={"priority": "40"}).execute(context())
    ((path, weight, holder),) = joined
    assert path.startswith("pace/reading/")
    assert path.endswith("-40.json")
    assert (weight, holder) == (40, "Airflow DAG d, run r, task t")
    assert [one.path for one in open_zone(kept).scan(".livedata/pace") if one.kind == "file"] == []


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("no json", "not JSON"),
        ([1], "an object"),
        ({"lake": {}}, "lake"),
        ({"s3://lake/": {"reading": "fast"}}, "fast"),
    ],
)
def test_limits_that_cannot_be_read_stop_every_task_before_it_begins(
    said: Any, named: str, sides: tuple[str, str], limit: Callable[..., None]
) -> None:
    source, target = sides
    limit(said)
    with pytest.raises(AirflowFailException, match=f"{VARIABLE}.*{named}") as caught:
        LiveDataCopyOperator(task_id="copy", source=source, target=target).execute(context())
    assert isinstance(caught.value.__cause__, BadOption)


# what the file asks for -----------------------------------------------------------------------------------------


def test_dags_of_the_file_have_the_pools_and_priorities_that_it_asks_for() -> None:
    known = read(TEXT)
    (migration,) = replication_dags(known)
    assert migration.get_task("copy").pool == "livedata_cloud_writing"
    (backup,) = backup_dags(known)
    assert {task.pool for task in backup.tasks} == {"default_pool"}
    hybrid = next(iter(hybrid_cloud_dags(known)))
    assert hybrid.get_task("results.onprem.replicate").pool == "livedata_onprem_writing"
    assert hybrid.get_task("results.archive.replicate").pool == "default_pool"
    assert [hybrid.get_task(f"results.{zone}.replicate").priority_weight for zone in ("onprem", "archive")] == [10, 40]


def test_the_command_sets_the_variable_and_the_pools_and_says_what_it_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.models.pool import Pool
    from airflow.models.variable import Variable

    file = tmp_path / "livedata.yaml"
    file.write_text(TEXT)
    assert main([str(file), "--apply"]) == 0
    said = capsys.readouterr().out.splitlines()[1:]
    assert said[:2] == [
        "variable livedata_paces: limits of 2 zones, set",
        "pool livedata_onprem_reading: 4 slots, made",
    ]
    assert Variable.get(VARIABLE, deserialize_json=True) == limits(read(TEXT).zones)
    file.write_text(TEXT.replace("tasks: 4", "tasks: 5").replace(", tasks: 3", ""))
    assert main([str(file), "--apply"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "variable livedata_paces: limits of 2 zones, as before",
        "pool livedata_onprem_reading: 5 slots, 4 before",
        "pool livedata_onprem_writing: 2 slots, as before",
        "pool livedata_cloud_writing: not asked for by the file; it stays, delete it in Airflow when no DAG names it",
    ]
    slots = {pool.pool: pool.slots for pool in Pool.get_pools()}
    assert slots["livedata_onprem_reading"] == 5
    Variable.delete(VARIABLE)


def test_the_command_sets_nothing_where_the_file_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow.models.variable import Variable

    file = tmp_path / "livedata.yaml"
    file.write_text(TEXT + "more: 1\n")
    assert main([str(file), "--apply"]) == 1
    assert "pool" not in capsys.readouterr().out
    assert Variable.get(VARIABLE, default_var=None) is None
