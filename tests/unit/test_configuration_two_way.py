"""Locations of livedata.yaml that two zones write to."""

from __future__ import annotations

import pytest

from airflow_provider_livedata.configuration import read

ZONES = """\
zones:
  onprem: {address: "hdfs://prod@nn1:8020/", options: {threads: 4, bandwidth: 50MiB/s}, pace: {reading: {tasks: 2}}}
  cloud: {address: "s3://lake@lake/", options: {threads: 8, max_reads: 3}}
  archive: {address: "s3://lake@archive/"}
locations:
"""
RIGHT = "  models: {mode: two_way, zones: [onprem, cloud], path: models, conflicts: 'prefer:cloud', options: {exclude: ['*.tmp']}}\n"


def test_a_location_that_two_zones_write_to_has_its_places_the_options_of_both_and_a_pool() -> None:
    found = read(ZONES + RIGHT)
    assert found.problems == ()
    models = found.shared["models"]
    assert models.places == {"onprem": "hdfs://prod@nn1:8020/models", "cloud": "s3://lake@lake/models"}
    assert models.options == {"threads": 4, "bandwidth": "50MiB/s", "max_reads": 3, "exclude": ["*.tmp"]}
    assert (models.pool, models.said.conflicts, found.locations) == ("livedata_onprem_reading", "prefer:cloud", {})


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("x: {mode: two_way, zones: [onprem], path: x}", "locations.x.zones"),
        ("x: {mode: two_way, zones: [onprem, onprem], path: x}", "two different"),
        ("x: {mode: two_way, zones: [onprem, there], path: x}", "locations.x.zones[1]: zone there"),
        ("x: {mode: two_way, zones: [onprem, cloud]}", "says no place in onprem, cloud"),
        ("x: {mode: two_way, zones: [onprem, cloud], path: x, at: {archive: y}}", "at names archive"),
        (
            "x: {mode: two_way, zones: [onprem, cloud], path: x, conflicts: 'prefer:archive'}",
            "conflicts is one of newest",
        ),
        ("x: {mode: one_way, home: onprem, path: x}", "locations.x.mode"),
        ("x: {mode: two_way, zones: [onprem, cloud], path: x, home: onprem}", "locations.x.home"),
        ("x.y: {mode: two_way, zones: [onprem, cloud], path: x}", "no '.'"),
        ("x: {mode: two_way, zones: [onprem, cloud], path: models}", "two homes for one path"),
        ("x: {home: cloud, path: models/new}", "inside the other"),
        (
            "x: {home: archive, path: old, at: {archive: old, cloud: models}, followers: [cloud]}",
            "the same place as what cloud writes of locations.models",
        ),
    ],
)
def test_what_cannot_be_is_told_by_line_and_left_out_and_the_others_hold(entry: str, told: str) -> None:
    found = read(f"{ZONES}{RIGHT}  {entry}\n")
    assert [problem.line for problem in found.problems] == [7]
    assert told in str(found.problems[0])
    assert list(found.shared) == ["models"]
    assert found.locations == {}
