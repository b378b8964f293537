"""How metastores are reached, as far as no server is needed."""

from __future__ import annotations

import ctypes.util

import pytest

from airflow_provider_livedata.engine import open_catalogue
from airflow_provider_livedata.engine.clients import gssapi
from airflow_provider_livedata.engine.errors import BadInput, MetastoreUnreachable


def test_kerberos_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    gssapi._library.cache_clear()
    catalogue = open_catalogue("hive", uris="thrift://127.0.0.1:9", kerberos_service="hive")
    with pytest.raises(BadInput, match=r"apt-get install libgssapi-krb5-2"):
        catalogue.database_names()


def test_every_address_that_does_not_answer_is_named() -> None:
    catalogue = open_catalogue("hive", uris="thrift://127.0.0.1:9, thrift://127.0.0.1:1")
    with pytest.raises(MetastoreUnreachable, match=r"127\.0\.0\.1:9: .*127\.0\.0\.1:1: "):
        catalogue.database_names()


@pytest.mark.parametrize("uris", ["", "nn1:9083", "thrift://"])
def test_an_address_is_a_host_with_its_scheme(uris: str) -> None:
    with pytest.raises(BadInput, match="thrift://host:port"):
        open_catalogue("hive", uris=uris)
