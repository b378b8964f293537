"""A file that gets another name within its zone, where the zone does that without sending its bytes."""

from __future__ import annotations

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    LiveDataError,
    NotADirectory,
    ObjectChanged,
    PathMissing,
)
from airflow_provider_livedata.engine.model import ABSENT, Attributes
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import KeepsFiles, Moves
from airflow_provider_livedata.testing.suite.common import data_of, put, read_all, stat, upload_whole


class Moving:
    """See ``Moves``."""

    def test_a_moved_file_has_its_bytes_checksum_and_attributes(self, zone: Zone, attributes: Attributes) -> None:
        mover, data = _mover(zone), data_of("moved")
        zone.put("old/f", data, checksum=checksum_of(data), attributes=attributes)
        before = stat(zone, "old/f")
        told = mover.move("old/f", "new/deep/f", version=before.version, checksum=checksum_of(data), expect=ABSENT)
        found = stat(zone, "new/deep/f")
        assert read_all(zone, "new/deep/f") == data
        assert (told.path, told.version, told.size_bytes) == ("new/deep/f", found.version, len(data))
        for name in (*zone.facts.attributes, "crc32c", "crc64nvme"):
            assert getattr(found, name) == getattr(before, name), name
        if zone.facts.has_directories:
            assert zone.stat("old/f") is None
            assert found.version == before.version

    def test_what_is_put_aside_is_not_open_to_others(self, zone: Zone) -> None:
        mover = _mover(zone)
        put(zone, "private/f", b"data")
        mover.move("private/f", ".livedata/stage/held/1/1")
        assert read_all(zone, ".livedata/stage/held/1/1") == b"data"
        if "mode" in zone.facts.attributes and zone.facts.scheme != "memory":
            assert stat(zone, ".livedata/stage").mode == 0o700
        mover.move(".livedata/stage/held/1/1", "private/g", expect=ABSENT)
        assert zone.sweep(1 << 60) == 0
        assert read_all(zone, "private/g") == b"data"

    def test_attributes_that_are_given_are_its_own_from_then_on(self, zone: Zone, attributes: Attributes) -> None:
        mover = _mover(zone)
        put(zone, "f", b"data")
        mover.move("f", "g", attributes=attributes)
        found = stat(zone, "g")
        for name in zone.facts.attributes:
            wanted = getattr(attributes, name)
            assert wanted is None or getattr(found, name) == wanted, name
        assert read_all(zone, "g") == b"data"

    def test_a_file_of_several_parts_is_moved_whole(self, zone: Zone) -> None:
        mover, data = _mover(zone), data_of("parts", 3 * zone.facts.min_part_bytes + 1)
        entry = upload_whole(zone, "f", data)
        mover.move("f", "g", version=entry.version, checksum=checksum_of(data), expect=ABSENT)
        assert read_all(zone, "g") == data

    def test_it_replaces_only_what_is_expected(self, zone: Zone) -> None:
        mover = _mover(zone)
        old, there = put(zone, "old", b"old"), put(zone, "new", b"there")
        with pytest.raises(AlreadyExists):
            mover.move("old", "new", expect=ABSENT)
        with pytest.raises((ObjectChanged, PathMissing)):
            mover.move("old", "nothing", expect=there.version)
        other = put(zone, "other", b"others")
        with pytest.raises(ObjectChanged):
            mover.move("old", "new", expect=other.version)
        assert read_all(zone, "new") == b"there"
        mover.move("old", "new", version=old.version, expect=there.version)
        assert read_all(zone, "new") == b"old"
        put(zone, "again", b"again")
        mover.move("again", "new")
        assert read_all(zone, "new") == b"again"

    def test_what_is_not_what_it_was_is_left_alone(self, zone: Zone) -> None:
        mover = _mover(zone)
        old = put(zone, "f", b"old")
        put(zone, "f", b"newer")
        with pytest.raises(ObjectChanged):
            mover.move("f", "g", version=old.version)
        with pytest.raises(PathMissing):
            mover.move("nothing", "g")
        zone.make_directory("d")
        with pytest.raises(LiveDataError):
            mover.move("d", "g")
        assert zone.stat("g") is None
        assert read_all(zone, "f") == b"newer"

    def test_other_bytes_than_the_checksum_says_do_not_stay(self, zone: Zone) -> None:
        mover = _mover(zone)
        zone.put("f", b"data", checksum=checksum_of(b"data"))
        if (stat(zone, "f").crc32c, stat(zone, "f").crc64nvme) == (None, None):
            pytest.skip("this store keeps no checksum that a writer can give it")
        with pytest.raises(ChecksumMismatch):
            mover.move("f", "g", checksum=checksum_of(b"other"))
        assert zone.stat("g") is None


class Keeping:
    """See ``KeepsFiles``."""

    def test_a_kept_file_outlives_what_becomes_of_its_origin(self, zone: Zone, attributes: Attributes) -> None:
        keeper, data = _keeper(zone), data_of("kept")
        zone.put("d/f", data, checksum=checksum_of(data), attributes=attributes)
        keeper.keep("d/f", "removed/1/d/f", version=stat(zone, "d/f").version)
        put(zone, "d/f", b"replaced")
        assert read_all(zone, "removed/1/d/f") == data
        assert read_all(zone, "d/f") == b"replaced"
        for name in zone.facts.attributes:
            wanted = getattr(attributes, name)
            assert wanted is None or getattr(stat(zone, "removed/1/d/f"), name) == wanted, name

    def test_what_is_kept_is_not_open_to_others(self, zone: Zone) -> None:
        keeper = _keeper(zone)
        put(zone, "private/f", b"data")
        keeper.keep("private/f", ".livedata/removed/1/private/f")
        if "mode" in zone.facts.attributes and zone.facts.scheme != "memory":
            assert stat(zone, ".livedata/removed").mode == 0o700
        assert read_all(zone, ".livedata/removed/1/private/f") == b"data"

    def test_what_is_kept_already_stays(self, zone: Zone) -> None:
        keeper = _keeper(zone)
        put(zone, "f", b"first")
        keeper.keep("f", "kept")
        keeper.keep("f", "kept")
        put(zone, "f", b"second")
        keeper.keep("f", "kept")
        assert read_all(zone, "kept") == b"first"

    def test_a_file_is_kept_though_one_below_its_name_was_kept_before(self, zone: Zone) -> None:
        keeper = _keeper(zone)
        if zone.facts.has_directories:
            pytest.skip("a file of this store has no files below its name")
        put(zone, "a", b"above")
        try:
            put(zone, "a/b", b"below")
        except NotADirectory:
            pytest.skip("this server keeps its objects as files, so none is below the name of another")
        keeper.keep("a/b", "kept/a/b")
        keeper.keep("a", "kept/a")
        assert read_all(zone, "kept/a") == b"above"
        assert read_all(zone, "kept/a/b") == b"below"

    def test_only_what_is_meant_is_kept(self, zone: Zone) -> None:
        keeper = _keeper(zone)
        old = put(zone, "f", b"old")
        put(zone, "f", b"newer")
        with pytest.raises(ObjectChanged):
            keeper.keep("f", "kept", version=old.version)
        with pytest.raises(PathMissing):
            keeper.keep("nothing", "kept")
        assert zone.stat("kept") is None


def _keeper(zone: Zone) -> KeepsFiles:
    if not isinstance(zone, KeepsFiles):
        pytest.skip("this zone keeps no file at a second place")
    return zone


def _mover(zone: Zone) -> Moves:
    if not isinstance(zone, Moves):
        pytest.skip("this zone moves no files")
    return zone
