"""Zones by fsspec on filesystems that need no server: the conformance suite, what they refuse, and what they say they cannot promise."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_livedata.engine import preflight, replicate, verify
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BadAddress,
    BadOption,
    ChecksumMismatch,
    LiveDataError,
    NameRefused,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    RunFailed,
    UnknownScheme,
    Unsupported,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.zones.any_fsspec.zone import FsspecZone
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import (
    Cautions,
    Moves,
    Rename,
    SetAttributes,
    Snapshots,
    StoreChecksum,
)
from airflow_provider_livedata.engine.zones.registry import open_zone
from airflow_provider_livedata.testing.suite.common import keys, put, read, read_all, send, stat
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite

FILES = {"a.txt": b"1", "sub/b c#%20?.txt": b"22", "empty": b"", "big": os.urandom(9 << 20)}
ALONE = ReplicateOptions(exclusive=True)


class TestLocal(ZoneSuite):
    """A local directory, by fsspec's own name for it."""

    @pytest.fixture
    def zone(self, tmp_path: Path) -> Iterator[Zone]:
        zone = local(tmp_path / "root")
        (tmp_path / "root").mkdir()
        yield zone
        zone.close()

    @pytest.fixture
    def open_at(self, zone: Zone) -> OpenAt:
        return lambda path: open_zone(zone.address.join(path), exclusive=True)

    @pytest.fixture
    def many(self) -> int:
        return 1_000


class TestDirectoryOfAnother(ZoneSuite):
    """A filesystem that is handed over, and whose paths are relative."""

    @pytest.fixture
    def zone(self, tmp_path: Path) -> Zone:
        (tmp_path / "top" / "root").mkdir(parents=True)
        return open_zone("fsspec+dir://root", filesystem=_dir(tmp_path / "top"), exclusive=True)

    @pytest.fixture
    def open_at(self, zone: Zone, tmp_path: Path) -> OpenAt:
        return lambda path: open_zone(
            zone.address.join(path), filesystem=lambda: _dir(tmp_path / "top"), exclusive=True
        )

    @pytest.fixture
    def many(self) -> int:
        return 1_000


def _dir(path: Path) -> DirFileSystem:
    return DirFileSystem(path=str(path), fs=LocalFileSystem())


def local(path: Path, **options: Any) -> FsspecZone:
    zone = open_zone(f"fsspec+local://{path}", **{"exclusive": True, **options})
    assert isinstance(zone, FsspecZone)
    return zone


def write(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def contents(path: Path) -> dict[str, bytes]:
    found = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".livedata")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", FILES)


@pytest.fixture
def memory() -> Iterator[str]:
    yield "/of-a-test"
    MemoryFileSystem().rm("/of-a-test", recursive=True)


class Faulty(LocalFileSystem):  # type: ignore[misc] # fsspec ships no types
    """A stand-in for a filesystem that fails: ``faults`` by name of method are called first, with its arguments."""

    protocol = "faulty"
    faults: ClassVar[dict[str, Callable[..., Any]]] = {}

    def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
        return self._or("ls", path) or super().ls(path, detail=detail, **options)

    def info(self, path: Any, **options: Any) -> Any:
        return self._or("info", path) or super().info(path, **options)

    def mv(self, path1: str, path2: str, **options: Any) -> Any:
        return self._or("mv", path1) or super().mv(path1, path2, **options)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        return self._or("open", path, mode) or super()._open(path, mode, **options)

    def _or(self, name: str, *given: Any) -> Any:
        return self.faults[name](*given) if name in self.faults else None


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[..., Any]]:
    asked: dict[str, Callable[..., Any]] = {}
    monkeypatch.setattr(Faulty, "faults", asked)
    return asked


def faulty(path: Path) -> Zone:
    return open_zone(f"fsspec+local://{path}", filesystem=Faulty(), exclusive=True)


def refuse(error: Exception, when: Callable[..., bool] = lambda *_: True) -> Callable[..., None]:
    def fault(*given: Any) -> None:
        if when(*given):
            raise error

    return fault


