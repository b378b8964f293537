"""The operators, each in a DAG of its own, on zones in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.errors import LiveDataError, VerifyFailed, ZoneBusy
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.operators.base import LiveDataOperator, asset_of
from airflow_provider_livedata.operators.copy import (
    LiveDataCatchUpOperator,
    LiveDataCopyOperator,
    LiveDataPreflightOperator,
    LiveDataSettleOperator,
)
from airflow_provider_livedata.operators.snapshot import LiveDataSnapshotOperator
from airflow_provider_livedata.operators.verify import LiveDataVerifyOperator
from tests.airflow.runs import Run, asset_events, run_dag

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()


@pytest.fixture
def source() -> str:
    address = f"memory://source-{next(_NUMBERS)}/data"
    zone = open_zone(address)
    for name in ("a", "b", "c/d"):
        zone.put(name, name.encode())
    return address


@pytest.fixture
def target() -> str:
    return f"memory://target-{next(_NUMBERS)}/data"


def run_task(make: Callable[[], Any]) -> Run:
    with DAG(f"one_task_{next(_NUMBERS)}") as dag:
        make()
    return run_dag(dag)


def context() -> Any:
    return {"ti": SimpleNamespace(dag_id="a_dag", run_id="a_run", task_id="a_task")}


def snapshots(address: str) -> list[str]:
    zone = open_zone(address)
    assert isinstance(zone, Snapshots)
    return [snapshot.name for snapshot in zone.snapshots()]


def paths(address: str) -> list[str]:
    return [entry.path for entry in open_zone(address).scan()]


def test_a_copy_returns_the_reports_totals_and_gives_them_to_its_outlets(source: str, target: str) -> None:
    asset = Asset(name=target, uri="s3://bucket/data")
    run = run_task(lambda: LiveDataCopyOperator(task_id="copy", source=source, target=target, outlets=[asset]))
    result = run.results["copy"]
    assert run.state == "success"
    assert (result["copied_files"], result["failed"], result["state"]) == (3, 0, "done")
    assert result["address"].startswith(f"{target}/.livedata/runs/")
    assert len(result["digest"]) == 64
    assert asset_events("s3://bucket/data")[-1] == result


def test_a_copys_options_are_templates(source: str, target: str) -> None:
    options = {"exclude": "{{ ['a'] | tojson }}", "threads": "{{ 1 + 1 }}"}
    run = run_task(
        lambda: LiveDataCopyOperator(
            task_id="copy", source=source, target=target, options=options, dry_run="{{ true }}"
        )
    )
    result = run.results["copy"]
    assert (result["state"], result["planned_files"], result["copied_files"]) == ("dry run", 2, 0)
    assert paths(target) == []


@pytest.mark.parametrize("kind", [LiveDataCopyOperator, LiveDataSettleOperator])
def test_a_dry_run_among_the_options_is_refused_and_no_real_run(kind: Any, source: str, target: str) -> None:
    with pytest.raises(LiveDataError, match="arguments or fields of their own"):
        kind(task_id="copy", source=source, target=target, options={"dry_run": True}).work(context())
    assert paths(target) == []


def test_a_target_names_the_task_that_writes_to_it(source: str, target: str) -> None:
    operator = LiveDataCopyOperator(task_id="copy", source=source, target=target)
    assert operator.chosen(context()).holder == "Airflow DAG a_dag, run a_run, task a_task"


def test_catching_up_ends_with_the_round_that_finds_little(source: str, target: str) -> None:
    operator = LiveDataCatchUpOperator(
        task_id="catch_up", source=source, target=target, until_changes="0", max_rounds="5"
    )
    result = operator.work(context())
    assert result["round_changes"][0] > 0
    assert result["round_changes"][-1] == 0
    assert len(result["round_changes"]) == 2
    assert paths(target) == ["a", "b", "c", "c/d"]


def test_catching_up_ends_after_the_last_round_whatever_it_finds(source: str, target: str) -> None:
    operator = LiveDataCatchUpOperator(task_id="catch_up", source=source, target=target, until_changes=0, max_rounds=1)
    assert len(operator.work(context())["round_changes"]) == 1


@pytest.mark.parametrize(
    ("kind", "options"), [(LiveDataCatchUpOperator, {"dry_run": True}), (LiveDataCatchUpOperator, {"max_rounds": 0})]
)
def test_catching_up_that_could_not_end_is_refused(
    source: str, target: str, kind: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(LiveDataError):
        kind(task_id="catch_up", source=source, target=target, **options).work(context())
    assert paths(target) == []


def test_settling_finds_what_still_changes_and_brings_it(source: str, target: str) -> None:
    LiveDataCopyOperator(task_id="copy", source=source, target=target).work(context())
    settle = LiveDataSettleOperator(task_id="settle", source=source, target=target)
    assert settle.work(context())["changes"] == 0
    open_zone(source).put("late", b"1")
    with pytest.raises(LiveDataError, match="late") as caught:
        settle.work(context())
    assert type(caught.value).__name__ == "StillChanging"
    assert "late" in paths(target)
    assert settle.work(context())["changes"] == 0


def test_a_dry_run_of_settling_says_what_it_would_bring_and_brings_nothing(source: str, target: str) -> None:
    LiveDataCopyOperator(task_id="copy", source=source, target=target).work(context())
    open_zone(source).put("late", b"1")
    told = LiveDataSettleOperator(task_id="settle", source=source, target=target, dry_run="True").work(context())
    assert (told["state"], told["changes"]) == ("dry run", 1)
    assert "late" not in paths(target)


def test_verifying_before_any_copy_is_refused(source: str, target: str) -> None:
    with pytest.raises(LiveDataError, match="run the copy first"):
        LiveDataVerifyOperator(task_id="verify", source=source, target=target).work(context())


@pytest.mark.parametrize("level", ["listing", "checksum", "content"])
def test_a_difference_fails_the_verification_after_its_report_is_stored(source: str, target: str, level: str) -> None:
    LiveDataCopyOperator(task_id="copy", source=source, target=target).work(context())
    verify = LiveDataVerifyOperator(task_id="verify", source=source, target=target, level=level)
    assert verify.work(context())["is_same"]
    open_zone(target).delete([entry for entry in open_zone(target).scan() if entry.path == "a"])
    with pytest.raises(VerifyFailed, match="missing: a") as caught:
        verify.work(context())
    name = str(caught.value.where["report"]).removeprefix(f"{target}/")
    assert open_zone(target).stat(name) is not None


def test_a_dry_run_of_a_verification_says_what_would_be_compared(source: str, target: str) -> None:
    LiveDataCopyOperator(task_id="copy", source=source, target=target).work(context())
    verify = LiveDataVerifyOperator(task_id="verify", source=source, target=target, dry_run=True)
    result = verify.work(context())
    assert (result["files"], result["dry_run"], result["is_same"], result["address"]) == (3, True, False, "")


def test_a_snapshot_is_taken_and_released_by_its_name(source: str) -> None:
    def take() -> LiveDataSnapshotOperator:
        return LiveDataSnapshotOperator(task_id="take", location=source)

    run = run_task(take)
    name = run.results["take"]
    assert name.startswith("airflow-20")
    assert snapshots(source) == [name]
    release = LiveDataSnapshotOperator(task_id="release", location=source, snapshot_name=name, action="release")
    assert release.work(context()) == name
    assert snapshots(source) == []
    assert release.work(context()) == name  # gone already


def test_a_dry_run_takes_and_releases_no_snapshot(source: str) -> None:
    take = LiveDataSnapshotOperator(task_id="take", location=source, snapshot_name="s", dry_run=True)
    assert take.work(context()) == "s"
    assert snapshots(source) == []
    LiveDataSnapshotOperator(task_id="take", location=source, snapshot_name="s").work(context())
    LiveDataSnapshotOperator(task_id="drop", location=source, snapshot_name="s", action="release", dry_run=True).work(
        context()
    )
    assert snapshots(source) == ["s"]


def test_a_place_without_snapshots_says_so(tmp_path: Path) -> None:
    with pytest.raises(LiveDataError, match="has no snapshots"):
        LiveDataSnapshotOperator(task_id="take", location=f"file://{tmp_path}", snapshot_name="s").work(context())


def test_a_task_is_tried_again_after_a_passing_fault() -> None:
    seen: list[int] = []

    class Busy(LiveDataOperator):
        def work(self, context: Any) -> dict[str, Any]:
            seen.append(1)
            if len(seen) < 3:
                raise ZoneBusy("the store throttles")
            return {"tries": len(seen)}

    run = run_task(lambda: Busy(task_id="busy", retries=2))
    assert run.state == "success"
    assert run.results["busy"] == {"tries": 3}
    assert run.tries["busy"] == 3
    assert "busy" not in run.failures


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"source": "file:///no/such/place"}, "PathMissing"),
        ({"source": "file:///dev/null"}, "NotADirectory"),
        ({"source": "ftp://host/x"}, "UnknownScheme"),
        ({"source": "/data"}, "BadAddress"),
        ({"source": "hdfs://nowhere@nn1:8020/data"}, "BadInput"),
        ({"target": "file:///dev/null"}, "NotADirectory"),
        ({"target": "s3://bucket/x"}, "CredentialsRefused"),
        ({"options": {"bandwidth": "fast"}}, "BadOption"),
        ({"options": {"colour": "red"}}, "BadOption"),
    ],
)
def test_bad_input_is_refused_before_anything_happens(
    source: str, target: str, change: dict[str, Any], error: str
) -> None:
    operator = LiveDataPreflightOperator(task_id="preflight", **{"source": source, "target": target, **change})
    with pytest.raises(LiveDataError) as caught:
        operator.work(context())
    assert type(caught.value).__name__ == error
    assert snapshots(source) == []
    assert paths(target) == []


def test_source_and_target_may_not_be_the_same_or_inside_each_other(source: str) -> None:
    for target in (source, f"{source}/inside", source.rpartition("/")[0] + "/"):
        with pytest.raises(LiveDataError) as caught:
            LiveDataPreflightOperator(task_id="preflight", source=source, target=target).work(context())
        assert type(caught.value).__name__ == "PathsOverlap"


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("s3a://lake@bucket/a b/ü", "s3://bucket/a%20b/%C3%BC"),
        ("hdfs://prod@nn1:8020/data", "hdfs://nn1:8020/data"),
        ("file:///srv", "file:///srv"),
    ],
)
def test_an_asset_is_named_by_its_place_alone(address: str, uri: str) -> None:
    assert asset_of(address).uri == uri
