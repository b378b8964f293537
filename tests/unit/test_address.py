"""Addresses are read, written and compared as people mean them, and never leave their zone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadAddress
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.testing.strategies import any_names, paths


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hdfs://hdfs_prod@nn1:8020/data/sales", Address("hdfs", "nn1:8020", "data/sales", "hdfs_prod")),
        ("s3://aws_default@bucket/prefix", Address("s3", "bucket", "prefix", "aws_default")),
        ("s3://bucket", Address("s3", "bucket", "")),
        ("s3://bucket/", Address("s3", "bucket", "")),
        ("file:///srv/data", Address("file", "", "srv/data")),
        ("file:///srv/data/", Address("file", "", "srv/data")),
        ("file:///", Address("file", "", "")),
        ("memory://name/a b", Address("memory", "name", "a b")),
        ("HDFS://nn/x", Address("hdfs", "nn", "x")),
        ("hdfs://@nn/x", Address("hdfs", "nn", "x")),
        ("s3://bucket/a@b:c/%2F?x=1#y", Address("s3", "bucket", "a@b:c/%2F?x=1#y")),
        ("s3://bucket/new\nline", Address("s3", "bucket", "new\nline")),
    ],
)
def test_an_address_is_read_literally(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize(
    ("alias", "scheme"),
    [("s3a", "s3"), ("s3n", "s3"), ("abfss", "abfs"), ("gcs", "gs"), ("s3", "s3"), ("hdfs", "hdfs")],
)
def test_other_names_of_a_scheme_mean_the_same_zone(alias: str, scheme: str) -> None:
    assert Address.parse(f"{alias}://x/y").scheme == scheme


@pytest.mark.parametrize(
    "text",
    ["", "/srv/data", "srv", "s3:/bucket/x", "s3//bucket", "://bucket/x", "3s://bucket", "s3://a@b@c/x",
     "hdfs://nn/../etc", "hdfs://nn/a/./b", "hdfs://nn/a//b", "hdfs://nn/a/..", "hdfs://nn/nul\0byte"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadAddress, match="never holds a password") as caught:
        Address.parse("hdfs://user:hunter2@nn/x")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.where)


@given(
    scheme=st.sampled_from(["hdfs", "s3", "file", "memory"]),
    conn_id=st.none() | st.from_regex(r"[a-z_0-9-]{1,10}", fullmatch=True),
    authority=st.from_regex(r"[a-z0-9.:-]{0,12}", fullmatch=True),
    path=st.just("") | paths(),
)
def test_an_address_that_is_written_and_read_is_the_same(
    scheme: str, conn_id: str | None, authority: str, path: str
) -> None:
    address = Address(scheme, authority, path, conn_id)
    assert Address.parse(str(address)) == address


@given(name=any_names())
def test_any_name_can_be_joined(name: str) -> None:
    assert Address("s3", "bucket", "a").join(name).path == f"a/{name}"


def test_joining_keeps_the_connection_and_starts_at_the_path() -> None:
    address = Address("hdfs", "nn", "data", "prod")
    assert address.join("a/b") == Address("hdfs", "nn", "data/a/b", "prod")
    assert address.join("") == address
    assert Address("hdfs", "nn", "").join("a") == Address("hdfs", "nn", "a")


@pytest.mark.parametrize("path", ["..", "a/../..", ".", "a//b", "nul\0"])
def test_joining_never_leads_out(path: str) -> None:
    with pytest.raises(BadAddress):
        Address("hdfs", "nn", "data").join(path)


@pytest.mark.parametrize(
    ("one", "other", "do_overlap"),
    [
        ("hdfs://nn/data", "hdfs://nn/data", True),
        ("hdfs://nn/data", "hdfs://nn/data/sales", True),
        ("hdfs://nn/data/sales", "hdfs://nn/data", True),
        ("hdfs://nn/", "hdfs://nn/data", True),
        ("hdfs://a@nn/data", "hdfs://b@nn/data", True),
        ("s3a://bucket/x", "s3://bucket/x/y", True),
        ("hdfs://nn/data", "hdfs://nn/data2", False),
        ("hdfs://nn/data/a", "hdfs://nn/data/b", False),
        ("hdfs://nn1/data", "hdfs://nn2/data", False),
        ("s3://bucket/data", "hdfs://bucket/data", False),
    ],
)
def test_places_overlap_when_one_holds_the_other(one: str, other: str, *, do_overlap: bool) -> None:
    assert Address.parse(one).overlaps(Address.parse(other)) == do_overlap
    assert Address.parse(other).overlaps(Address.parse(one)) == do_overlap
