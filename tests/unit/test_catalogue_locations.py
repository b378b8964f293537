"""Where data lies at the target, and in which places a location hides."""

from __future__ import annotations

import pytest

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.locations import Locations, canonical, data_location
from airflow_provider_livedata.engine.metastore.model import Serde, Storage, Table

MAPPING = Locations(
    {
        "hdfs://nn1:8020/data": "s3a://lake/data",
        "hdfs://nn1:8020/data/hr": "s3a://safe/hr/",
        "/plain": "s3a://lake/plain",
    }
)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("hdfs://nn1:8020/data", "s3a://lake/data"),
        ("hdfs://nn1:8020/data/", "s3a://lake/data"),
        ("hdfs://nn1:8020//data//sales/day=1%2F2", "s3a://lake/data/sales/day=1%2F2"),
        ("hdfs://nn1:8020/data/hr/pay", "s3a://safe/hr/pay"),
        ("hdfs://nn1:8020/database", None),
        ("hdfs://nn2:8020/data/sales", None),
        ("HDFS://nn1:8020/data/x y", "s3a://lake/data/x y"),
        ("/plain/a", "s3a://lake/plain/a"),
        ("hdfs:///data/sales", None),
    ],
)
def test_the_longest_prefix_on_the_border_of_a_name_holds(location: str, target: str | None) -> None:
    assert MAPPING.target_of(location) == target


@pytest.mark.parametrize("form", ["file:/x/y", "file:///x/y", "file:///x/y/", "FILE:/x//y"])
def test_forms_of_one_place_are_the_same(form: str) -> None:
    assert canonical(form) == "file:///x/y"


@pytest.mark.parametrize("pairs", [{"data": "s3a://lake"}, {"hdfs://nn1/data": ""}])
def test_what_is_no_location_is_refused(pairs: dict[str, str]) -> None:
    with pytest.raises(BadOption):
        Locations(pairs)


def test_every_place_of_a_storage_is_rewritten_and_what_fits_nowhere_is_told() -> None:
    there = "hdfs://nn1:8020/data/t"
    storage = Storage(
        (), there, serde=Serde(parameters={"path": there, "field.delim": "/"}), parameters={"some.location": "hdfs://nn9/x", "n": there},
        skewed_locations=((("1",), f"{there}/1"), (("2",), "hdfs://nn9/2")),
    )  # fmt: skip
    found = MAPPING.rewrite(
        storage, {"avro.schema.url": f"{there}.avsc", "schema.url": "http://registry/1", "comment": there}
    )
    assert found.storage.location == found.storage.serde.parameters["path"] == "s3a://lake/data/t"
    assert found.storage.serde.parameters["field.delim"] == "/"
    assert found.storage.skewed_locations == ((("1",), "s3a://lake/data/t/1"), (("2",), "hdfs://nn9/2"))
    assert found.storage.parameters == {"some.location": "hdfs://nn9/x", "n": there}
    assert found.parameters == {
        "avro.schema.url": "s3a://lake/data/t.avsc",
        "schema.url": "http://registry/1",
        "comment": there,
    }
    assert found.is_placed
    assert found.unmapped == (
        "skewed location of 2: hdfs://nn9/2", "storage parameter some.location: hdfs://nn9/x", "parameter schema.url: http://registry/1"
    )  # fmt: skip


def test_the_placeholder_of_spark_follows_the_true_location() -> None:
    storage = Storage(
        (), "hdfs://nn1:8020/warehouse/t-__PLACEHOLDER__", serde=Serde(parameters={"path": "hdfs://nn1:8020/data/t"})
    )
    found = MAPPING.rewrite(storage, {})
    assert (found.storage.location, found.is_placed) == ("s3a://lake/data/t-__PLACEHOLDER__", True)
    assert data_location(Table("d", "t", "external", storage)) == "hdfs://nn1:8020/data/t"
    lost = MAPPING.rewrite(
        Storage((), "hdfs://nn1:8020/data/t-__PLACEHOLDER__", serde=Serde(parameters={"path": "hdfs://nn9/t"})), {}
    )
    assert (lost.is_placed, lost.unmapped) == (False, ("serde parameter path: hdfs://nn9/t",))


def test_a_storage_without_location_is_placed() -> None:
    assert MAPPING.rewrite(Storage(), {}).is_placed
