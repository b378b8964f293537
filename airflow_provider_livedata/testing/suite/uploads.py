"""How a zone writes a large file: in parts, invisible until it is complete, taken up by another process."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    IsADirectory,
    LiveDataError,
    ObjectChanged,
    PathMissing,
)
from airflow_provider_livedata.engine.model import ABSENT, Checksum, Part
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import (
    OpenAt,
    cut,
    data_of,
    files_below_state,
    keys,
    put,
    read,
    read_all,
    send,
    stat,
    upload_whole,
    wrong_checksum_of,
)


class Uploads:
    """begin, part, stage, complete."""

    def test_a_file_sent_in_parts_has_the_bytes_of_all(self, zone: Zone, large_bytes: int) -> None:
        data = data_of("large", large_bytes)
        upload = zone.begin("d/f", len(data))
        parts = send(upload, data)
        assert len(parts) > 1, "large_bytes must need several parts, else this proves nothing"
        assert [(part.index, part.size_bytes) for part in parts] == [
            (index, len(part)) for index, part in enumerate(cut(data, upload.part_bytes))]  # fmt: skip
        upload.stage(parts, checksum_of(data))
        entry = upload.complete(parts, checksum_of(data))
        assert (entry.path, entry.size_bytes, entry.version) == ("d/f", len(data), stat(zone, "d/f").version)
        assert read_all(zone, "d/f") == data
        assert files_below_state(zone) == []

    def test_parts_keep_to_the_sizes_that_the_facts_name(self, zone: Zone, large_bytes: int) -> None:
        upload = zone.begin("f", large_bytes)
        assert upload.part_bytes == zone.facts.part_bytes(large_bytes)
        assert zone.facts.min_part_bytes <= upload.part_bytes <= zone.facts.max_part_bytes
        assert large_bytes <= upload.part_bytes * zone.facts.max_parts
        upload.abort()

    def test_parts_arrive_in_any_order_by_many_threads_and_twice(self, zone: Zone, large_bytes: int) -> None:
        if zone.facts.in_order:
            pytest.skip("this store is written in order")
        data = data_of("shuffled", large_bytes)
        upload = zone.begin("f", len(data))
        numbered = list(enumerate(cut(data, upload.part_bytes))) * 2
        random.Random(7).shuffle(numbered)
        with ThreadPoolExecutor(8) as pool:
            sent = list(pool.map(lambda one: upload.part(one[0], one[1], checksum_of(one[1])), numbered))
        parts = sorted({part.index: part for part in sent}.values(), key=lambda part: part.index)
        upload.stage(parts, checksum_of(data))
        upload.complete(parts, checksum_of(data))
        assert read_all(zone, "f") == data

    def test_nothing_is_visible_before_complete_and_all_is_after(self, zone: Zone) -> None:
        put(zone, "old", b"before")
        for path in ("old", "new"):
            upload = zone.begin(path, 5)
            parts = send(upload, b"after")
            staged = upload.stage(parts, checksum_of(b"after"))
            assert keys(zone) == ["old"] if path == "old" else ["new", "old"]
            assert (staged.path, staged.size_bytes) == (path, 5)
            self._check_unpublished(zone, path)
            entry = upload.complete(parts, checksum_of(b"after"))
            # Elsewhere the manifest is written from what was staged, before the file has its name.
            assert staged.version == entry.version or (staged.version == "" and zone.facts.puts_publish)
            assert read_all(zone, path) == b"after"

    def _check_unpublished(self, zone: Zone, path: str) -> None:
        if path == "old":
            assert read_all(zone, "old") == b"before"
        else:
            assert zone.stat("new") is None
            with pytest.raises(PathMissing):
                read(zone, "new", 0, 1)

    def test_an_aborted_upload_leaves_nothing_and_can_be_aborted_again(self, zone: Zone) -> None:
        for is_staged in (False, True):
            upload = zone.begin("d/f", 5)
            parts = send(upload, b"12345")
            if is_staged:
                upload.stage(parts, checksum_of(b"12345"))
            upload.abort()
            upload.abort()
            assert zone.stat("d/f") is None
            assert [key for key in keys(zone) if not key.endswith("/")] == []
            assert files_below_state(zone) == []

    def test_an_abort_after_complete_leaves_the_file(self, zone: Zone) -> None:
        upload = zone.begin("f", 5)
        parts = send(upload, b"12345")
        upload.stage(parts, checksum_of(b"12345"))
        upload.complete(parts, checksum_of(b"12345"))
        upload.abort()
        assert read_all(zone, "f") == b"12345"

    def test_a_complete_repeated_after_a_lost_reply_does_no_harm(self, zone: Zone) -> None:
        upload = zone.begin("f", 5)
        parts = send(upload, b"12345")
        upload.stage(parts, checksum_of(b"12345"))
        first = upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
        try:
            again = upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
        except (PathMissing, AlreadyExists):
            again = stat(zone, "f")
        assert again.version == first.version == stat(zone, "f").version
        assert read_all(zone, "f") == b"12345"

    def test_an_upload_is_taken_up_by_its_token(self, zone: Zone, open_at: OpenAt, large_bytes: int) -> None:
        data = data_of("resumed", large_bytes)
        begun = zone.begin("d/f", len(data))
        pieces = cut(data, begun.part_bytes)
        parts = [begun.part(0, pieces[0], checksum_of(pieces[0]))]
        upload = open_at("").resume("d/f", begun.token, len(data))
        if upload is None:
            assert zone.facts.in_order, "only a store that is written in order may refuse to go on"
            return
        assert (upload.token, upload.part_bytes) == (begun.token, begun.part_bytes)
        parts += [upload.part(i, piece, checksum_of(piece)) for i, piece in enumerate(pieces) if i > 0]
        upload.stage(parts, checksum_of(data))
        assert upload.complete(parts, checksum_of(data)).version == stat(zone, "d/f").version
        assert read_all(zone, "d/f") == data

    def test_a_staged_upload_is_completed_by_its_token(self, zone: Zone, open_at: OpenAt) -> None:
        begun = zone.begin("d/f", 5)
        parts = send(begun, b"12345")
        begun.stage(parts, checksum_of(b"12345"))
        upload = open_at("").resume("d/f", begun.token, 5)
        assert upload is not None
        upload.complete(parts, checksum_of(b"12345"))
        assert read_all(zone, "d/f") == b"12345"

    def test_an_upload_that_is_gone_cannot_be_taken_up(self, zone: Zone, open_at: OpenAt) -> None:
        gone = zone.begin("f", 5)
        send(gone, b"12345")
        gone.abort()
        for token in (gone.token, "../../etc/passwd", "no such token", ""):
            assert open_at("").resume("f", token, 5) is None
        with pytest.raises(LiveDataError):
            gone.complete([Part(0, "", 5, checksum_of(b"12345"))], checksum_of(b"12345"))
        assert zone.stat("f") is None

    def test_of_two_uploads_that_expect_nothing_the_second_is_refused(self, zone: Zone) -> None:
        first, second = zone.begin("f", 5), zone.begin("f", 5)
        parts, others = send(first, b"first"), send(second, b"other")
        first.stage(parts, checksum_of(b"first"))
        second.stage(others, checksum_of(b"other"))
        first.complete(parts, checksum_of(b"first"), expect=ABSENT)
        with pytest.raises(AlreadyExists):
            second.complete(others, checksum_of(b"other"), expect=ABSENT)
        second.abort()
        assert read_all(zone, "f") == b"first"

    def test_an_upload_that_expects_a_version_replaces_only_that(self, zone: Zone) -> None:
        old = put(zone, "f", b"first")
        new = upload_whole(zone, "f", b"second", expect=old.version)
        with pytest.raises(ObjectChanged):
            upload_whole(zone, "f", b"third", expect=old.version)
        assert stat(zone, "f").version == new.version
        assert read_all(zone, "f") == b"second"

    def test_an_upload_that_lacks_a_part_is_not_published(self, zone: Zone, large_bytes: int) -> None:
        data = data_of("short", large_bytes)
        upload = zone.begin("f", len(data))
        first = cut(data, upload.part_bytes)[0]
        parts = [upload.part(0, first, checksum_of(first))]
        with pytest.raises(LiveDataError):  # noqa: PT012 - either step may be the one that refuses
            upload.stage(parts, checksum_of(data))
            upload.complete(parts, checksum_of(data))
        assert zone.stat("f") is None

    def test_a_part_or_file_with_a_wrong_checksum_is_refused(self, zone: Zone, refuses_wrong_bytes: bool) -> None:
        if not refuses_wrong_bytes:
            pytest.skip("this store keeps no checksum that a writer can give it")
        upload = zone.begin("f", 5)
        with pytest.raises(ChecksumMismatch):
            upload.part(0, b"12345", wrong_checksum_of(b"12345"))
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        with pytest.raises(ChecksumMismatch):  # noqa: PT012 - either step may be the one that refuses
            upload.stage(parts, wrong_checksum_of(b"12345"))
            upload.complete(parts, wrong_checksum_of(b"12345"))
        assert zone.stat("f") is None

    def test_an_empty_file_is_uploaded_where_puts_do_not_publish(self, zone: Zone) -> None:
        if zone.facts.puts_publish:
            pytest.skip("files in one piece go by put here")
        upload_whole(zone, "d/empty", b"")
        assert (stat(zone, "d/empty").size_bytes, read_all(zone, "d/empty")) == (0, b"")

    def test_an_upload_over_a_directory_is_refused_and_changes_nothing(self, zone: Zone) -> None:
        if not zone.facts.has_directories:
            pytest.skip("this store has no directories")
        zone.make_directory("empty")
        put(zone, "d/f", b"1")
        for path in ("empty", "d"):
            for expect in (None, ABSENT):
                with pytest.raises((IsADirectory, AlreadyExists)):
                    upload_whole(zone, path, b"12345", expect=expect)
        assert keys(zone) == ["d/", "d/f", "empty/"]

    @pytest.mark.soak
    def test_a_huge_file_arrives_whole(self, zone: Zone, huge_bytes: int) -> None:
        upload = zone.begin("huge", huge_bytes)
        block = bytearray(data_of("huge", upload.part_bytes))
        parts, whole = [], EMPTY
        for index, start in enumerate(range(0, huge_bytes, upload.part_bytes)):
            block[:8] = index.to_bytes(8, "big")
            piece = memoryview(block)[: huge_bytes - start]
            parts.append(upload.part(index, piece, checksum_of(piece)))
            whole = checksum_of(piece, whole)
        upload.stage(parts, whole)
        upload.complete(parts, whole)
        assert _checksum_read(zone, "huge", huge_bytes) == whole


def _checksum_read(zone: Zone, path: str, size_bytes: int) -> Checksum:
    found, buffer = EMPTY, memoryview(bytearray(8 << 20))
    for offset in range(0, size_bytes, len(buffer)):
        found = checksum_of(buffer[: zone.read_into(path, offset, buffer)], found)
    return found
