"""Which zone is fed from which, and what is told where that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.configuration import Feed, read
from airflow_provider_livedata.configuration.homes import (
    Claim,
    Follows,
    collision,
    conflicts,
    feeds,
    followers_text,
    moved,
)
from airflow_provider_livedata.engine.zones.address import Address

ZONES = ("home", "a", "b", "c", "d")
anybody = st.lists(
    st.builds(Follows, st.sampled_from(ZONES), st.sampled_from([*ZONES, "unknown"])), max_size=6
)  # fmt: skip
orders = st.permutations(ZONES[1:]).flatmap(
    lambda order: st.tuples(
        *(st.builds(Follows, st.just(zone), st.sampled_from(["home", *order[:n]])) for n, zone in enumerate(order))
    )
)


def place(zone: str) -> Address:
    return Address("s3", zone, "sales")


PLACES = {zone: place(zone) for zone in ZONES}


def reaches_home(zone: str, follows: list[Follows]) -> bool:
    """By definition, without regard to how it is found out: some way of steps leads from the zone to the home."""
    reached = {zone}
    for _ in range(len(follows) + 1):
        reached |= {one.upstream for one in follows if one.zone in reached}
    return "home" in reached


@given(anybody)
def test_followers_are_taken_exactly_where_each_is_fed_once_and_by_the_home_in_the_end(follows: list[Follows]) -> None:
    zones = [one.zone for one in follows]
    may = "home" not in zones and len(set(zones)) == len(zones) and all(reaches_home(zone, follows) for zone in zones)
    assert (conflicts("home", follows) == []) == may
    assert all(follows[one.number].zone in one.message for one in conflicts("home", follows))


@given(orders.flatmap(st.permutations))
def test_each_zone_is_fed_once_and_after_what_feeds_it(follows: list[Follows]) -> None:
    assert conflicts("home", follows) == []
    made = feeds("sales", "home", follows, PLACES)
    assert sorted((feed.zone, feed.upstream) for feed in made) == sorted(follows)
    depths = {"home": 0}
    for feed in made:
        assert feed.depth == depths[feed.upstream] + 1
        assert feed.is_of_home == (feed.upstream == "home")
        assert (feed.source, feed.target) == (place(feed.upstream), place(feed.zone))
        depths[feed.zone] = feed.depth


def test_a_cycle_is_told_once_with_all_who_are_in_it_and_without_those_behind_it() -> None:
    follows = [Follows("d", "c"), Follows("a", "b"), Follows("b", "c"), Follows("c", "a")]
    (found,) = conflicts("home", follows)
    assert found.number == 1
    assert "a follows b, b follows c, c follows a; one of them has to follow home" in found.message


def test_a_zone_that_follows_itself_is_a_cycle() -> None:
    ((number, message),) = conflicts("home", [Follows("b", "home"), Follows("a", "a")])
    assert (number, message.partition(";")[0]) == (1, "a cycle, which no home feeds: a follows a")


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (Claim(Address("s3", "lake", "sales", "other_conn"), "", is_home=True), "two homes for one path: s3://lake/sales is the home of sales as well"),
        (Claim(Address("s3", "lake", "sales"), ""), "s3://lake/sales is the same place as the home of sales"),
        (Claim(Address("s3", "lake", "sales/eu"), "", is_home=True), "or one lies inside the other"),
        (Claim(Address("s3", "lake", ""), "", is_home=True), "or one lies inside the other"),
        (Claim(Address("s3", "lake", "sales2"), "", is_home=True), ""),
        (Claim(Address("gs", "lake", "sales"), "", is_home=True), ""),
    ],
)  # fmt: skip
def test_a_place_is_written_to_by_one(claim: Claim, said: str) -> None:
    earlier = [Claim(Address("s3", "lake", "hr"), "hr"), Claim(place_of_sales(), "the home of sales", is_home=True)]
    found = collision(claim, earlier)
    assert said in found
    assert bool(found) == bool(said)


def place_of_sales() -> Address:
    return Address("s3", "lake", "sales", "aws_default")


RIGHT = """\
zones:
  onprem: {address: "hdfs://hdfs_prod@nn1:8020/", options: {bandwidth: 50MiB/s, max_reads: 8}}
  cloud: {address: "s3://aws_default@lake/"}
  archive: {address: "gs://google@archive/"}
