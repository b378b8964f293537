"""The DAG of locations with homes, from local directories to local directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags
from airflow_provider_livedata.engine import fail_over
from airflow_provider_livedata.operators.follow import has_partition_events
from tests.airflow.runs import Run, asset_events, make_tree, read_tree, run_dag
from tests.airflow.test_migration_dag import damage

pytestmark = pytest.mark.usefixtures("airflow_home")
TREE = {"day=1/a": b"1", "day=2/b": b"22", "top": b"3"}


def configured(root: Path, locations: str) -> dict[str, Any]:
    zones = ", ".join(f'{zone}: {{address: "file://{root}/{zone}"}}' for zone in ("onprem", "cloud", "archive", "lab"))
    found = read(f"zones: {{{zones}}}\nlocations:\n{locations}")
    found.raise_problems()
    return {dag.dag_id: dag for dag in hybrid_cloud_dags(found)}


def cycle(root: Path, text: str, /, **params: Any) -> Run:
    return run_dag(configured(root, text)["livedata_hybrid_cloud"], conf=params or None)


def name_of(root: Path) -> str:
    """Assets outlive a test: so each has a location of its own."""
    return "".join(letter if letter.isalnum() else "_" for letter in root.name)


@pytest.fixture
def one(tmp_path: Path) -> str:
    """A location with one follower."""
    return f"  {name_of(tmp_path)}: {{home: onprem, path: sales, followers: [cloud]}}\n"


def events(root: Path, zone: str) -> list[dict[str, Any]]:
    return asset_events(f"livedata://{zone}/{name_of(root)}")


def test_a_zone_is_fed_verified_and_told_of_with_the_partitions_that_changed(tmp_path: Path, one: str) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    name = name_of(tmp_path)
    run = cycle(tmp_path, one)
    assert run.state == "success", run.states
    assert read_tree(tmp_path / "cloud/sales") == TREE
    (first,) = events(tmp_path, "cloud")
    assert (first["location"], first["zone"], first["run"], first["copied_files"]) == (name, "cloud", 1, 3)
    assert (first["partitions"], first["has_more_partitions"], first["changes_elsewhere"]) == (
        ["day=1", "day=2"],
        False,
        True,
    )
    assert first["checkpoint"] == f"file://{tmp_path}/cloud/sales/.livedata/checkpoint/000000000001.json"
    assert first["verified"]["level"] == "listing"
    assert first["lag_seconds"] >= 0
    (told,) = run.report["locations"]
    assert (told["name"], told["state"]) == (f"{name}: onprem -> cloud", "ok")
    assert told["verified_ms"]["listing"]
    assert "3 files copied, 4 B, 0 deleted; its asset was updated" in run.report["text"]

    make_tree(tmp_path / "onprem/sales", {"day=2/c": b"333"})
    assert cycle(tmp_path, one).states[f"{name}.cloud.announce"] == "success"
    last = events(tmp_path, "cloud")[-1]
    assert (last["run"], last["partitions"], last["changes_elsewhere"]) == (2, ["day=2"], False)


def test_a_cycle_that_brings_nothing_new_is_no_event(tmp_path: Path, one: str) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    cycle(tmp_path, one)
    again = cycle(tmp_path, one)
    assert again.state == "success", again.states
    assert again.states[f"{name_of(tmp_path)}.cloud.announce"] == "skipped"
    assert len(events(tmp_path, "cloud")) == 1
    assert "nothing new" in again.report["text"]


def test_what_was_copied_and_not_verified_is_told_of_once_it_is(tmp_path: Path, one: str) -> None:
    proved = one.replace("followers", "verify_level: checksum, followers")
    make_tree(tmp_path / "onprem/sales", TREE)
    cycle(tmp_path, proved)
    make_tree(tmp_path / "onprem/sales", {"day=3/d": b"4"})
    copy = tmp_path / "cloud/sales/top"
    damage(copy)
    failed = cycle(tmp_path, proved)
    assert failed.states[f"{name_of(tmp_path)}.cloud.verify"] == "failed"
    assert len(events(tmp_path, "cloud")) == 1
    assert failed.report["locations"][0]["why"].startswith("verify: ")
    damage(copy)  # once more: it is as before
    run = cycle(tmp_path, proved)
    assert run.state == "success", run.report["text"]
    assert events(tmp_path, "cloud")[-1]["partitions"] == ["day=3"]


def test_a_zone_behind_another_is_fed_after_it_and_with_the_lag_of_the_whole_way(tmp_path: Path) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    name = name_of(tmp_path)
    chain = f"  {name}: {{home: onprem, path: sales, followers: [{{zone: archive, follows: cloud}}, cloud, {{zone: lab, follows: archive}}]}}\n"
    assert cycle(tmp_path, chain).state == "success"
    make_tree(tmp_path / "onprem/sales", {"day=1/more": b"5"})
    run = cycle(tmp_path, chain)
    assert run.state == "success", run.report["text"]
    for zone in ("cloud", "archive", "lab"):
        assert read_tree(tmp_path / zone / "sales") == read_tree(tmp_path / "onprem/sales")
    ends = {one["name"].rpartition(" ")[2]: one for one in run.report["locations"]}
    assert ends["cloud"]["as_of_ms"] == ends["archive"]["as_of_ms"] == ends["lab"]["as_of_ms"] > 0
    assert events(tmp_path, "lab")[-1]["partitions"] == ["day=1"]


def test_a_location_that_fails_stops_what_is_behind_it_and_no_other(tmp_path: Path) -> None:
    make_tree(tmp_path / "onprem/good", TREE)
    name = name_of(tmp_path)
    locations = (
        f"  {name}_bad: {{home: onprem, path: nothing, followers: [cloud, {{zone: archive, follows: cloud}}]}}\n"
        f"  {name}_good: {{home: onprem, path: good, followers: [cloud, {{zone: archive, follows: cloud}}]}}\n"
    )
    run = cycle(tmp_path, locations)
    assert run.state == "failed"
    assert (run.states[f"{name}_bad.cloud.replicate"], run.states[f"{name}_bad.archive.replicate"]) == (
        "failed",
        "upstream_failed",
    )
    assert read_tree(tmp_path / "archive/good") == TREE
    ends = {one["name"]: one for one in run.report["locations"]}
    assert ends[f"{name}_bad: cloud -> archive"]["why"] == "replicate: not begun, since cloud was not fed and verified"
    assert ends[f"{name}_good: cloud -> archive"]["state"] == "ok"


def test_locations_that_are_not_chosen_are_left_alone(tmp_path: Path) -> None:
    name = name_of(tmp_path)
    for path in ("a", "b"):
        make_tree(tmp_path / "onprem" / path, TREE)
    locations = "".join(f"  {name}_{path}: {{home: onprem, path: {path}, followers: [cloud]}}\n" for path in "ab")
    run = cycle(tmp_path, locations, locations=[f"{name}_b"])
    assert run.state == "success", run.states
    assert run.states[f"{name}_a.cloud.replicate"] == "skipped"
    assert not (tmp_path / "cloud/a").exists()
    assert [one["name"] for one in run.report["locations"]] == [f"{name}_b: onprem -> cloud"]


def test_a_dry_run_writes_plans_and_changes_nothing(tmp_path: Path) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    name = name_of(tmp_path)
    chain = f"  {name}: {{home: onprem, path: sales, followers: [cloud, {{zone: archive, follows: cloud}}]}}\n"
    run = cycle(tmp_path, chain, dry_run=True)
    assert run.state == "success", run.states
    assert read_tree(tmp_path / "cloud/sales") == {}
    assert not (tmp_path / "cloud/sales/.livedata/lease").exists()
    assert run.states[f"{name}.archive.replicate"] == "skipped"  # nothing is there yet that could be planned with
    assert events(tmp_path, "cloud") == []
    assert "3 files to copy" in run.report["text"]


def test_where_the_home_has_moved_nothing_is_replicated_and_the_file_is_to_be_changed(tmp_path: Path, one: str) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    cycle(tmp_path, one)
    fail_over(f"file://{tmp_path}/onprem/sales", f"file://{tmp_path}/cloud/sales")
    make_tree(tmp_path / "cloud/sales", {"written": b"there"})
    run = cycle(tmp_path, one)
    assert run.state == "failed"
    failure = run.failures[f"{name_of(tmp_path)}.cloud.replicate"]
    assert failure["error"] == "HomeMoved"
    assert "change home: of this location in livedata.yaml" in failure["message"]
    assert (tmp_path / "cloud/sales/written").read_bytes() == b"there"


def test_a_location_with_a_schedule_has_a_dag_of_its_own(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        "  sales: {home: onprem, path: sales, followers: [cloud], schedule: '@hourly', timezone: Europe/Berlin}\n"
        "  hr: {home: cloud, path: hr, followers: [onprem]}\n",
    )
    assert sorted(found) == ["livedata_hybrid_cloud", "livedata_hybrid_cloud_sales"]
    assert "sales.cloud.replicate" in found["livedata_hybrid_cloud_sales"].task_ids
    assert [task for task in found["livedata_hybrid_cloud"].task_ids if "." in task] == [
        "hr.onprem.replicate", "hr.onprem.verify", "hr.onprem.announce",
    ]  # fmt: skip


def test_what_follows_the_data_of_a_follower_is_a_step_behind_it(tmp_path: Path) -> None:
    metadata = '{source: a, target: b, state: "file:///m", locations: {"file:/srv": "file:/copies"}}'
    found = configured(
        tmp_path, f"  sales: {{home: onprem, path: s, followers: [{{zone: cloud, metadata: {metadata}}}]}}\n"
    )
    dag = found["livedata_hybrid_cloud"]
    assert dag.get_task("sales.cloud.metadata").upstream_task_ids == {"sales.cloud.announce"}
    assert dag.get_task("sales.cloud.metadata").locations == {"file:/srv": "file:/copies"}


def test_the_assets_are_seen_before_the_first_run(tmp_path: Path, one: str) -> None:
    (dag,) = configured(tmp_path, one).values()
    outlets = dag.get_task(f"{name_of(tmp_path)}.cloud.announce").outlets
    asset = f"livedata://cloud/{name_of(tmp_path)}"
    assert [outlet.uri for outlet in outlets] == ([asset, f"{asset}/partitions"] if has_partition_events() else [asset])


def partition_events(root: Path) -> list[tuple[str | None, Any]]:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    uri = f"livedata://cloud/{name_of(root)}/partitions"
    with create_session() as session:
        query = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id).where(AssetModel.uri == uri)
        return [(row.partition_key, dict(row.extra)) for row in session.scalars(query)]


@pytest.mark.skipif(not has_partition_events(), reason="this Airflow has no events of partitions")
def test_each_partition_has_an_event_of_its_own_and_what_is_in_none_has_none(tmp_path: Path, one: str) -> None:
    make_tree(tmp_path / "onprem/sales", TREE)
    assert cycle(tmp_path, one).state == "success"
    assert sorted(str(key) for key, _ in partition_events(tmp_path)) == ["day=1", "day=2"]
    assert {extra["run"] for _, extra in partition_events(tmp_path)} == {1}
    make_tree(tmp_path / "onprem/sales", {"top": b"changed"})
    assert cycle(tmp_path, one).state == "success"
    assert len(partition_events(tmp_path)) == 2
    assert events(tmp_path, "cloud")[-1]["changes_elsewhere"] is True
