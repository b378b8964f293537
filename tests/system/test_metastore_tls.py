"""A metastore that speaks TLS alone: reached with the authority that signed its certificate, refused without."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import open_catalogue
from airflow_provider_livedata.engine.errors import MetastoreUnreachable
from tests.services.hive import Metastore

PASSWORD = "of the tests"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the server's key and certificate, and the certificate by itself."""
    place = tmp_path_factory.mktemp("keys")
    store: list[str | Path] = ["-keystore", place / "keys.p12", "-storepass", PASSWORD, "-alias", "metastore"]
    name = ["-dname", "CN=metastore", "-ext", "san=ip:127.0.0.1", "-keyalg", "RSA", "-validity", "2"]
    keytool("-genkeypair", *store, *name)
    keytool("-exportcert", "-rfc", "-file", place / "ca.pem", *store)
    return place


def keytool(*arguments: str | Path) -> None:
    subprocess.run(["keytool", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def server(keys: Path) -> Iterator[Metastore]:
    settings = {
        "metastore.use.SSL": "true",
        "metastore.keystore.path": f"{keys}/keys.p12",
        "metastore.keystore.password": PASSWORD,
    }
    with Metastore(properties=settings) as server:
        yield server


def test_a_metastore_is_reached_by_tls_with_the_authority_that_signed_its_certificate(
    server: Metastore, keys: Path
) -> None:
    with closing(open_catalogue("hive", uris=server.uri, use_tls=True, tls_ca=f"{keys}/ca.pem")) as catalogue:
        assert catalogue.database_names() == ["default"]


def test_a_certificate_that_nobody_known_signed_is_refused(server: Metastore) -> None:
    with (
        closing(open_catalogue("hive", uris=server.uri, use_tls=True)) as catalogue,
        pytest.raises(MetastoreUnreachable, match="certificate"),
    ):
        catalogue.database_names()


def test_a_client_without_tls_is_not_served(server: Metastore) -> None:
    with (
        closing(open_catalogue("hive", uris=server.uri, timeout_s=5)) as catalogue,
        pytest.raises(MetastoreUnreachable),
    ):
        catalogue.database_names()
