"""Zones are found by the scheme of their address."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_livedata.engine.errors import BadAddress, BadOption, UnknownScheme
from airflow_provider_livedata.engine.zones import registry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.local.zone import LocalZone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.engine.zones.registry import open_zone, register, schemes


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_choices", dict(registry._choices))


def test_an_address_opens_the_zone_of_its_scheme(tmp_path: Path) -> None:
    assert isinstance(open_zone(f"file://{tmp_path}"), LocalZone)
    assert isinstance(open_zone(Address("memory", "registry", "")), MemoryZone)


def test_options_reach_the_zone_and_unknown_ones_are_refused() -> None:
    assert not open_zone("memory://registry-objects/", like="objects").facts.has_directories
    with pytest.raises(BadOption, match="memory://"):
        open_zone("memory://registry/", colour="blue")


def test_an_unknown_scheme_is_refused_naming_those_that_are_known() -> None:
    with pytest.raises(
        UnknownScheme,
        match=r"no zone serves ftp://; known are abfs://, file://, fsspec://, gs://, hdfs://, memory://, s3://",
    ):
        open_zone("ftp://host/x")


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(BadAddress):
        open_zone("/srv/data")


def test_others_may_register_a_zone_for_a_scheme_of_theirs() -> None:
    register("ftp", "airflow_provider_livedata.engine.zones.memory.zone:MemoryZone")
    assert isinstance(open_zone("ftp://host/x"), MemoryZone)


def test_a_zone_whose_library_is_missing_says_what_to_install() -> None:
    register("ftp", "no_such_library.zones:FtpZone", "pip install ftp-zone")
    with pytest.raises(UnknownScheme, match="pip install ftp-zone"):
        open_zone("ftp://host/x")


def test_the_table_of_schemes_is_for_reading() -> None:
    with pytest.raises(TypeError):
        schemes["ftp"] = ("a:B", "")  # type: ignore[index]
    assert set(schemes) >= {"file", "memory", "hdfs", "s3"}
