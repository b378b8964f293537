"""What filesystems of fsspec tell of a file becomes an entry, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_livedata.engine.errors import NameRefused, Unsupported
from airflow_provider_livedata.engine.zones.any_fsspec.promises import cautions, why_no_source, why_no_target
from airflow_provider_livedata.engine.zones.any_fsspec.told import child_name, entry_of, shown

MS = 1_700_000_000_123
MOMENT = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        {"mtime": MS / 1000}, {"modificationTime": MS}, {"LastModified": MOMENT}, {"last_modified": MOMENT.replace(tzinfo=None)},
        {"updated": "2023-11-14T22:13:20.123+00:00"}, {"mtime": MS * 10**6}, {"mtime": MS * 1000},
        {"modified": MOMENT.astimezone(timezone(timedelta(hours=5)))}, {"created": MOMENT},
    ],
)  # fmt: skip
def test_a_time_is_milliseconds_however_it_is_told(told: dict[str, Any]) -> None:
    entry = entry_of("f", {"type": "file", "size": 3, **told})
    assert (entry.kind, entry.size_bytes, entry.mtime_ms, entry.version) == ("file", 3, MS, f"3:{MS * 1000}")


@pytest.mark.parametrize("told", [{"modify": "20231114221320"}, {"updated": "Tue, 14 Nov 2023 22:13:20 GMT"}])
def test_a_time_in_seconds_is_read_from_its_text(told: dict[str, Any]) -> None:
    assert entry_of("f", {"type": "file", "size": 3, **told}).mtime_ms == MS // 1000 * 1000


def test_a_time_that_cannot_be_read_still_tells_versions_apart() -> None:
    entry = entry_of("f", {"type": "file", "size": 3, "modify": "some day"})
    assert (entry.mtime_ms, entry.version) == (0, "3:some day")
    assert entry_of("f", {"type": "file", "size": 3, "modify": True}).mtime_ms == 0


def test_a_tag_alone_is_enough_and_goes_with_the_time() -> None:
    assert entry_of("f", {"type": "file", "size": 3, "ETag": "abc"}).version == "3:abc"
    assert entry_of("f", {"type": "file", "size": 3, "mtime": 1.0, "ino": 7, "created": 5.0}).version == "3:1000000:7"


@pytest.mark.parametrize("told", [{}, {"mtime": None}, {"etag": ""}])
def test_a_file_that_could_change_unseen_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="neither a time nor a tag"):
        entry_of("f", {"type": "file", "size": 3, **told})


@pytest.mark.parametrize("size", [None, -1, True, "many", 1.5])
def test_a_file_of_no_size_is_refused(size: object) -> None:
    with pytest.raises(Unsupported, match="how large"):
        entry_of("f", {"type": "file", "size": size, "mtime": 1.0})


def test_a_size_may_be_a_text() -> None:
    assert entry_of("f", {"type": "file", "size": "12", "mtime": 1.0}).size_bytes == 12


def test_directories_links_and_others_are_told_apart() -> None:
    assert entry_of("d", {"type": "directory", "mtime": 2.0}) == (
        "d",
        "directory",
        0,
        2000,
        *entry_of("d", {"type": "directory"})[4:],
    )
    for told in ({"type": "file", "islink": True}, {"type": "link"}, {"type": "symlink"}):
        assert (entry_of("l", told).kind, entry_of("l", told).note) == ("other", "symbolic link")
    assert entry_of("o", {"type": "other"}).note == "neither a file nor a directory"


@pytest.mark.parametrize(
    ("directory", "told", "name"),
    [
        ("/d", "/d/f", "f"), ("/d", "d/f", "f"), ("d", "d/e/", "e"), ("/", "/f", "f"), ("", "f", "f"), ("/d", "/d", None), ("/d", "/d/", None),
        ("/", "/", None), ("/d", "/d/.", None), ("/d", "/d/..", None), ("/d", "/d/..f", "..f"),
    ],
)  # fmt: skip
def test_a_child_has_the_last_name_of_what_is_told(directory: str, told: str, name: str | None) -> None:
    assert child_name(directory, told) == name


@pytest.mark.parametrize(
    ("directory", "told"),
    [("/d", "/e/f"), ("/d", "/dd"), ("/d", "/d/e/f"), ("/d", "/d/a\0b"), ("/d", "/.."), ("/d", "f")],
)
def test_what_lies_elsewhere_is_refused(directory: str, told: str) -> None:
    with pytest.raises(NameRefused, match="does not lie in its directory"):
        child_name(directory, told)


def test_names_are_shown_as_utf_8() -> None:
    assert shown("a-\udcff") == "a-\\xff"
    assert shown("caf\u00e9") == "caf\u00e9"


def test_reasons_name_the_way_out() -> None:
    assert "SFTP" in why_no_source("ftp")
    assert why_no_source("sftp") == ""
    assert "exclusive=True" in why_no_target(is_exclusive=False, renames=True)
    assert "choose another target" in why_no_target(is_exclusive=True, renames=False)
    assert why_no_target(is_exclusive=True, renames=True) == ""


def test_cautions_name_the_zone_that_promises_more_where_there_is_one() -> None:
    assert "hdfs:// is served by a zone of its own" in cautions("webhdfs", as_target=False)[0]
    assert "zone of its own" not in cautions("sftp", as_target=False)[0]
    assert all(line.startswith("target by fsspec (sftp): ") for line in cautions("sftp", as_target=True))
