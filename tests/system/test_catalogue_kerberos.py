"""A Hive Metastore that believes nobody without a ticket: a real server, a real key distribution centre, tickets by keytab."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import SyncOptions, open_catalogue, sync_catalogue
from airflow_provider_livedata.engine.errors import CredentialsRefused, MetastoreUnreachable
from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
from airflow_provider_livedata.engine.metastore.hive import HiveCatalogue
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Storage, Table
from tests.conftest import in_ci
from tests.services.hive import Metastore
from tests.services.kdc import Kdc
from tests.system.catalogue_common import DAY, LAZY, TEXT

pytestmark = pytest.mark.skipif(
    ctypes.util.find_library("gssapi_krb5") is None and not in_ci(),
    reason="no libgssapi_krb5 on this machine: apt-get install libgssapi-krb5-2",
)


@pytest.fixture(scope="module")
def kdc() -> Iterator[Kdc]:
    with Kdc(["hive/localhost"]) as kdc:
        yield kdc


@pytest.fixture(scope="module")
def secure(kdc: Kdc) -> Iterator[Metastore]:
    with kdc.metastore() as server:
        yield server


@pytest.fixture
def no_ticket(kdc: Kdc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.krb5_conf))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{tmp_path}/nothing.keytab")


@pytest.fixture
def ticket(no_ticket: None, kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{kdc.keytab}")


def with_ticket(server: Metastore, service: str = "hive") -> HiveCatalogue:
    """The catalogue of a server."""
    made = open_catalogue("hive", uris=server.uri, kerberos_service=service, timeout_s=60)
    assert isinstance(made, HiveCatalogue)
    return made


def filled(root: Path, database: str, catalogue: HiveCatalogue) -> dict[str, Partition]:
    """Make two tables, one of which has more partitions than a frame holds; what the server then tells of these."""
    place = f"file:{root}/source/{database}"
    catalogue.create_database(Database(database, "of a test", place))
    columns = tuple(Column(f"column_{number}", "string", "x" * 200) for number in range(200))
    storage = Storage(columns, f"{place}/wide", *TEXT, LAZY)
    catalogue.create_table(
        Table(database, "plain", "external", Storage((Column("id", "int"),), f"{place}/plain", *TEXT, LAZY))
    )
    wide = Table(database, "wide", "external", storage, (DAY,))
    catalogue.create_table(wide)
    days = [f"2024-01-{number:02}" for number in range(1, 29)]
    catalogue.add_partitions(
        wide, [Partition((day,), Storage(columns, f"{place}/wide/day={day}", *TEXT, LAZY)) for day in days]
    )
    return catalogue.partitions(wide, catalogue.partition_names(wide))


def test_tables_are_synced_from_a_metastore_with_kerberos_and_to_it(
    ticket: None, secure: Metastore, metastore: Metastore, tmp_path: Path
) -> None:
    with closing(with_ticket(secure)) as theirs, closing(open_catalogue("hive", uris=metastore.uri)) as ours:
        assert len(filled(tmp_path, "secured", theirs)) == 28
        there_and_back(theirs, ours, tmp_path)


def there_and_back(theirs: CatalogueTarget, ours: CatalogueTarget, tmp_path: Path) -> None:
    """A sync, one that finds nothing to do, and one in the other direction."""
    options = SyncOptions(
        locations={f"file:{tmp_path}/source": f"file:{tmp_path}/target"}, databases=("secured",), details="none"
    )
    report = sync_catalogue(theirs, ours, options, state=f"file://{tmp_path}/state")
    assert report.done == {"created databases": 1, "created tables": 2, "added partitions": 28}
    assert sync_catalogue(theirs, ours, options, state=f"file://{tmp_path}/state").planned == {}
    back = SyncOptions(
        locations={f"file:{tmp_path}/target": f"file:{tmp_path}/back"},
        databases=("secured",),
        changed_at_target="overwrite",
        details="none",
    )
    assert sync_catalogue(ours, theirs, back, state=f"file://{tmp_path}/back").done == {
        "altered databases": 1,
        "made anew tables": 2,
        "added partitions": 28,
    }
    (found,) = theirs.tables("secured", ["wide"])
    assert (found.storage.location, len(found.storage.columns)) == (f"file:{tmp_path}/back/secured/wide", 200)


@pytest.mark.parametrize(("protection", "agreed"), [("authentication", 1), ("integrity", 2), ("privacy", 4)])
def test_what_a_server_wants_wrapped_is_wrapped(
    ticket: None, kdc: Kdc, tmp_path: Path, protection: str, agreed: int
) -> None:
    with kdc.metastore(protection) as server, closing(with_ticket(server)) as catalogue:
        found = filled(tmp_path, "wrapped", catalogue)
        assert {len(one.storage.columns) for one in found.values()} == {200}
        assert catalogue._client._transport._protection == agreed


def test_without_a_ticket_nobody_is_called_and_it_is_said_what_to_do(no_ticket: None, secure: Metastore) -> None:
    with (
        closing(with_ticket(secure)) as catalogue,
        pytest.raises(CredentialsRefused, match=r"Kerberos: .*get a ticket \(kinit\), or name a keytab"),
    ):
        catalogue.database_names()


def test_a_service_that_has_no_principal_is_told(ticket: None, secure: Metastore) -> None:
    with closing(with_ticket(secure, "hive2")) as catalogue:
        with pytest.raises(CredentialsRefused, match="(?i)kerberos.*hive2") as refused:
            catalogue.database_names()
        assert refused.value.where["service"] == "hive2@localhost"


def test_a_ticket_for_another_service_is_not_taken(ticket: None, secure: Metastore) -> None:
    with (
        closing(with_ticket(secure, "nn")) as catalogue,
        pytest.raises(CredentialsRefused, match="the server does not take the ticket"),
    ):
        catalogue.database_names()


def test_a_server_with_kerberos_that_is_asked_without_it_leads_to_a_hint(secure: Metastore) -> None:
    with (
        closing(open_catalogue("hive", uris=secure.uri)) as catalogue,
        pytest.raises(MetastoreUnreachable, match=r"may want Kerberos \(kerberos_service\)"),
    ):
        catalogue.database_names()


def test_a_server_without_kerberos_that_is_asked_with_it_leads_to_a_hint(ticket: None, metastore: Metastore) -> None:
    uri = metastore.uri.replace("127.0.0.1", "localhost")
    with (
        closing(open_catalogue("hive", uris=uri, kerberos_service="hive", timeout_s=3)) as catalogue,
        pytest.raises(MetastoreUnreachable, match="a server without Kerberos answers no ticket"),
    ):
        catalogue.database_names()