def test_a_tree_goes_there_and_back_proved_and_a_second_run_copies_only_what_differs(
    source: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    assert replicate(open_zone(f"file://{source}"), local(there), ALONE).copied_files == len(FILES)
    assert contents(there) == FILES
    write(source, {"a.txt": b"changed", "new": b"new"})
    (source / "empty").unlink()
    report = replicate(open_zone(f"file://{source}"), local(there), ALONE)
    assert (report.copied_files, report.deleted, report.failed) == (2, 1, 0)
    for level in ("listing", "checksum", "content"):
        assert verify(open_zone(f"file://{source}"), local(there), level=level).is_same
    replicate(local(there, exclusive=False), open_zone(f"file://{tmp_path}/back"))
    assert contents(tmp_path / "back") == contents(source)
    assert replicate(local(there, exclusive=False), open_zone(f"file://{tmp_path}/back")).copied_files == 0


def test_a_target_is_always_at_one_snapshot_where_that_is_asked_for(source: Path, tmp_path: Path) -> None:
    how = ReplicateOptions(exclusive=True, consistency="snapshot")
    replicate(open_zone(f"file://{source}"), local(tmp_path / "there"), how)
    write(source, {"a.txt": b"changed", "new": b"new"})
    assert replicate(open_zone(f"file://{source}"), local(tmp_path / "there"), how).staged
    assert contents(tmp_path / "there") == contents(source)


def test_memory_is_a_source_and_never_a_target(memory: str, tmp_path: Path) -> None:
    files = MemoryFileSystem()
    for name, data in FILES.items():
        files.pipe_file(f"{memory}/{name}", data)
    there = open_zone(f"fsspec+memory:/{memory}", exclusive=True)
    assert replicate(there, open_zone(f"file://{tmp_path}/copy")).copied_files == len(FILES)
    assert contents(tmp_path / "copy") == FILES
    files.pipe_file(f"{memory}/a.txt", b"2")
    assert replicate(there, open_zone(f"file://{tmp_path}/copy")).copied_files == 1
    with pytest.raises(Unsupported, match="has no rename of its own"):
        replicate(open_zone(f"file://{tmp_path}/copy"), there, ALONE)


def test_nothing_is_written_without_the_promise_that_nobody_else_does(source: Path, tmp_path: Path) -> None:
    target = local(tmp_path / "there", exclusive=False)
    changes: list[Callable[[], object]] = [
        lambda: replicate(open_zone(f"file://{source}"), target),
        lambda: put(target, "f", b"1"),
        lambda: target.begin("f", 1),
        lambda: target.resume("f", "0" * 32, 1),
        lambda: target.make_directory("d"),
        lambda: target.delete([Entry("f")]),
        lambda: target.sweep(0),
    ]
    for change in changes:
        with pytest.raises(Unsupported, match="exclusive=True"):
            change()
    assert not (tmp_path / "there").exists()


def test_a_copy_is_verified_without_that_promise(source: Path, tmp_path: Path) -> None:
    replicate(open_zone(f"file://{source}"), local(tmp_path / "there"), ALONE)
    assert verify(open_zone(f"file://{source}"), local(tmp_path / "there", exclusive=False), level="content").is_same


def test_what_cannot_be_promised_is_said_before_a_run(source: Path, tmp_path: Path) -> None:
    here, there = local(source, exclusive=False), local(tmp_path / "there")
    told = "\n".join(preflight(here, there, ALONE))
    assert "source by fsspec (local): no snapshots" in told
    assert "target by fsspec (local): the store compares no checksums: each file is read back" in told
    assert "file:// is served by a zone of its own" in told
    assert "by fsspec" in "\n".join(replicate(here, there, ALONE).notes)
    assert not any("by fsspec" in line for line in preflight(f"file://{source}", f"file://{tmp_path}/other"))


def test_no_power_is_claimed_that_fsspec_does_not_promise(tmp_path: Path) -> None:
    zone = local(tmp_path)
    assert isinstance(zone, Cautions)
    assert not any(isinstance(zone, power) for power in (Snapshots, Rename, Moves, SetAttributes, StoreChecksum))
    assert zone.facts.checksums == zone.facts.attributes == frozenset()


@pytest.mark.parametrize("scheme", ["ftp", "http", "https"])
def test_filesystems_that_would_let_files_look_deleted_are_refused_by_name(scheme: str) -> None:
    with pytest.raises(Unsupported, match=f"{scheme} of fsspec cannot be replicated from"):
        open_zone(f"fsspec+{scheme}://host/path")


def test_addresses_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAddress, match=r"fsspec\+sftp://"):
        open_zone("fsspec://host/path")
    with pytest.raises(BadAddress, match="a local path has no host"):
        open_zone("fsspec+local://host/path")
    with pytest.raises(UnknownScheme, match="fsspec has no filesystem 'nothing'"):
        open_zone("fsspec+nothing://host/path")
    with pytest.raises(BadOption):
        open_zone(f"fsspec+local://{tmp_path}", no_such_option=1)
    with pytest.raises(BadOption, match="or needs others") as told:
        open_zone("fsspec+webhdfs:///path", storage_options={"password": "hidden"})
    assert "hidden" not in f"{told.value} {told.value.where}"
    with pytest.raises(UnknownScheme, match=r"no zone serves other\+local://"):
        open_zone("other+local:///path")


