"""Proved: every file's checksums are kept, wrong bytes are refused, and verify names each difference at the level it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_livedata.engine import replicate, verify
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import FlipBytes
from tests.crash.conftest import PART_BYTES, Files, Pair, contents
from tests.services.s3 import S3Server
from tests.system.conftest import Place, write

Make = Callable[[str, str], Pair]
FILES: Files = {"small": b"small", "none": b"", "large": bytes(range(256)) * 3 * (PART_BYTES // 256)}


@pytest.mark.parametrize(
    ("target_like", "tells"), [("objects", "crc64nvme:"), ("files", ""), ("hdfs", ""), ("local", "")]
)
def test_the_manifest_keeps_both_checksums_of_every_file_and_the_one_that_an_object_store_keeps(
    make_pair: Make, target_like: str, tells: str
) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put(FILES)
    replicate(pair.source, pair.target)
    state = StateFolder(pair.target)
    rows = {row.entry.path: row for row in checkpoints.manifest(state, checkpoints.latest(state))}
    for path, data in FILES.items():
        entry = rows[path].entry
        assert (entry.crc32c, entry.crc64nvme) == tuple(checksum_of(data or b""))
        assert rows[path].target_checksum == (f"{tells}{entry.crc64nvme:016x}" if tells else "")


def test_bytes_that_change_on_their_way_are_refused_by_the_store_and_sent_again(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({**{f"f{n}": bytes([n]) * 100 for n in range(20)}, **FILES})
    flipping = FlipBytes(pair.target, seed=1, rate=0.3, names=frozenset({"put", "part", "put_stream"}))
    replicate(pair.source, Retrying(flipping, RetryPolicy(attempts=40, base_s=0, max_s=0)))
    assert flipping.flipped > 5
    assert contents(pair.target) == contents(pair.source)


def test_each_difference_is_named_with_its_path_and_kind(make_pair: Make) -> None:
    pair = make_pair("hdfs", "files")
    pair.put({"same": b"1", "bytes": b"12", "size": b"123", "missing": b"4"})
    replicate(pair.source, pair.target)
    pair.target.put("bytes", b"21")
    pair.target.put("size", b"1234")
    pair.target.put("extra", b"")
    missing = pair.target.stat("missing")
    assert missing is not None
    pair.target.delete([missing])
    found = verify(pair.source, pair.target, level="listing")
    listed = {("size", "size"), ("missing", "missing"), ("extra", "extra")}
    assert {(one.path, one.kind) for one in found.differences} == listed
    for level in ("checksum", "content"):
        found = verify(pair.source, pair.target, level=level)
        assert {(one.path, one.kind) for one in found.differences} == {*listed, ("bytes", "checksum")}


def test_checksums_of_unlike_kinds_are_never_taken_for_equal(make_pair: Make) -> None:
    pair = make_pair("objects", "hdfs")
    pair.put({"f": b"right"})
    replicate(pair.source, pair.target)
    pair.target.put("f", b"wrong")
    found = verify(pair.source, pair.target, level="checksum")
    assert [(one.path, one.kind) for one in found.differences] == [("f", "checksum")]
    assert found.proved_by_store == 0


@pytest.mark.system
def test_checksums_are_compared_without_reading_where_the_store_tells_them_and_content_reads_both_sides(
    s3_integrity: S3Server, source: Place, target: Place, bucket: str
) -> None:
    write(source, {"dir/f": b"0123456789" * 1000})
    replicate(source.open(), target.open())
    stored = s3_integrity.object_path(bucket, "copy/dir/f")
    with stored.open(
        "r+b"
    ) as file:  # in place: the store goes on telling the old checksum, as it does of bits that rot
        file.seek(5000)
        file.write(b"x")
    told = verify(source.open(), target.open(), level="checksum")
    assert (told.is_same, told.proved_by_store, told.read_bytes) == (True, 1, 0)
    found = verify(source.open(), target.open(), level="content")
    assert [(one.path, one.kind) for one in found.differences] == [("dir/f", "checksum")]
    assert found.read_bytes == 2 * 10_000
