"""Local zones show what every zone shows, and keep to their root."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    BadAddress,
    ChecksumMismatch,
    CorruptSource,
    IsADirectory,
    NotADirectory,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    StoreFull,
    Unsupported,
    ZoneBusy,
    ZoneError,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Entry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.local import scan as local_scan
from airflow_provider_livedata.engine.zones.local.errors import _MEANINGS, engine_error
from airflow_provider_livedata.engine.zones.local.zone import LocalZone
from airflow_provider_livedata.testing.zone_suite import ZoneSuite

NOBODY = 65534
DATA = bytes(range(256)) * 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "the root"
    found.mkdir()
    return found


@pytest.fixture
def zone(root: Path) -> LocalZone:
    return opened(root)


def opened(root: Path) -> LocalZone:
    return LocalZone.open(Address.parse(f"file://{root}"))


def read(zone: LocalZone, path: str, version: str = "") -> bytes:
    buffer = bytearray(100)
    return bytes(buffer[: zone.read_into(path, 0, memoryview(buffer), version=version)])


class TestLocalZone(ZoneSuite):
    @pytest.fixture
    def zone(self, root: Path) -> LocalZone:
        return opened(root)


class TestLinksAndSpecialFiles:
    def test_links_are_listed_as_something_that_cannot_be_copied(self, zone: LocalZone, root: Path) -> None:
        (root / "d").mkdir()
        (root / "d/f").write_bytes(b"1")
        (root / "to-directory").symlink_to("d")
        (root / "to-file").symlink_to("d/f")
        (root / "to-nothing").symlink_to("nowhere")
        found = {entry.path: (entry.kind, entry.note) for entry in zone.scan() if entry.path.startswith("to-")}
        assert found == dict.fromkeys(("to-directory", "to-file", "to-nothing"), ("other", "symbolic link"))
        stated = zone.stat("to-directory")
        assert stated is not None
        assert stated.kind == "other"

    def test_no_link_leads_a_reader_out_of_the_root(self, zone: LocalZone, root: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        (root / "way-out").symlink_to(tmp_path)
        (root / "file-out").symlink_to(tmp_path / "secret")
        assert list(zone.scan("way-out")) == []
        assert zone.stat("way-out/secret") is None
        for path in ("way-out/secret", "file-out"):
            with pytest.raises((PathMissing, Unsupported)):
                read(zone, path)

    def test_no_link_leads_a_writer_out_of_the_root(self, zone: LocalZone, root: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "kept").write_bytes(b"kept")
        (root / "way-out").symlink_to(outside)
        (root / "file-out").symlink_to(outside / "kept")
        for attempt in (
            lambda: zone.put("way-out/f", b"1"),
            lambda: zone.make_directory("way-out/d"),
            lambda: zone.rename("way-out/kept", "taken"),
            lambda: zone.set_attributes("way-out/kept", Attributes(mode=0o777)),
            lambda: zone.set_attributes("file-out", Attributes(mode=0o777)),
        ):
            with pytest.raises((NotADirectory, Unsupported)):
                attempt()
        assert zone.delete([Entry("way-out/kept")]) == []
        zone.put("file-out", b"replaces the link")
        assert [path.name for path in outside.iterdir()] == ["kept"]
        assert (outside / "kept").read_bytes() == b"kept"
        assert (outside / "kept").stat().st_mode & 0o777 != 0o777

    def test_deleting_a_link_leaves_what_it_points_to(self, zone: LocalZone, root: Path) -> None:
        zone.put("f", b"1")
        (root / "link").symlink_to("f")
        assert zone.delete([Entry("link", "other")]) == []
        assert [entry.path for entry in zone.scan()] == ["f"]

    def test_a_root_that_is_a_link_is_followed(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(root)
        opened(tmp_path / "link").put("f", b"1")
        assert (root / "f").read_bytes() == b"1"

    def test_pipes_and_sockets_are_listed_and_never_waited_for(
        self, zone: LocalZone, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.mkfifo(root / "pipe")
        monkeypatch.chdir(root)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")  # relative: such addresses are short
        assert [(entry.path, entry.kind, entry.note) for entry in zone.scan()] == [
            ("pipe", "other", "named pipe"), ("socket", "other", "socket")]  # fmt: skip
        for path in ("pipe", "socket"):
            with pytest.raises(ZoneError):
                read(zone, path)

    def test_names_that_are_not_utf8_are_listed_readably_and_not_touched(self, zone: LocalZone, root: Path) -> None:
        for name in (b"a\xff", b"a\xfe", b"d\xff"):
            os.close(os.open(os.fsencode(root) + b"/" + name, os.O_CREAT))
        zone.put("a", b"1")
        zone.put("b", b"1")
        found = list(zone.scan())
        assert [(entry.path, entry.kind) for entry in found] == [
            ("a", "file"), ("a\\xfe", "other"), ("a\\xff", "other"), ("b", "file"), ("d\\xff", "other")]  # fmt: skip
        assert {entry.note for entry in found if entry.kind == "other"} == {"its name is not UTF-8"}
        assert [failure.error for failure in zone.delete(found)] == ["NameRefused"] * 3
        assert len(os.listdir(root)) == 4  # and .livedata


class TestVersions:
    def test_files_written_with_equal_size_and_time_never_share_a_version(self, zone: LocalZone) -> None:
        attributes = Attributes(mtime_ms=1_500_000_000_123)
        entries = [zone.put("f", b"%05d" % number, attributes=attributes) for number in range(300)]
        assert len({entry.version for entry in entries}) == 300
        assert {entry.mtime_ms for entry in entries} == {1_500_000_000_123}

    def test_a_file_changed_in_place_is_another_version(self, zone: LocalZone, root: Path) -> None:
        version = zone.put("f", b"first").version
        with (root / "f").open("r+b") as file:
            file.write(b"F")
        with pytest.raises(ObjectChanged):
            read(zone, "f", version)

    def test_a_file_changed_while_it_is_read_is_not_returned(
        self, zone: LocalZone, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        version = zone.put("f", b"first").version
        honest = os.preadv

        def preadv(handle: int, buffers: list[memoryview], offset: int) -> int:
            count = honest(handle, buffers, offset)
            (root / "f").write_bytes(b"other")
            return count

        monkeypatch.setattr(os, "preadv", preadv)
        with pytest.raises(ObjectChanged):
            read(zone, "f", version)

    def test_a_rename_keeps_the_version(self, zone: LocalZone) -> None:
        version = zone.put("f", b"1").version
        zone.rename("f", "g")
        found = zone.stat("g")
        assert found is not None
        assert found.version == version


class TestScanning:
    def test_what_vanishes_while_it_is_listed_is_left_out(self, zone: LocalZone, root: Path) -> None:
        for path in ("a", "b", "c/d/e", "f"):
            zone.put(path, b"1")
        entries = zone.scan()
        assert next(entries).path == "a"
        (root / "b").unlink()
        (root / "c/d/e").unlink()
        (root / "c/d").rmdir()
        assert [entry.path for entry in entries] == ["c", "f"]

    def test_a_directory_that_becomes_a_link_is_not_entered(self, zone: LocalZone, root: Path, tmp_path: Path) -> None:
        zone.put("d/f", b"1")
        (tmp_path / "secret").write_bytes(b"1")
        entries = zone.scan()
        assert next(entries).path == "d"
        (root / "d/f").unlink()
        (root / "d").rmdir()
        (root / "d").symlink_to(tmp_path)
        assert list(entries) == []

    def test_a_name_that_changes_its_kind_ends_the_listing_with_an_error(self, zone: LocalZone, root: Path) -> None:
        for path in ("a", "b", "b!"):
            zone.put(path, b"1")
        entries = zone.scan()
        assert next(entries).path == "a"
        (root / "b").unlink()
        (root / "b").mkdir()
        with pytest.raises(ZoneBusy):
            list(entries)

    def test_deep_trees_are_listed_with_few_open_files(
        self, zone: LocalZone, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local_scan, "OPEN_LEVELS", 5)
        depth = 1200
        zone.put("/".join(["d" * 9] * depth + ["last"]), b"1")
        zone.put("d" * 9 + "/first", b"1")
        before, most, keys = len(os.listdir("/proc/self/fd")), 0, []
        for entry in zone.scan():
            keys.append(entry.key)
            most = max(most, len(os.listdir("/proc/self/fd"))) if len(keys) % 100 == 0 else most
        subprocess.run(["rm", "-rf", root], check=True)  # too deep for shutil and so for pytest
        assert keys == sorted(keys)
        assert len(keys) == depth + 2
        assert before < most <= before + 10

    def test_a_listing_that_is_given_up_closes_its_directories(self, zone: LocalZone) -> None:
        zone.put("a/b/c/d", b"1")
        before = os.listdir("/proc/self/fd")
        entries = zone.scan()
        for _ in range(3):
            next(entries)
        assert len(os.listdir("/proc/self/fd")) > len(before)
        del entries
        assert len(os.listdir("/proc/self/fd")) == len(before)

    def test_a_directory_that_cannot_be_read_is_an_error_and_not_empty(self, open_root: Path) -> None:
        zone = opened(open_root)
        zone.put("a/f", b"1")
        (open_root / "a").chmod(0)
        with without_rights(), pytest.raises(PermissionRefused):
            list(zone.scan())
        (open_root / "a").chmod(0o755)


class TestWriting:
    def test_parts_that_were_damaged_after_they_were_written_are_not_published(
        self, zone: LocalZone, root: Path
    ) -> None:
        begun = zone.begin("f", len(DATA))
        part = begun.part(0, DATA, checksum_of(DATA))
        staged = root / ".livedata/stage" / begun.token
        staged.write_bytes(bytes(len(DATA)))  # what a power failure leaves of pages that were not written out
        upload = opened(root).resume("f", begun.token, len(DATA))
        assert upload is not None
        with pytest.raises(ChecksumMismatch, match="not intact"):
            upload.complete([part], checksum_of(DATA))
        assert zone.stat("f") is None

    def test_a_staged_file_keeps_its_version_when_another_process_publishes_it(
        self, zone: LocalZone, root: Path
    ) -> None:
        begun = zone.begin("f", 5, attributes=Attributes(mtime_ms=1_500_000_000_123))
        parts = [begun.part(0, b"12345", checksum_of(b"12345"))]
        staged = begun.stage(parts, checksum_of(b"12345"))
        upload = opened(root).resume("f", begun.token, 5)
        assert upload is not None
        assert staged.version == upload.complete(parts, checksum_of(b"12345"), expect=ABSENT).version
        found = zone.stat("f")
        assert found is not None
        assert (found.version, found.mtime_ms) == (staged.version, 1_500_000_000_123)

    def test_a_file_that_was_linked_by_one_who_died_then_counts_as_published(self, zone: LocalZone, root: Path) -> None:
        upload = zone.begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        upload.stage(parts, checksum_of(b"12345"))
        os.link(root / ".livedata/stage" / f"{upload.token}.sealed", root / "f")
        upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
        assert read(zone, "f") == b"12345"
        assert os.listdir(root / ".livedata/stage") == []

    def test_no_token_leads_out_of_the_stage(self, zone: LocalZone) -> None:
        zone.put("victim", b"12345")
        zone.put(".livedata/checkpoint/1.json", b"12345")
        for token in ("../../victim", "../checkpoint/1.json", "."):
            assert zone.resume("f", token, 5) is None

    def test_a_complete_that_is_repeated_says_what_it_said_before(self, zone: LocalZone) -> None:
        upload = zone.begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        entries = [upload.complete(parts, checksum_of(b"12345"), expect=ABSENT) for _ in range(3)]
        assert entries == [zone.stat("f")] * 3

    def test_staged_files_are_not_for_the_eyes_of_others(self, zone: LocalZone, root: Path) -> None:
        upload = zone.begin("f", 5, attributes=Attributes(mode=0o644))
        assert (root / ".livedata/stage").stat().st_mode & 0o777 == 0o700
        assert (root / ".livedata/stage" / upload.token).stat().st_mode & 0o777 == 0o600
        upload.abort()

    def test_only_the_leftovers_of_writers_are_swept(self, zone: LocalZone, root: Path) -> None:
        zone.begin("f", 5)
        (root / ".livedata/stage/notes.txt").write_bytes(b"someone's")
        assert zone.sweep(int(time.time() * 1000) + 60_000) == 1
        assert os.listdir(root / ".livedata/stage") == ["notes.txt"]

    def test_an_owner_or_group_that_is_not_known_here_is_left_out(self, zone: LocalZone) -> None:
        entry = zone.put("f", b"1", attributes=Attributes(owner="no-such-user", group="no-such-group", mode=0o600))
        assert (entry.owner, entry.group) == (zone.put("g", b"1").owner, zone.put("g", b"1").group)
        assert entry.mode == 0o600

    def test_an_owner_that_this_process_may_not_give_is_left_out(self, open_root: Path) -> None:
        zone = opened(open_root)
        with without_rights():
            entry = zone.put("f", b"1", attributes=Attributes(owner="daemon", group="daemon", mode=0o600))
            assert entry.owner == zone.put("g", b"1").owner != "daemon"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others")
    def test_an_owner_is_given_by_name_or_number(self, zone: LocalZone) -> None:
        attributes = Attributes(owner="daemon", group="daemon")
        assert zone.put("f", b"1", attributes=attributes).attributes[1:3] == ("daemon", "daemon")
        assert zone.set_attributes("f", Attributes(owner="54321")).owner == "54321"

    def test_extended_attributes_of_the_system_are_left_alone(self, zone: LocalZone) -> None:
        attributes = Attributes(xattrs=(("raw.hdfs.crypto", b"1"), ("user.b", b"2"), ("user.a", b"")))
        assert zone.put("f", b"1", attributes=attributes).xattrs == (("user.a", b""), ("user.b", b"2"))
        assert zone.set_attributes("f", Attributes(xattrs=(("user.b", b"3"),))).xattrs == (("user.b", b"3"),)
        assert zone.set_attributes("f", Attributes(xattrs=())).xattrs == ()


class TestErrors:
    def test_a_target_that_may_not_be_written_is_refused_before_anything_is_done(self, open_root: Path) -> None:
        open_root.chmod(0o555)
        for zone in (opened(open_root), opened(open_root / "below/it")):
            with without_rights(), pytest.raises(PermissionRefused, match=str(open_root)):
                zone.check(writable=True)
        with without_rights(), pytest.raises(PermissionRefused):
            opened(open_root).put("f", b"1")

    def test_a_source_that_may_not_be_read_is_refused(self, open_root: Path) -> None:
        open_root.chmod(0o311)
        with without_rights(), pytest.raises(PermissionRefused):
            opened(open_root).check(writable=False)

    def test_a_file_that_may_not_be_read_is_refused(self, open_root: Path) -> None:
        zone = opened(open_root)
        zone.put("f", b"1", attributes=Attributes(mode=0))
        with without_rights(), pytest.raises(PermissionRefused):
            read(zone, "f")

    def test_a_file_whose_extended_attributes_may_not_be_read_is_listed_without_them(self, open_root: Path) -> None:
        zone = opened(open_root)
        for path in ("a", "d/f", "z"):
            zone.put(path, b"1", attributes=Attributes(xattrs=(("user.a", b"1"),)))
        for path in ("d/f", "d"):
            zone.set_attributes(path, Attributes(mode=0o711, xattrs=(("user.a", b"1"),)))
        with without_rights():
            entry = zone.stat("d/f")
            assert entry is not None
            assert (entry.size_bytes, entry.mode, entry.xattrs) == (1, 0o711, None)
            found = {entry.path: entry.xattrs for entry in zone.listing_past().scan()}
            with pytest.raises(PermissionRefused):
                list(zone.scan())  # what "d" holds
            with pytest.raises(PermissionRefused):
                read(zone, "d/f")
        assert found == {"a": (("user.a", b"1"),), "d": None, "z": (("user.a", b"1"),)}
        zone.set_attributes("d", Attributes(mode=0o755))
        with without_rights():
            assert [entry.path for entry in zone.scan()] == ["a", "d", "d/f", "z"]
            assert zone.stat("d/f") == list(zone.scan("d"))[0]

    def test_a_file_that_may_not_be_deleted_is_reported_and_the_others_go(self, open_root: Path) -> None:
        zone = opened(open_root)
        zone.put("closed/f", b"1")
        zone.put("g", b"1")
        with without_rights():
            failures = zone.delete([Entry("closed/f"), Entry("g")])
        assert [(failure.path, failure.error) for failure in failures] == [("closed/f", "PermissionRefused")]
        assert [entry.path for entry in zone.scan()] == ["closed", "closed/f"]

    def test_a_disk_that_cannot_give_the_bytes_back_is_a_corrupt_source(
        self, zone: LocalZone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        zone.put("f", b"1")

        def preadv(handle: int, buffers: list[memoryview], offset: int) -> int:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "preadv", preadv)
        with pytest.raises(CorruptSource):
            read(zone, "f")

    def test_a_file_too_large_for_the_file_system_says_so_and_leaves_nothing(self, zone: LocalZone, root: Path) -> None:
        with file_size_limit(1000), pytest.raises(StoreFull):
            zone.put("f", bytes(2000))
        assert zone.stat("f") is None
        assert os.listdir(root / ".livedata/stage") == []

    @pytest.mark.parametrize("number", sorted(_MEANINGS), ids=errno.errorcode.get)
    def test_each_answer_of_the_system_becomes_an_error_with_its_path_and_reason(self, number: int) -> None:
        error = engine_error(OSError(number, os.strerror(number)), "d/f")
        assert type(error) is not ZoneError
        assert error.where == {"path": "d/f", "reason": os.strerror(number)}

    def test_an_answer_that_nobody_foresaw_is_an_engine_error_too(self) -> None:
        assert type(engine_error(OSError(errno.EBADMSG, "strange"), "f")) is ZoneError

    def test_an_address_with_a_host_is_refused(self) -> None:
        with pytest.raises(BadAddress, match="file:///srv/data"):
            LocalZone.open(Address.parse("file://host/srv/data"))

    def test_the_root_of_the_machine_can_be_opened_and_listed(self) -> None:
        zone = LocalZone.open(Address.parse("file:///"))
        here = f"proc/{os.getpid()}/task"
        first = min(
            os.listdir(f"/{here}")
        )  # of the threads: this one, unless a later one has a number that stands before its
        assert next(iter(zone.scan(here))).path == f"{here}/{first}"
        with pytest.raises(IsADirectory):
            read(zone, "proc")


@pytest.fixture
def open_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root that a user without rights reaches, which pytest's own directories are not."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix="livedata-test-"))
    place.chmod(0o755)
    (place / "root").mkdir()
    (place / "root").chmod(0o777)
    yield place / "root"
    for path in (place, place / "root"):
        path.chmod(0o755)
    shutil.rmtree(place)


def test_a_listing_goes_on_past_a_directory_that_may_not_be_entered_only_where_it_is_told_to() -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest's own are for root alone
        root = Path(made)
        root.chmod(0o755)
        for path in ("a/f", "names/f", "names/sub/g", "none/f", "z"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(b"1")
        (root / "names").chmod(0o744 if os.geteuid() == 0 else 0o644)
        (root / "none").chmod(0o700 if os.geteuid() == 0 else 0o000)
        zone = opened(root)
        try:
            with without_rights():
                found = list(zone.listing_past().scan())
                assert [one.path for one in found if one.is_unlisted] == ["names", "none"]
                assert [one.key for one in found if not one.is_unlisted] == ["a/", "a/f", "z"]
                with pytest.raises(PermissionRefused):
                    list(zone.scan())
                with pytest.raises(PermissionRefused):
                    list(zone.listing_past().scan("none"))
        finally:
            for path in ("names", "none"):
                (root / path).chmod(0o755)


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while, where the tests are run by root, to whom no mode is a hindrance."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Have the kernel refuse larger files."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