def test_nothing_below_the_root_is_reached_by_a_link(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret": b"secret"})
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "file").symlink_to(tmp_path / "outside" / "secret")
    zone = local(tmp_path / "root")
    assert [(entry.path, entry.kind, entry.note) for entry in zone.scan()] == [
        ("file", "other", "symbolic link"), ("link", "other", "symbolic link")]  # fmt: skip
    assert keys(zone, "link") == []
    with pytest.raises(Unsupported):
        read(zone, "file", 0, 10)
    for path in ("link/new", "link/d/new"):
        with pytest.raises(NotADirectory):
            put(zone, path, b"1")
    with pytest.raises(NotADirectory):
        zone.make_directory("link/d")
    assert contents(tmp_path / "outside") == {"secret": b"secret"}


def test_a_name_that_is_not_utf_8_is_listed_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad-\xff")).write_bytes(b"1")
    assert [(entry.path, entry.kind, entry.note) for entry in local(tmp_path).scan()] == [
        ("bad-\\xff", "other", "its name is not UTF-8")]  # fmt: skip


def test_a_listing_that_names_other_places_is_refused(tmp_path: Path, faults: dict[str, Callable[..., Any]]) -> None:
    zone = faulty(write(tmp_path / "root", {"f": b"1"}))
    for name in ("/etc/passwd", f"{tmp_path}/root/../other", f"{tmp_path}/other"):
        faults["ls"] = lambda path, name=name: [{"name": name, "type": "file", "size": 1, "mtime": 1.0}]
        with pytest.raises(NameRefused, match="does not lie in its directory"):
            list(zone.scan())


def test_a_directory_that_is_there_and_said_to_be_missing_is_an_error_and_not_empty(
    tmp_path: Path, faults: dict[str, Callable[..., Any]]
) -> None:
    source = write(tmp_path / "source", {"d/f": b"1", "g": b"2", "h": b"3"})
    replicate(faulty(source), open_zone(f"file://{tmp_path}/copy"))
    faults["ls"] = refuse(FileNotFoundError(), lambda path: path.endswith("/d"))
    with pytest.raises(ZoneUnreachable, match="could not be listed"):
        list(faulty(source).scan())
    faults["ls"] = refuse(PermissionError(), lambda path: path.endswith("/d"))
    with pytest.raises(PermissionRefused):
        replicate(faulty(source), open_zone(f"file://{tmp_path}/copy"))
    assert contents(tmp_path / "copy") == {"d/f": b"1", "g": b"2", "h": b"3"}


def test_files_that_could_change_unseen_are_refused(tmp_path: Path, faults: dict[str, Callable[..., Any]]) -> None:
    zone = faulty(write(tmp_path / "root", {"f": b"1"}))
    for told, why in (({"size": 1}, "neither a time nor a tag"), ({"mtime": 1.0, "size": None}, "how large")):
        faults["ls"] = lambda path, told=told: [{"name": f"{path}/f", "type": "file", **told}]
        with pytest.raises(Unsupported, match=why):
            list(zone.scan())


def test_a_file_that_changes_while_it_is_read_is_not_mixed(
    tmp_path: Path, faults: dict[str, Callable[..., Any]]
) -> None:
    root = write(tmp_path / "root", {"f": b"before"})
    zone = faulty(root)
    version = stat(zone, "f").version

    def change(*_: Any) -> None:
        faults.pop("open")
        (root / "f").write_bytes(b"after!")

    faults["open"] = change
    with pytest.raises(ObjectChanged):
        read(zone, "f", 0, 6, version=version)


