"""An address and its Airflow connection make a zone; what is missing is said before anything is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine.errors import (
    BadAddress,
    BadInput,
    BadOption,
    CredentialsRefused,
    UnknownScheme,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.abfs.options import AbfsOptions
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.gs.options import GsOptions
from airflow_provider_livedata.hooks.any_fsspec import fsspec_options
from airflow_provider_livedata.hooks.azure import azure_options
from airflow_provider_livedata.hooks.gs import gs_options
from airflow_provider_livedata.hooks.hdfs import hdfs_options
from airflow_provider_livedata.hooks.livedata import LiveDataHook, connection_of
from airflow_provider_livedata.hooks.s3 import s3_options
from tests.services.airflow_home import connection_variable

pytestmark = pytest.mark.usefixtures("airflow_home")
SECRET = "not-for-anyones-eyes"


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(connection_variable(conn_id), json.dumps(fields))


def webhdfs_options(
    monkeypatch: pytest.MonkeyPatch, text: str = "hdfs://prod@nn1:8020/data", **fields: Any
) -> dict[str, Any]:
    connect(monkeypatch, "prod", **{"conn_type": "webhdfs", **fields})
    address = Address.parse(text)
    connection = connection_of(address, conn_type="webhdfs", default="webhdfs_default")
    return hdfs_options(connection, address, ReplicateOptions())


def test_a_local_directory_needs_no_connection(tmp_path: Path) -> None:
    zone = LiveDataHook.open_zone(f"file://{tmp_path}")
    zone.check(writable=True)
    assert str(zone.address) == f"file://{tmp_path}"
    zone.close()


@pytest.mark.parametrize(
    ("address", "conn_type"),
    [
        ("hdfs://nowhere@nn1:8020/data", "webhdfs"),
        ("s3://nowhere@bucket/prefix", "aws"),
        ("gs://nowhere@bucket/prefix", "google_cloud_platform"),
        ("abfs://nowhere@container/directory", "wasb"),
    ],
)
def test_a_missing_connection_is_named_with_what_to_do(address: str, conn_type: str) -> None:
    with pytest.raises(BadInput, match=rf"no Airflow connection 'nowhere'.*type '{conn_type}'.*AIRFLOW_CONN_NOWHERE"):
        LiveDataHook.open_zone(address)


def test_a_connection_of_another_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "prod", conn_type="postgres", password=SECRET)
    with pytest.raises(BadInput, match="'prod' is of type 'postgres'; s3:// takes one of type 'aws'") as caught:
        LiveDataHook.open_zone("s3://prod@bucket/prefix")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "error"),
    [("nothing", BadAddress), ("s3://me:secret@bucket/x", BadAddress), ("ftp://host/x", UnknownScheme)],
)
def test_what_is_no_address_is_refused_without_quoting_a_password(address: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        LiveDataHook.open_zone(address)
    assert "secret" not in str(caught.value)


def test_an_unknown_option_of_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOption):
        LiveDataHook.open_zone(f"file://{tmp_path}", colour="red")


def test_a_bucket_is_opened_as_its_connection_says(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {
        "region_name": "eu-north-1", "endpoint_url": "http://127.0.0.1:9", "verify": False,
        "config_kwargs": {"s3": {"addressing_style": "virtual"}},
    }  # fmt: skip
    connect(monkeypatch, "lake", conn_type="aws", login="AKEXAMPLE", password=SECRET, extra=extra)
    options = s3_options("lake", Address.parse("s3://lake@bucket/x"), ReplicateOptions(threads=64, exclusive=True))
    credentials = options.pop("session").get_credentials()
    assert (credentials.access_key, credentials.secret_key) == ("AKEXAMPLE", SECRET)
    assert options == {
        "endpoint_url": "http://127.0.0.1:9", "region": "eu-north-1", "verify": False, "addressing_style": "virtual",
        "connections": 64, "exclusive": True,
    }  # fmt: skip


def test_a_bucket_without_connection_and_credentials_says_so() -> None:
    with pytest.raises(CredentialsRefused, match="no credentials"):
        LiveDataHook.open_zone("s3://bucket/prefix")


def test_a_bucket_without_connection_uses_what_boto3_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    options = s3_options(None, Address.parse("s3://bucket/x"), ReplicateOptions())
    assert options["session"].get_credentials().access_key == "AKENVIRONMENT"


def test_the_default_connection_is_used_where_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection_of(Address.parse("s3://bucket/x"), conn_type="aws", default="aws_default") is None
    connect(monkeypatch, "aws_default", conn_type="aws")
    found = connection_of(Address.parse("s3://bucket/x"), conn_type="aws", default="aws_default")
    assert found is not None
    assert found.conn_id == "aws_default"


def test_a_cluster_is_reached_as_the_providers_hook_would(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"use_ssl": True, "verify": "/etc/ca.pem", "cert": "/c.pem", "key": "/k.pem", "headers": {"X-A": "1"}}
    fields: dict[str, Any] = {
        "host": "nn1,nn2",
        "port": 9871,
        "schema": "gateway/default",
        "login": "ann",
        "password": SECRET,
    }
    options = webhdfs_options(monkeypatch, **fields, extra=extra)
    session = options["session"]
    assert options["webhdfs"] == ["https://nn1:9871/gateway/default", "https://nn2:9871/gateway/default"]
    assert options["user"] == "ann"
    assert (session.auth, session.verify, session.cert) == (("ann", SECRET), "/etc/ca.pem", ("/c.pem", "/k.pem"))
    assert session.headers["X-A"] == "1"


@pytest.mark.parametrize(("extra", "port"), [({}, 9870), ({"use_ssl": True}, 9871)])
def test_a_cluster_has_the_ports_of_hadoop_3_unless_told(
    monkeypatch: pytest.MonkeyPatch, extra: Any, port: int
) -> None:
    options = webhdfs_options(monkeypatch, host="nn1", extra=extra)
    assert options["webhdfs"][0].endswith(f"://nn1:{port}")


def test_rpc_addresses_come_from_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"rpc": "nn1:8020, nn2:8020", "hadoop_conf_dir": "/etc/hadoop", "hadoop_config": {"dfs.replication": 3}}
    options = webhdfs_options(monkeypatch, host="nn1", extra=extra)
    assert options["rpc"] == ["nn1:8020", "nn2:8020"]
    assert (options["config_dir"], options["config"]) == ("/etc/hadoop", {"dfs.replication": 3})
    assert "rpc" not in webhdfs_options(monkeypatch, host="nn1")


def test_rpc_takes_the_ticket_cache_of_airflow_where_airflow_uses_kerberos(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "kerberos_cache" not in webhdfs_options(monkeypatch, host="nn1")
    monkeypatch.setenv("AIRFLOW__CORE__SECURITY", "kerberos")
    monkeypatch.setenv("AIRFLOW__KERBEROS__CCACHE", "/run/ccache")
    options = webhdfs_options(monkeypatch, host="nn1")
    assert options["kerberos_cache"] == "/run/ccache"
    assert options["config"] == {"hadoop.security.authentication": "kerberos"}
    extra = {"kerberos_principal": "ann@EXAMPLE", "kerberos_keytab": "/etc/ann.keytab"}
    options = webhdfs_options(monkeypatch, host="nn1", extra=extra)
    assert (options["kerberos_principal"], options["kerberos_keytab"]) == ("ann@EXAMPLE", "/etc/ann.keytab")
    assert "kerberos_cache" not in options


def test_a_cluster_without_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="'prod' names no host"):
        webhdfs_options(monkeypatch)


def test_an_hdfs_address_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(BadInput):
        LiveDataHook.open_zone("hdfs:///data")


def google_options(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> dict[str, Any]:
    connect(monkeypatch, "google", conn_type="google_cloud_platform", extra=extra)
    address = Address.parse("gs://google@bucket/prefix")
    return gs_options(
        connection_of(address, conn_type="google_cloud_platform", default="google_cloud_default"), ReplicateOptions()
    )


def test_a_google_connection_gives_its_key_in_each_of_its_forms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = {"type": "service_account", "client_email": "robot", "private_key": SECRET}
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    for extra in ({"keyfile_dict": json.dumps(key)}, {"keyfile_dict": key}, {"key_path": str(file)},
                  {"extra__google_cloud_platform__keyfile_dict": json.dumps(key)}):  # fmt: skip
        found = google_options(monkeypatch, **extra)
        assert (found["key"], found["anonymous"]) == (key, False)
        assert SECRET not in repr(GsOptions(**found))
    assert google_options(monkeypatch, project="p")["key"] is None
    assert google_options(monkeypatch, is_anonymous=True, endpoint_url="http://x", user_project="payer") == {
        "connections": 64, "anonymous": True, "endpoint_url": "http://x", "user_project": "payer", "key": None}  # fmt: skip


@pytest.mark.parametrize(
    "extra", [{"keyfile_dict": f"{{{SECRET}"}, {"keyfile_dict": f'["{SECRET}"]'}, {"impersonation_chain": SECRET}]
)
def test_a_google_connection_that_cannot_be_read_is_refused_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match="'google'") as caught:
        google_options(monkeypatch, **extra)
    assert SECRET not in str(caught.value)


def azure_told(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> dict[str, Any]:
    connect(monkeypatch, "azure", **{"conn_type": "wasb", **fields})
    address = Address.parse("abfss://azure@container/directory")
    found = azure_options(
        connection_of(address, conn_type="wasb", or_type="adls", default="wasb_default"), ReplicateOptions()
    )
    assert SECRET not in repr(AbfsOptions(**found))
    return {name: value for name, value in found.items() if name != "connections"}


def test_an_azure_connection_names_the_account_and_who_asks_in_each_of_its_forms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = {"account": "acc", "endpoint_url": "https://acc.blob.core.windows.net"}
    keyed = {"account": "acc", "account_key": SECRET}
    assert azure_told(monkeypatch, login="acc", password=SECRET) == keyed
    assert azure_told(monkeypatch, login="acc", extra={"shared_access_key": SECRET}) == keyed
    assert azure_told(monkeypatch, conn_type="adls", host="acc", password=SECRET) == {**keyed, **usual}
    assert azure_told(monkeypatch, conn_type="adls", host="https://acc.dfs.core.windows.net/", password=SECRET) == {
        **keyed,
        **usual,
    }
    text = f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={SECRET}==;EndpointSuffix=core.windows.net"
    assert azure_told(monkeypatch, extra={"connection_string": text}) == {**usual, "account_key": f"{SECRET}=="}
    text = f"BlobEndpoint=https://acc.blob.core.windows.net;SharedAccessSignature=sv=1&sig={SECRET}"
    assert azure_told(monkeypatch, extra={"connection_string": text}) == {**usual, "sas_token": f"sv=1&sig={SECRET}"}
    sas = f"sv=1&sig={SECRET}"
    assert azure_told(monkeypatch, login="acc", extra={"sas_token": sas}) == {"account": "acc", "sas_token": sas}
    assert azure_told(monkeypatch, host="acc.blob.core.windows.net", extra={"sas_token": f"https://acc.blob.core.windows.net/c?{sas}"}) == {**usual, "sas_token": sas}  # fmt: skip
    assert azure_told(monkeypatch, host="acc", login="app", password=SECRET, extra={"tenant_id": "t"}) == {
        **usual, "tenant_id": "t", "client_id": "app", "client_secret": SECRET}  # fmt: skip
    assert azure_told(monkeypatch, host="acc", extra={"extra__wasb__managed_identity_client_id": "m"}) == {
        **usual,
        "client_id": "m",
    }
    assert azure_told(monkeypatch, host="http://127.0.0.1:1/acc", extra={"verify": False})["account"] == "acc"


def test_an_azure_connection_that_names_no_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="'azure' names no storage account") as caught:
        azure_told(monkeypatch, password=SECRET)
    assert SECRET not in str(caught.value)
    with pytest.raises(BadInput, match="wasb_default"):
        azure_options(None, ReplicateOptions())


def fsspec_of(text: str, options: ReplicateOptions | None = None) -> dict[str, Any]:
    address = Address.parse(text)
    return fsspec_options(connection_of(address, conn_type="", default=""), address, options or ReplicateOptions())


def test_a_filesystem_that_only_fsspec_knows_gets_the_fields_of_a_connection_of_any_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = {"host": "nn1", "port": 9870, "login": "me", "password": SECRET, "extra": {"use_https": True}}
    connect(monkeypatch, "files", conn_type="generic", **fields)
    told = fsspec_of("fsspec+webhdfs://files@nn1/data", ReplicateOptions(exclusive=True))
    assert told == {"exclusive": True, "storage_options": {
        "host": "nn1", "port": 9870, "user": "me", "password": SECRET, "use_https": True}}  # fmt: skip
    assert fsspec_of("fsspec+ftp://files@server/share")["storage_options"]["username"] == "me"
    assert fsspec_of("fsspec+webhdfs://nn1:9870/data") == {"exclusive": False, "storage_options": {}}


def test_a_filesystem_that_airflow_knows_is_made_by_airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from airflow.sdk.io import attach, store
    from fsspec.implementations.dirfs import DirFileSystem
    from fsspec.implementations.local import LocalFileSystem

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    connect(monkeypatch, "files", conn_type="generic")
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "f").write_bytes(b"1")
    mine = attach("ours", "files", fs=DirFileSystem(path=str(tmp_path), fs=LocalFileSystem()))
    assert fsspec_of("fsspec+ours://files@share")["filesystem"]() is mine.fs
    zone = LiveDataHook.open_zone("fsspec+ours://files@share")
    assert [entry.path for entry in zone.scan()] == ["f"]
    assert fsspec_of(f"fsspec+file://{tmp_path}")["filesystem"]().protocol == ("file", "local")
    zone = LiveDataHook.open_zone(f"fsspec+file://{tmp_path}/share")
    assert [entry.path for entry in zone.scan()] == ["f"]


def test_a_filesystem_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "files", conn_type="generic", password=SECRET)
    for address in ("fsspec+nothing://files@host/path", "fsspec+nothing://host/path"):
        with pytest.raises(UnknownScheme, match="'nothing'") as caught:
            LiveDataHook.open_zone(address)
        assert SECRET not in str(caught.value)
    with pytest.raises(BadInput, match="no Airflow connection 'nowhere'; create it .Admin"):
        LiveDataHook.open_zone("fsspec+webhdfs://nowhere@host/path")


def test_no_password_is_told_when_a_server_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "files", conn_type="generic", host="127.0.0.1", port=9, login="me", password=SECRET)
    zone = LiveDataHook.open_zone("fsspec+webhdfs://files@127.0.0.1/data")
    with pytest.raises(ZoneUnreachable) as caught:
        zone.check(writable=False)
    assert SECRET not in f"{caught.value} {caught.value.where}"