locations:
  sales:
    home: onprem
    path: data/sales
    at: {cloud: lake/sales}
    followers:
      - {zone: archive, follows: cloud, options: {threads: 4}}
      - cloud
    options: {exclude: ["*.tmp"], bandwidth: "off", threads: 2}
  results: {home: cloud, path: results, followers: [onprem], schedule: "@hourly", timezone: Europe/Berlin, verify_level: checksum}
"""


def test_a_location_has_addresses_in_all_zones_and_options_of_where_it_is_read() -> None:
    found = read(RIGHT)
    assert found.problems == ()
    sales = found.locations["sales"]
    onprem, cloud = (
        Address("hdfs", "nn1:8020", "data/sales", "hdfs_prod"),
        Address("s3", "lake", "lake/sales", "aws_default"),
    )
    archive = Address("gs", "archive", "data/sales", "google")
    assert sales.places == {"onprem": str(onprem), "archive": str(archive), "cloud": str(cloud)}
    assert sales.feeds == (
        Feed("sales", "cloud", "onprem", onprem, cloud, 1), Feed("sales", "archive", "cloud", cloud, archive, 2),
    )  # fmt: skip
    assert sales.options == {
        "cloud": {"bandwidth": "off", "max_reads": 8, "exclude": ["*.tmp"], "threads": 2},
        "archive": {"bandwidth": "off", "exclude": ["*.tmp"], "threads": 4},
    }
    results = found.locations["results"]
    assert (results.home, results.said.schedule, results.said.verify_level) == ("cloud", "@hourly", "checksum")


def test_what_follows_the_data_of_a_follower_has_a_place_outside_of_it() -> None:
    follower = '{zone: cloud, metadata: {source: prod_ms, target: dr_ms, state: "cloud:state", locations: {"hdfs://nn1/data": "s3://lake"}}}'
    text = RIGHT.replace("      - cloud\n", f"      - {follower}\n")
    assert read(text).locations["sales"].following["cloud"]["metadata"].state == "s3://aws_default@lake/state"
    (problem,) = read(text.replace("cloud:state", "cloud:lake/sales/state")).problems
    assert str(problem) == "livedata.yaml:12: locations.sales.followers[1].metadata.state: is a place of its own, not in the target of the replication"  # fmt: skip
    assert list(read(text.replace("cloud:state", "cloud:lake/sales/state")).locations) == ["results"]


def test_a_location_that_is_wrong_leaves_the_others_as_they_are() -> None:
    found = read(RIGHT.replace("home: cloud", "home: clout"))
    assert found.locations == {"sales": read(RIGHT).locations["sales"]}
    (problem,) = found.problems
    assert str(problem) == "livedata.yaml:14: locations.results.home: zone clout is not known here; did you mean cloud? Known are onprem, cloud, archive"  # fmt: skip


@given(orders, st.data())
def test_once_the_home_has_moved_to_a_follower_all_others_are_still_fed(
    follows: list[Follows], data: st.DataObject
) -> None:
    to = data.draw(st.sampled_from([one.zone for one in follows if one.upstream == "home"]))
    after = moved("home", to, follows)
    assert conflicts(to, after) == []
    assert {one.zone for one in after} == {"home", *(one.zone for one in follows)} - {to}
    back = moved(to, "home", after)
    assert conflicts("home", back) == []


def test_the_followers_are_told_as_the_file_says_them() -> None:
    follows = [Follows("cloud", "onprem"), Follows("archive", "cloud"), Follows("lab", "archive")]
    assert (
        followers_text("cloud", moved("onprem", "cloud", follows)) == "[onprem, archive, {zone: lab, follows: archive}]"
    )
