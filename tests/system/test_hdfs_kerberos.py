"""HDFS with Kerberos: a real key distribution centre, tickets by keytab, and refusals that say what to do."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator

import pytest

from airflow_provider_livedata.engine.errors import CredentialsRefused, PermissionRefused, ZoneUnreachable
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.hdfs.zone import HdfsZone
from tests.conftest import in_ci
from tests.services.hdfs import HdfsCluster
from tests.services.kdc import REALM, Kdc
from tests.system.hdfs_common import put, read

pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("gssapi_krb5") is None and not in_ci(),
    reason="no libgssapi_krb5 on this machine: apt-get install libgssapi-krb5-2",
)


@pytest.fixture(scope="module")
def kdc() -> Iterator[Kdc]:
    with Kdc(["ann"]) as kdc:
        yield kdc


@pytest.fixture(scope="module")
def cluster(kdc: Kdc) -> Iterator[HdfsCluster]:
    with kdc.cluster() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def krb5_conf(kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.krb5_conf))


def opened(cluster: HdfsCluster, kdc: Kdc, principal: str) -> HdfsZone:
    address = Address("hdfs", cluster.rpc, "data")
    return HdfsZone.open(address, kerberos_principal=f"{principal}@{REALM}", kerberos_keytab=str(kdc.keytab))


def test_files_are_written_and_read_with_a_ticket_and_two_principals_do_so_in_one_process(
    cluster: HdfsCluster, kdc: Kdc
) -> None:
    superuser, ann = opened(cluster, kdc, "nn/localhost"), opened(cluster, kdc, "ann")
    superuser.check(writable=True)
    entry = put(superuser, "d/f", b"12345")
    assert entry.owner == "nn"
    ann.check(writable=False)
    assert [one for one in ann.scan() if one.kind == "file"] == [entry]
    assert read(ann, "d/f", version=entry.version) == b"12345"
    with pytest.raises(PermissionRefused, match="user=ann"):
        put(ann, "d/g")
    put(superuser, "d/h")
    for zone in (superuser, ann):
        zone.close()


def test_credentials_that_are_none_are_refused_before_a_run(cluster: HdfsCluster, kdc: Kdc) -> None:
    zone = opened(cluster, kdc, "bob")
    with pytest.raises(CredentialsRefused, match="keytab") as refused:
        zone.check(writable=False)
    assert refused.value.where["address"] == str(zone.address)
    zone.close()


def test_a_client_that_knows_nothing_of_kerberos_is_told(cluster: HdfsCluster) -> None:
    zone = HdfsZone.open(Address("hdfs", cluster.rpc, "data"))
    with pytest.raises(ZoneUnreachable, match=r"hadoop\.security\.authentication=kerberos"):
        zone.check(writable=False)
    zone.close()
