"""What HdfsZone decides without asking a cluster: order, ACL texts, meanings of errors, options."""

from __future__ import annotations

import gc
import getpass
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    BadOption,
    CredentialsRefused,
    IsADirectory,
    LiveDataError,
    NameRefused,
    NotADirectory,
    PathMissing,
    PermissionRefused,
    StoreFull,
    UnsortedListing,
    ZoneBusy,
    ZoneError,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.hdfs import data as hdfs_data
from airflow_provider_livedata.engine.zones.hdfs import identity as hdfs_identity
from airflow_provider_livedata.engine.zones.hdfs import scan as hdfs_scan
from airflow_provider_livedata.engine.zones.hdfs.acl import canonical, full
from airflow_provider_livedata.engine.zones.hdfs.closing import PromptClosing
from airflow_provider_livedata.engine.zones.hdfs.errors import java_error, native_error
from airflow_provider_livedata.engine.zones.hdfs.options import HdfsOptions, read_options
from airflow_provider_livedata.engine.zones.webhdfs_paths import same_path

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=4) | st.text(
    "a!-.0é日", min_size=1, max_size=4
)


def in_hdfs_order(found: dict[str, bool]) -> list[Entry]:
    """The entries of a directory as a NameNode lists them: by signed bytes. Values: whether it is a directory."""
    entries = [Entry(f"d/{name}", "directory" if is_directory else "file") for name, is_directory in found.items()]
    return sorted(entries, key=lambda entry: [byte - 256 if byte > 127 else byte for byte in entry.path.encode()])


@given(found=st.dictionaries(names, st.booleans(), max_size=30), page=st.integers(1, 5))
def test_a_directory_in_the_namenodes_order_is_put_into_key_order(found: dict[str, bool], page: int) -> None:
    entries = in_hdfs_order(found)
    pages = [entries[start : start + page] for start in range(0, len(entries), page)]
    ordered = [entry.key for entry in hdfs_scan.in_key_order(pages)]
    assert ordered == sorted(entry.key for entry in entries)


def test_entries_come_as_soon_as_nothing_can_go_before_them() -> None:
    def pages() -> Iterator[list[Entry]]:
        yield [Entry("a"), Entry("b", "directory"), Entry("b.c"), Entry("c")]
        raise AssertionError("asked for another page before the first was used")

    ordered = hdfs_scan.in_key_order(pages())
    assert [next(ordered).key for _ in range(4)] == ["a", "b.c", "b/", "c"]


def test_a_tree_is_walked_in_key_order_and_each_directory_is_listed_once() -> None:
    tree = {"": ["a", "a!", "b"], "a": ["x"], "a!": [], "b": ["c"], "b/c": [], "a/x": []}
    asked: list[str] = []

    def pages(path: str) -> Iterator[list[Entry]]:
        asked.append(path)
        yield [Entry(f"{path}/{name}".strip("/"), "directory") for name in tree[path]]

    assert [entry.key for entry in hdfs_scan.scan("", pages)] == ["a!/", "a/", "a/x/", "b/", "b/c/"]
    assert sorted(asked) == sorted(tree)


def test_a_wide_level_is_listed_once_for_each_directory_whatever_letters_its_names_have() -> None:
    wide = sorted([f"{letter}{number:02d}" for letter in "aéz" for number in range(20)], key=lambda name: name.encode())
    asked: list[str] = []

    def pages(path: str) -> Iterator[list[Entry]]:
        asked.append(path)
        yield in_hdfs_order(dict.fromkeys(wide, True)) if path == "d" else []

    assert [entry.path for entry in hdfs_scan.scan("d", pages)] == [f"d/{name}" for name in wide]
    assert sorted(asked) == sorted(["d", *(f"d/{name}" for name in wide)])


def test_a_directory_that_vanishes_during_the_walk_has_nothing_in_it() -> None:
    def pages(path: str) -> Iterator[list[Entry]]:
        if path:
            raise PathMissing("gone")
        yield [Entry("d", "directory"), Entry("e")]

    assert [entry.path for entry in hdfs_scan.scan("", pages)] == ["d", "e"]


