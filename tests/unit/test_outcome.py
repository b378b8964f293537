"""What stands at a target tells whether an action has taken place."""

from __future__ import annotations

import pytest

from airflow_provider_livedata.engine.deciding.outcome import (
    has_carried,
    has_landed,
    has_moved,
    is_as_planned,
    is_replaced,
)
from airflow_provider_livedata.engine.model import Entry, From, Held, Step

SOURCE = Entry("f", size_bytes=3, version="s1", crc32c=1, crc64nvme=2)
ON_OBJECTS = Entry("f", size_bytes=3, version="etag", crc64nvme=2, source_version="s1")
ON_FILES = Entry("f", size_bytes=3, version="t1")
MOVE = Step("move", "write", SOURCE, "renamed", origin=From("old", "t1"))


@pytest.mark.parametrize(
    ("there", "version", "expected"),
    [
        (ON_FILES, "t1", True),
        (ON_FILES, "t2", False),
        (ON_OBJECTS, "", True),
        (ON_OBJECTS._replace(source_version="s0"), "", False),
        (ON_OBJECTS._replace(source_version=""), "", False),
        (ON_OBJECTS._replace(crc64nvme=3), "", False),
        (ON_OBJECTS._replace(crc64nvme=None), "", False),
        (ON_OBJECTS._replace(size_bytes=4), "", False),
        (ON_FILES._replace(kind="directory"), "t1", False),
        (None, "t1", False),
    ],
)
def test_a_staged_file_has_landed_when_it_is_what_stands_there(
    there: Entry | None, version: str, expected: bool
) -> None:
    assert has_landed(there, Held(SOURCE, version)) is expected


@pytest.mark.parametrize(
    ("there", "origin", "expected"),
    [
        (ON_FILES, None, True),
        (ON_FILES, ON_FILES, False),
        (ON_FILES._replace(size_bytes=4), None, False),
        (None, None, False),
        (ON_OBJECTS, ON_OBJECTS, True),  # a copy leaves its origin
        (ON_OBJECTS, None, True),
        (ON_OBJECTS._replace(source_version="s0"), None, False),
        (ON_OBJECTS._replace(crc64nvme=3), None, False),
    ],
)
def test_a_rename_took_place_when_nothing_is_left_at_its_origin_or_the_bytes_are_known(
    there: Entry | None, origin: Entry | None, expected: bool
) -> None:
    assert has_moved(there, origin, MOVE) is expected


@pytest.mark.parametrize(
    ("there", "entry", "version", "planned", "replaced"),
    [
        (ON_FILES, ON_FILES, "t1", True, False),
        (ON_FILES, ON_FILES, "t0", False, True),
        (ON_FILES, ON_FILES, None, True, False),
        (None, ON_FILES, "t1", False, False),
        (Entry("f", "directory"), ON_FILES, "t1", False, False),
        (Entry("f", "directory"), Entry("f", "directory"), None, True, False),
        (ON_FILES, Entry("f", "directory"), None, False, False),
    ],
)
def test_only_what_was_to_be_deleted_is(
    there: Entry | None, entry: Entry, version: str | None, planned: bool, replaced: bool
) -> None:
    step = Step("delete", "delete", entry, "removed", version)
    assert (is_as_planned(there, step), is_replaced(there, step)) == (planned, replaced)


@pytest.mark.parametrize(
    ("there", "origin", "expected"),
    [
        (Entry("new", "directory"), None, True),
        (Entry("new", "directory"), Entry("old", "directory"), False),
        (None, Entry("old", "directory"), False),
        (None, None, False),
        (Entry("new"), None, False),
    ],
)
def test_a_directory_was_moved_when_it_is_at_its_new_place_alone(
    there: Entry | None, origin: Entry | None, expected: bool
) -> None:
    assert has_carried(there, origin) is expected
