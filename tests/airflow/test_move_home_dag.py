"""The home of a location moves to a zone that follows it, and back, between local directories; no write is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.dag_templates.configured_locations import hybrid_cloud_dags
from airflow_provider_livedata.dag_templates.move_home import move_home_dag, places_of
from airflow_provider_livedata.engine.errors import BadInput
from tests.airflow.runs import Run, make_tree, read_tree, run, run_dag
from tests.airflow.test_configuration_dags import NAMED

pytestmark = pytest.mark.usefixtures("airflow_home")
TREE = {"day=1/a": b"1", "day=2/b": b"22", "top": b"3"}
BEFORE = "{home: onprem, path: sales, followers: [cloud, archive, {zone: lab, follows: cloud}]}"
AFTER = "{home: cloud, path: sales, followers: [onprem, archive, lab]}"
ZONES = ("onprem", "cloud", "archive", "lab")


class Zones:
    """The zones, and the file that says which is the home."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def say(self, location: str) -> None:
        zones = ", ".join(f'{zone}: {{address: "file://{self.root}/{zone}"}}' for zone in ZONES)
        (self.root / "livedata.yaml").write_text(f"zones: {{{zones}}}\nlocations: {{sales: {location}}}\n")

    def cycle(self) -> Run:
        found = read((self.root / "livedata.yaml").read_text())
        found.raise_problems()
        return run_dag(next(iter(hybrid_cloud_dags(found))))

    def write(self, zone: str, files: dict[str, bytes]) -> None:
        make_tree(self.root / zone / "sales", files)

    def tree(self, zone: str) -> dict[str, bytes]:
        return read_tree(self.root / zone / "sales")


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zones:
    made = Zones(tmp_path)
    monkeypatch.setenv(NAMED, str(tmp_path / "livedata.yaml"))
    made.say(BEFORE)
    made.write("onprem", TREE)
    assert made.cycle().state == "success"
    return made


def move(to: str, **params: Any) -> Run:
    conf = {"location": "sales", "to": to, "dry_run": False, **params}
    return run(move_home_dag(), conf=conf, mark_success="approve")


def test_the_home_moves_all_zones_follow_it_and_only_what_differs_is_copied(zones: Zones) -> None:
    zones.write("onprem", {"late": b"a last write"})
    moved = move("cloud")
    assert moved.report["outcome"] == "SWITCHED", moved.report["text"]
    assert moved.report["change"] == ["home: cloud", "followers: [onprem, archive, lab]"]
    assert "livedata.yaml is to say now, of sales\n  home: cloud\n" in moved.report["text"]
    assert zones.tree("cloud") == {**TREE, "late": b"a last write"}

    zones.write("cloud", {"day=2/b": b"changed in the new home", "day=3/c": b"new"})
    wrong = zones.cycle()  # the file still says the old home
    assert wrong.state == "failed"
    assert {one["error"] for one in wrong.failures.values()} == {"HomeMoved"}
    assert zones.tree("cloud")["day=3/c"] == b"new"

    zones.say(AFTER)
    right = zones.cycle()
    assert right.state == "success", right.report["text"]
    assert {zone: zones.tree(zone) for zone in ZONES} == dict.fromkeys(ZONES, zones.tree("cloud"))
    copied = {zone: right.results[f"sales.{zone}.replicate"]["copied_files"] for zone in ("onprem", "archive", "lab")}
    assert copied == {"onprem": 2, "archive": 3, "lab": 3}  # the last write had not reached archive and lab
    assert zones.cycle().results["sales.archive.replicate"]["changes"] == 0


def test_the_home_comes_back(zones: Zones) -> None:
    assert move("cloud").report["outcome"] == "SWITCHED"
    zones.say(AFTER)
    zones.write("cloud", {"there": b"1"})
    assert zones.cycle().state == "success"
    back = move("onprem")
    assert back.report["outcome"] == "SWITCHED", back.report["text"]
    zones.say(BEFORE.replace("{zone: lab, follows: cloud}", "lab"))
    zones.write("onprem", {"here again": b"2"})
    again = zones.cycle()
    assert again.state == "success", again.report["text"]
    assert zones.tree("lab") == zones.tree("cloud") == {**TREE, "there": b"1", "here again": b"2"}


def test_a_rehearsal_changes_nothing(zones: Zones) -> None:
    zones.write("onprem", {"late": b"1"})
    told = move("cloud", dry_run=True)
    assert told.state == "success"
    assert told.report["outcome"] == "REHEARSED"
    assert "livedata.yaml would have to say then" in told.report["text"]
    assert not (zones.root / "onprem/sales/.livedata/role").exists()
    assert zones.tree("cloud") == TREE


@pytest.mark.parametrize(
    ("location", "to", "said"),
    [
        ("sales", "lab", "can move to a zone that follows it directly: cloud, archive"),
        ("sales", "onprem", "follows it directly"),
        ("sales", "moon", "follows it directly"),
        ("hr", "cloud", "there is no location hr in livedata.yaml that can be used; there are: sales"),
    ],
)
def test_what_cannot_become_the_home_is_refused_before_anything_is_done(
    zones: Zones, location: str, to: str, said: str
) -> None:
    refused = move(to, location=location)
    assert refused.report["outcome"] == "STOPPED"
    assert said in refused.report["why"]
    assert not (zones.root / "onprem/sales/.livedata/role").exists()


def test_places_are_those_of_the_file_with_the_options_of_the_way() -> None:
    found = read(
        'zones: {a: {address: "file:///a", options: {threads: 3}}, b: {address: "file:///b"}}\n'
        "locations: {x: {home: a, path: x, followers: [b], options: {exclude: ['*.tmp']}}}\n"
    )
    places = places_of(found.locations["x"], "b")
    assert (places["source"], places["target"]) == ("file:///a/x", "file:///b/x")
    assert (places["options"]["threads"], places["options"]["exclude"]) == (3, ["*.tmp"])
    with pytest.raises(BadInput):
        places_of(found.locations["x"], "a")