def test_a_listing_that_fails_raises_and_does_not_end_early() -> None:
    def pages(path: str) -> Iterator[list[Entry]]:
        if path:
            raise PermissionRefused("no")
        yield [Entry("d", "directory"), Entry("e")]

    with pytest.raises(PermissionRefused):
        list(hdfs_scan.scan("", pages))


def test_a_listing_that_repeats_itself_is_refused() -> None:
    def pages(_: str) -> Iterator[list[Entry]]:
        yield [Entry("a"), Entry("b")]
        yield [Entry("a"), Entry("b")]

    with pytest.raises(UnsortedListing):
        list(hdfs_scan.scan("", pages))


def test_acls_have_one_text_whatever_the_order_of_their_entries() -> None:
    text = "user:ann:rw-,group::r--,group:ops:r-x,default:user::rwx,default:group::r-x,default:mask::r-x,default:other::---"
    assert canonical(",".join(reversed(text.split(",")))) == text
    assert canonical("") == ""


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("user:ann:rw-,group::r--", 0o664, "user::rw- user:ann:rw- group::r-- mask::rw- other::r--"),
        ("user:ann:r--", 0o640, "user::rw- user:ann:r-- group::r-- mask::r-- other::---"),
        ("default:user::rwx", 0o751, "user::rwx group::r-x other::--x default:user::rwx"),
    ],
)
def test_an_acl_is_set_with_the_base_entries_of_the_mode(text: str, mode: int, expected: str) -> None:
    assert " ".join(map(str, full(text, mode))) == expected


@pytest.mark.parametrize("text", ["user:ann", "ann:user:rwx", "user:ann:rwxx", ","])
def test_what_is_not_an_acl_is_refused(text: str) -> None:
    with pytest.raises(BadOption):
        canonical(text)


JAVA = [
    ("java.io.FileNotFoundException", "File does not exist: /a\n\tat org.x", PathMissing),
    ("java.io.FileNotFoundException", "Path is not a file: /a", IsADirectory),
    ("java.io.FileNotFoundException", "File does not exist: /x/Path", PathMissing),
    ("org.apache.hadoop.fs.FileAlreadyExistsException", "/a already exists as a directory", IsADirectory),
    ("org.apache.hadoop.fs.FileAlreadyExistsException", "/a for client 1.2.3.4 already exists", AlreadyExists),
    ("org.apache.hadoop.fs.ParentNotDirectoryException", "/a (is not a directory)", NotADirectory),
    ("org.apache.hadoop.security.AccessControlException", "Permission denied: user=a", PermissionRefused),
    ("org.apache.hadoop.security.AccessControlException", "SIMPLE authentication is not enabled.", CredentialsRefused),
    ("org.apache.hadoop.hdfs.protocol.FSLimitException$PathComponentTooLongException", "max", NameRefused),
    ("org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", "quota", StoreFull),
    ("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "Name node is in safe mode.", ZoneBusy),
    ("java.io.IOException", "File /a could only be written to 0 of the 1 minReplication nodes. There are 2", StoreFull),
    ("java.io.IOException", "... There are 0 datanode(s) running and 0 node(s) are excluded", ZoneUnreachable),
    ("java.lang.Exotic", "who knows", ZoneError),
]


@pytest.mark.parametrize(("java_class", "message", "kind"), JAVA)
def test_java_exceptions_have_one_meaning_by_rpc_and_by_webhdfs(
    java_class: str, message: str, kind: type[LiveDataError]
) -> None:
    escaped = message.replace("\n", "\\n").replace("\t", "\\t")
    by_rpc = native_error(RuntimeError(f'RPCError("{java_class}", "{escaped}")'), address="hdfs://nn/a")
    by_web = java_error(java_class.rpartition(".")[2], message, address="hdfs://nn/a")
    assert type(by_rpc) is type(by_web) is kind
    assert by_rpc.where["reason"] == by_web.where["reason"] == message.split("\n")[0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("/a"), PathMissing),
        (FileNotFoundError("Path is not a file: /a\n\tat x"), IsADirectory),
        (FileExistsError("/a for client 1 already exists"), AlreadyExists),
        (OSError("Connection refused (os error 111)"), ZoneUnreachable),
        (RuntimeError('SASLError("no")'), CredentialsRefused),
        (RuntimeError("NoSASLMechanism"), CredentialsRefused),
        (RuntimeError('FatalRPCError("org.apache.hadoop.security.AccessControlException", "no")'), PermissionRefused),
        (RuntimeError('OperationFailed("Failed to complete file in time")'), ZoneBusy),
        (RuntimeError("anything"), ZoneError),
    ],
)
def test_errors_of_the_client_have_a_meaning(error: Exception, kind: type[LiveDataError]) -> None:
    assert type(native_error(error)) is kind


