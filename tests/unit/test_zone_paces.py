"""What livedata.yaml says of a zone's pace: limits that tasks read, and pools."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_livedata.configuration import Zone, read
from airflow_provider_livedata.configuration.__main__ import main
from airflow_provider_livedata.configuration.paces import Pool, limits, pools
from airflow_provider_livedata.engine.sharing.zone_pace import ZonePace, zone_around, zone_paces

TEXT = """\
zones:
  onprem:
    address: "hdfs://prod@nn1:8020/"
    pace:
      reading: {bandwidth: "08:00-18:00=50MiB/s, 02:00-04:00=closed", tasks: 4}
      writing: {tasks: 2}
      kept_at: cloud:pace/onprem
  cloud:
    address: "s3://lake@lake/"
    pace: {writing: {bandwidth: 200MiB/s, tasks: 3}}
  archive: {address: "s3://lake@lake/archive"}
replications:
  sales: {kind: migration, source: "onprem:sales", target: "cloud:sales"}
backups:
  sales: {source: "cloud:sales", target: "archive:sales"}
locations:
  results:
    home: cloud
    path: results
    followers: [onprem, {zone: archive, options: {priority: 40}}]
"""


def test_limits_are_said_by_address_of_the_zone_as_tasks_read_them() -> None:
    found = read(TEXT)
    assert found.problems == ()
    assert limits(found.zones) == {
        "hdfs://prod@nn1:8020/": {
            "reading": "08:00-18:00=50MiB/s, 02:00-04:00=closed",
            "kept_at": "s3://lake@lake/pace/onprem",
        },
        "s3://lake@lake/": {"writing": "200MiB/s", "kept_at": "s3://lake@lake/"},
    }
    assert zone_paces(limits(found.zones))["s3://lake@lake/"] == ZonePace("s3://lake@lake/", writing="200MiB/s")


def test_each_direction_that_caps_its_tasks_is_a_pool() -> None:
    assert list(pools(read(TEXT).zones)) == [
        Pool("livedata_onprem_reading", 4, "onprem", "reading"),
        Pool("livedata_onprem_writing", 2, "onprem", "writing"),
        Pool("livedata_cloud_writing", 3, "cloud", "writing"),
    ]


@pytest.mark.parametrize(
    ("source", "target", "pool"),
    [
        ("hdfs://prod@nn1:8020/a", "s3://lake@lake/a", "livedata_cloud_writing"),
        ("hdfs://prod@nn1:8020/a", "s3://lake@lake/archive/a", "livedata_onprem_reading"),
        ("s3://lake@lake/a", "hdfs://nn1:8020/a", "livedata_onprem_writing"),
        ("s3://lake@lake/a", "s3://lake@lake/archive/a", None),
        ("file:///srv", "file:///copy", None),
        ("hdfs://prod@nn1:8020/a", None, "livedata_onprem_writing"),
    ],
)
def test_a_task_has_the_pool_of_that_zone_which_lets_fewer_work(
    source: str, target: str | None, pool: str | None
) -> None:
    assert read(TEXT).pool_between(source, target) == pool


def test_locations_know_the_pool_of_each_follower() -> None:
    assert read(TEXT).locations["results"].pools == {"onprem": "livedata_onprem_writing", "archive": None}
    assert read(TEXT).locations["results"].options["archive"] == {"priority": 40}


def test_a_zone_without_limits_is_in_no_variable_and_no_pool() -> None:
    assert limits(read("zones: {lake: {address: 's3://lake/'}}").zones) == {}
    assert list(pools({"lake": Zone(address="s3://lake/")})) == []
    assert zone_around("s3://lake/a", {}) is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("pace: {reading: {bandwidth: fast}}", "zones.lake.pace.reading.bandwidth: not a rate"),
        ("pace: {reading: {tasks: -1}}", "zones.lake.pace.reading.tasks"),
        ("pace: {writing: {speed: 1}}", "zones.lake.pace.writing.speed"),
        ("pace: {kept_at: 'there:x'}", "zones.lake.pace.kept_at"),
    ],
)
def test_a_wrong_pace_is_told_by_file_and_line_and_its_zone_left_out(said: str, told: str) -> None:
    found = read(f"zones:\n  lake:\n    address: s3://lake/\n    {said}\n")
    assert "lake" not in found.zones
    (problem,) = found.problems
    assert str(problem).startswith("livedata.yaml:4: ")
    assert told in str(problem)


def test_the_command_says_what_would_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "livedata.yaml"
    file.write_text(TEXT)
    assert main([str(file)]) == 0
    assert (
        capsys.readouterr().out.splitlines()[1]
        == "limits of 2 zones and 3 pools: add --apply to set them in Airflow's database"
    )