def test_fewer_bytes_than_told_are_an_error(tmp_path: Path, faults: dict[str, Callable[..., Any]]) -> None:
    zone = faulty(write(tmp_path / "root", {"f": b"whole"}))
    faults["open"] = lambda path, mode: open(os.devnull, "rb")  # noqa: SIM115 - the zone closes it
    with pytest.raises(ZoneUnreachable, match="fewer bytes"):
        read(zone, "f", 0, 5)


def test_bytes_that_the_store_gives_back_otherwise_never_get_their_name(
    tmp_path: Path, faults: dict[str, Callable[..., Any]]
) -> None:
    root = write(tmp_path / "root", {"f": b"older", "wrong": b"wrong"})
    zone = faulty(root)
    faults["open"] = lambda path, mode: open(root / "wrong", "rb") if mode == "rb" else None  # noqa: SIM115 - as above
    with pytest.raises(ChecksumMismatch, match="read back"):
        put(zone, "f", b"right")
    upload = zone.begin("f", 5)
    parts = send(upload, b"right")
    with pytest.raises(ChecksumMismatch, match="read back"):
        upload.stage(parts, checksum_of(b"right"))
    upload.abort()
    faults.clear()
    assert contents(root) == {"f": b"older", "wrong": b"wrong"}


def test_a_rename_that_says_nothing_and_does_nothing_is_noticed(
    tmp_path: Path, faults: dict[str, Callable[..., Any]]
) -> None:
    zone = faulty(tmp_path)
    faults["mv"] = lambda *_: True
    with pytest.raises(ZoneUnreachable, match="did not get its name"):
        put(zone, "f", b"1")


def test_a_file_that_goes_while_a_run_is_at_it_fails_by_itself(
    tmp_path: Path, faults: dict[str, Callable[..., Any]]
) -> None:
    source = write(tmp_path / "source", {"a": b"1", "b": b"2"})
    faults["open"] = refuse(FileNotFoundError(), lambda path, mode: path.endswith("/a"))
    with pytest.raises(RunFailed) as failed:
        replicate(faulty(source), open_zone(f"file://{tmp_path}/copy"))
    assert contents(tmp_path / "copy") == {"b": b"2"}
    assert failed.value.report.failed == 1


def test_what_a_client_says_is_never_passed_on(tmp_path: Path, faults: dict[str, Callable[..., Any]]) -> None:
    zone = faulty(tmp_path)
    for error in (
        RuntimeError("token=hidden"),
        OSError(5, "token=hidden"),
        ValueError("token=hidden"),
        ConnectionError("token=hidden"),
    ):
        faults["info"] = refuse(error)
        with pytest.raises(LiveDataError) as told:
            zone.stat("f")
        assert "hidden" not in f"{told.value} {told.value.where}"
        assert (told.value.__cause__, told.value.__suppress_context__) == (None, True)


def test_a_root_that_is_missing_or_a_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"f": b"1"})
    with pytest.raises(PathMissing, match="check the path"):
        local(tmp_path / "absent").check(writable=False)
    with pytest.raises(NotADirectory):
        local(tmp_path / "f").check(writable=False)


def test_each_thread_has_a_filesystem_of_its_own(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    zone = local(write(tmp_path / "root", {"f": b"1"}))
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(zone._files.get).result()
        assert theirs is pool.submit(zone._files.get).result()
    assert theirs is not zone._files.get()
    assert zone._files.get() is zone._files.get()
    assert fsspec.filesystem("memory") is not None
    zone.close()
    assert read_all(zone, "f") == b"1"


class Connected(LocalFileSystem):  # type: ignore[misc] # fsspec ships no types
    """A stand-in for a filesystem with a connection, which counts how often that is closed."""

    closed: ClassVar[list[str]] = []

    @property
    def session(self) -> Connected:
        return self

    def close(self) -> None:
        self.closed.append("closed")


def test_connections_that_were_made_here_are_given_back_and_those_of_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connected, "closed", [])
    fsspec.register_implementation("local", Connected, clobber=True)
    try:
        zone = local(tmp_path)
        zone.close()
        zone.close()
        assert Connected.closed == ["closed"]
        zone = local(tmp_path)
        del zone  # nobody closes it
        gc.collect()
        assert Connected.closed == ["closed", "closed"]
        zone = local(tmp_path, filesystem=Connected())
        zone.close()
        assert Connected.closed == ["closed", "closed"]
    finally:
        fsspec.register_implementation("local", LocalFileSystem, clobber=True)