def test_a_redirect_keeps_the_form_of_the_name_that_was_asked_for() -> None:
    decomposed, composed = "/webhdfs/v1/e%CC%81?op=OPEN", "http://dn:1/webhdfs/v1/%C3%A9?op=OPEN&x=1"
    assert same_path(f"http://nn:1{decomposed}", composed) == "http://dn:1/webhdfs/v1/e%CC%81?op=OPEN&x=1"
    accent_on_a_c = "http://dn:1/webhdfs/v1/%5%C4%86?op=OPEN&x=1"
    assert same_path("http://nn:1/base/webhdfs/v1/%5C%CC%81?op=OPEN", accent_on_a_c) == (
        "http://dn:1/webhdfs/v1/%5C%CC%81?op=OPEN&x=1"
    )
    elsewhere = "http://gateway:1/dn/webhdfs/v1/%C3%A9?_=secret"
    assert same_path(f"http://nn:1{decomposed}", elsewhere) == elsewhere


def options(authority: str, **given: object) -> HdfsOptions:
    chosen: dict[str, object] = {"rpc": None, "webhdfs": None, "config": None, "config_dir": None, "data": "auto"}
    return read_options(Address("hdfs", authority, "data"), **chosen | given)  # type: ignore[arg-type]


HA = {
    "dfs.ha.namenodes.prod": "a, b",
    "dfs.namenode.rpc-address.prod.a": "nn1:8020",
    "dfs.namenode.rpc-address.prod.b": "nn2:8020",
}


def test_namenodes_are_found_by_rpc_then_by_the_authority_then_by_the_configuration() -> None:
    assert options("nn1:8020").url == "hdfs://nn1:8020"
    assert options("prod", rpc=["nn3:8020"]).url == "hdfs://nn3:8020"
    assert (options("prod", config=HA).url, options("prod", config=HA).rpc) == ("hdfs://prod", ("nn1:8020", "nn2:8020"))
    assert options("", config={**HA, "fs.defaultFS": "hdfs://prod"}).url == "hdfs://prod"
    assert options("", config={"fs.defaultFS": "hdfs://nn1:8020"}).url == "hdfs://nn1:8020"


def test_credentials_of_kerberos_mean_kerberos() -> None:
    assert not options("nn1:8020").is_kerberos
    assert options("nn1:8020", kerberos_cache="/tmp/cache").is_kerberos
    assert options("nn1:8020", config={"hadoop.security.authentication": "kerberos"}).is_kerberos
    chosen = {"hadoop.security.authentication": "simple"}
    assert not options("nn1:8020", kerberos_principal="ann@EXAMPLE.COM", config=chosen).is_kerberos


def test_several_rpc_addresses_become_a_nameservice_of_the_client() -> None:
    found = options("prod", rpc=["nn1:8020", "nn2:8020"])
    assert found.url == "hdfs://prod"
    assert found.config["dfs.ha.namenodes.prod"] == "nn0,nn1"
    assert found.config["dfs.namenode.rpc-address.prod.nn1"] == "nn2:8020"
    assert options("nn1:8020", rpc=["nn1:8020", "nn2:8020"]).url == "hdfs://livedata"


def test_without_an_rpc_address_bytes_go_by_webhdfs() -> None:
    assert options("prod", webhdfs=["http://nn1:9870"]).url == ""
    assert options("nn1:8020", webhdfs=["http://nn1:9870"], data="webhdfs").url == ""
    assert options("nn1:8020", webhdfs=["http://nn1:9870"]).url == "hdfs://nn1:8020"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"rpc": ["nn1"]},
        {"rpc": ["nn1:port"]},
        {"webhdfs": ["nn1:9870"]},
        {"rpc": [""]},
        {"data": "fast"},
        {"data": "native", "webhdfs": ["http://nn1:9870"]},
        {"data": "webhdfs"},
        {"config_dir": "/absent"},
        {"rpc": ["nn1:8020"], "kerberos_keytab": "/etc/krb5.keytab"},
    ],
)
def test_options_that_cannot_be_served_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        options("prod", **given)


def test_the_configuration_directory_is_read_and_config_wins_over_it(tmp_path: Path) -> None:
    rows = "".join(f"<property><name>{name}</name><value>{value}</value></property>" for name, value in HA.items())
    (tmp_path / "hdfs-site.xml").write_text(f"<configuration>{rows}</configuration>")
    assert options("prod", config_dir=str(tmp_path)).rpc == ("nn1:8020", "nn2:8020")
    other = {"dfs.namenode.rpc-address.prod.a": "nn9:8020"}
    assert options("prod", config_dir=str(tmp_path), config=other).rpc == ("nn9:8020", "nn2:8020")
    (tmp_path / "core-site.xml").write_text("<configuration>")
    with pytest.raises(BadOption):
        options("prod", config_dir=str(tmp_path))


class Holder:
    """Something that is open as a user."""


def test_a_process_is_one_user_at_a_time_and_itself_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOOP_USER_NAME", "own")
    first, second, third = Holder(), Holder(), Holder()
    hdfs_identity.claim(first, "ann")
    hdfs_identity.claim(second, "ann")
    hdfs_identity.claim(third, "ann")
    for other in ("bob", None):
        with pytest.raises(BadOption, match="ann"):
            hdfs_identity.claim(Holder(), other)
    assert os.environ["HADOOP_USER_NAME"] == "ann"
    for holder in (first, third, third):
        hdfs_identity.release(holder)
    assert os.environ["HADOOP_USER_NAME"] == "ann"
    del second
    bob = Holder()
    hdfs_identity.claim(bob, "bob")
    assert os.environ["HADOOP_USER_NAME"] == "bob"
    hdfs_identity.release(bob)
    assert os.environ["HADOOP_USER_NAME"] == "own"
    hdfs_identity.claim(third, None)
    hdfs_identity.claim(first, "own")
    hdfs_identity.release(third)
    hdfs_identity.release(first)
    monkeypatch.delenv("HADOOP_USER_NAME")
    hdfs_identity.claim(first, None)
    assert os.environ["HADOOP_USER_NAME"] == getpass.getuser()
    hdfs_identity.release(first)
    assert "HADOOP_USER_NAME" not in os.environ


def test_options_that_the_client_does_not_take_are_told_and_leave_the_identity_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HADOOP_USER_NAME", raising=False)
    refused = replace(options("nn:8020", user="ann"), url="ftp://nn")
    with pytest.raises(BadOption, match="does not take these options"):
        hdfs_data.NativeData(refused)
    assert "HADOOP_USER_NAME" not in os.environ


def test_what_nobody_uses_any_more_leaves_the_identity_to_others_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HADOOP_USER_NAME", raising=False)
    gc.disable()  # it may take its time
    try:
        made = hdfs_data.NativeData(options("nn:8020", user="ann"))
        assert os.environ["HADOOP_USER_NAME"] == "ann"
        del made
        other = hdfs_data.NativeData(options("nn:8020", user="bob"))
        assert os.environ["HADOOP_USER_NAME"] == "bob"
        other.close()
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 5, (2 << 20) + 3])
def test_the_client_is_handed_bytes_whatever_was_given(kind: type[Any], size: int) -> None:
    taken: list[object] = []

    class Recorder:
        def write(self, data: object) -> None:
            taken.append(data)

    data, closing = os.urandom(size), PromptClosing(len, lambda _: True)
    hdfs_data._NativeWriter(cast("Any", Recorder()), "hdfs://nn", "/f", closing).write(kind(data))
    assert {type(piece) for piece in taken} <= {bytes}  # others it takes apart byte by byte
    assert b"".join(cast("list[bytes]", taken)) == data
