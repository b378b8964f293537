"""What keys say about files and directories, against a model that sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import UnsortedListing, ZoneError
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.objects.listing import (
    FOLDER,
    Directories,
    Listed,
    Page,
    in_place,
    is_name,
    pages,
)
from airflow_provider_livedata.engine.zones.s3.listing import parse_page

pieces = st.sampled_from(["a", "b", "0", "A", "/", "/", ".", "..", "//", FOLDER, "a/", "a.b", "\uff5e", "\U0001f600"])
keys = st.lists(pieces, min_size=1, max_size=6).map("".join)
buckets = st.dictionaries(keys, st.sampled_from([0, 0, 5]), max_size=25)
sizes = st.integers(1, 30)


def listed(bucket: dict[str, int], page: int) -> list[list[Listed]]:
    """The pages of a store that holds these keys."""
    objects = [Listed(key, size, 7, "etag") for key, size in sorted(bucket.items())]
    return [objects[start : start + page] for start in range(0, len(objects), page)]


def entries(bucket: dict[str, int], page: int = 1000, start: str = "") -> list[Entry]:
    return list(Directories(start).entries(in_place(listed(bucket, page))))


def model(bucket: dict[str, int]) -> dict[str, tuple[str, bool]]:
    """Key of each entry -> its kind, and whether it is implied, of all keys at once."""
    found: dict[str, tuple[str, bool]] = {}
    for key, size in bucket.items():
        found |= {one: kind for one, kind in of_key(key, size) if not (kind == ("directory", True) and one in found)}
    return found


def of_key(key: str, size: int) -> Iterator[tuple[str, tuple[str, bool]]]:
    names = key.removesuffix("/").split("/") if key != "/" else ["", ""]
    good = next((i for i, name in enumerate(names) if not is_name(name)), len(names))
    if good == len(names) and key.endswith(FOLDER) and not size:
        path = key.removesuffix(FOLDER)
        yield from parents(names[:-1])
        if all(map(is_name, path.split("/"))):
            yield path + "/", ("directory", False)
        elif names[-1] == FOLDER and len(names) == 1:
            return
        elif names[-1] != FOLDER:
            yield key, ("other", False)
        return
    yield from parents(names[: good if good < len(names) else -1])
    yield key, ("other" if good < len(names) else "directory" if key.endswith("/") else "file", False)


def parents(names: list[str]) -> Iterator[tuple[str, tuple[str, bool]]]:
    for count in range(1, len(names) + 1):
        yield "/".join(names[:count]) + "/", ("directory", True)


@given(bucket=buckets, page=sizes)
@example(bucket={"a/1": 0, "a0/x": 0, "a_$folder$": 0, "b": 0}, page=1)
@example(bucket={"a": 5, "a/": 0, "a/b/c": 5, "a.b": 5}, page=2)
def test_entries_are_in_order_without_repetition_however_the_listing_is_paged(
    bucket: dict[str, int], page: int
) -> None:
    found = [entry.key for entry in entries(bucket, page)]
    assert found == sorted(set(found))


@given(bucket=buckets)
@example(bucket={"a_$folder$": 0, "a0/x": 0, "aB": 5})
@example(bucket={"x//y": 5, "/lead": 5, "a/./b": 5, "a/../b": 5, "/": 0})
def test_a_listing_of_up_to_two_pages_reads_as_the_model_of_all_keys(bucket: dict[str, int]) -> None:
    wanted = model(bucket)
    for page in (1000, (len(bucket) + 1) // 2 or 1):
        found = {entry.key: entry.kind for entry in entries(bucket, page)}
        assert found == {key: kind for key, (kind, _) in wanted.items()}


@given(bucket=buckets, page=sizes)
def test_on_small_pages_only_late_folder_markers_read_differently(bucket: dict[str, int], page: int) -> None:
    wanted = {key: kind for key, (kind, _) in model(bucket).items()}
    found = {entry.key: entry.kind for entry in entries(bucket, page)}
    for key in wanted.keys() - found.keys():
        assert wanted[key] == "directory"
        assert found[key.removesuffix("/") + FOLDER] == "other"
    assert {key for key in found.keys() - wanted.keys() if not key.endswith(FOLDER)} == set()


@given(bucket=buckets)
def test_a_listing_under_a_directory_is_that_part_of_the_whole(bucket: dict[str, int]) -> None:
    below = {key: size for key, size in bucket.items() if key.startswith("a/")}
    whole = [entry for entry in entries(bucket) if entry.key.startswith("a/") and entry.key != "a/"]
    assert entries(below, start="a/") == whole


def test_a_directory_is_implied_by_keys_below_it_and_explicit_by_either_marker() -> None:
    found = entries({"implied/x": 1, "made/": 0, "old_$folder$": 0, "old/": 0, "older_$folder$": 0})
    assert [(entry.path, entry.is_implied) for entry in found if entry.kind == "directory"] == [
        ("implied", True), ("made", False), ("old", False), ("older", False)]  # fmt: skip
    assert [entry.path for entry in found if entry.kind != "directory"] == ["implied/x"]


def test_a_folder_marker_too_far_from_its_place_is_named_and_never_lost() -> None:
    found = entries({"a_$folder$": 0, **{f"a0/{number}": 1 for number in range(9)}}, page=3)
    assert [(entry.path, entry.kind) for entry in found][-1] == ("a_$folder$", "other")
    assert "replace it by a marker that ends in /" in found[-1].note


def test_folder_markers_are_put_in_place_once_and_forgotten() -> None:
    bucket = {key: 0 for number in range(50) for key in (f"{number:02d}_$folder$", f"{number:02d}A")}
    moved = [one.key for one in in_place(listed(bucket, 10)) if one.key.endswith("/")]
    assert moved == [f"{number:02d}/" for number in range(50)]


def test_a_file_named_like_a_folder_marker_is_a_file() -> None:
    assert [(entry.path, entry.kind) for entry in entries({"a_$folder$": 3})] == [("a_$folder$", "file")]


def test_a_marker_with_bytes_says_that_they_are_not_copied() -> None:
    (entry,) = entries({"a/": 12})
    assert (entry.kind, entry.size_bytes) == ("directory", 0)
    assert "12 bytes" in entry.note


def test_what_is_no_path_of_a_file_system_is_other_and_says_why() -> None:
    for key in ("x//y", "/lead", "a/./b", "../b", "nul\0", "half\udcff"):
        other = entries({key: 1})[-1]
        assert (other.path, other.kind) == (key, "other")
        assert "no path" in other.note


def test_pages_out_of_order_are_an_error_and_not_a_short_listing() -> None:
    answers = {"": Page([Listed("b")], "next"), "next": Page([Listed("a")])}
    with ThreadPoolExecutor(1) as ahead, pytest.raises(UnsortedListing):
        list(pages(answers.__getitem__, ahead))


def test_a_failure_of_a_later_page_ends_the_listing_with_that_failure() -> None:
    def fetch(token: str) -> Page:
        if token:
            raise ZoneError("gone")
        return Page([Listed("a")], "next")

    with ThreadPoolExecutor(1) as ahead:
        listing = pages(fetch, ahead)
        assert next(listing) == [Listed("a")]
        with pytest.raises(ZoneError):
            next(listing)


XML = b"""<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<IsTruncated>true</IsTruncated><NextContinuationToken>t%%2B</NextContinuationToken>%b<Contents><Key>p/%b</Key>
<LastModified>2024-02-29T12:00:00.250Z</LastModified><ETag>&quot;ab-2&quot;</ETag><Size>5</Size></Contents></ListBucketResult>"""


def test_a_page_is_read_as_its_encoding_says() -> None:
    encoded = parse_page(XML % (b"<EncodingType>url</EncodingType>", b"a+b%2Bc%0A%01%F0%9F%98%80"), "p/")
    assert encoded == Page([Listed("a b+c\n\x01\U0001f600", 5, 1709208000250, "ab-2")], "t%2B", encodes=True)
    plain = parse_page(XML % (b"<EncodingType/>", b"a+b%2Bc"), "p/")
    assert (plain.objects[0].key, plain.encodes) == ("a+b%2Bc", False)


@pytest.mark.parametrize("body", [b"<html/>", b"<ListAllMyBucketsResult/>", b"<Error><Code>SlowDown</Code></Error>"])
def test_an_answer_that_is_no_listing_is_an_error_and_not_an_empty_one(body: bytes) -> None:
    with pytest.raises(ZoneError, match="something else"):
        parse_page(body)


@pytest.mark.parametrize("token", [b"", b"<NextContinuationToken/>", b"<NextMarker>p/k</NextMarker>"])
def test_a_listing_that_goes_on_and_does_not_say_how_is_an_error_and_not_the_last_page(token: bytes) -> None:
    asked = b"<NextContinuationToken>t%2B</NextContinuationToken>"
    body = (XML % (b"", b"k")).replace(asked, token)
    assert body.count(asked) == 0
    with pytest.raises(ZoneError, match="ListObjectsV2") as caught:
        parse_page(body, "p/")
    assert not caught.value.retryable
    last = parse_page(body.replace(b"<IsTruncated>true<", b"<IsTruncated>false<"), "p/")
    assert ([one.key for one in last.objects], last.token) == (["k"], "")


def test_a_token_of_a_listing_that_has_ended_is_not_followed() -> None:
    assert parse_page((XML % (b"", b"k")).replace(b"<IsTruncated>true<", b"<IsTruncated>false<"), "p/").token == ""


def test_a_key_outside_the_prefix_is_an_error() -> None:
    with pytest.raises(ZoneError):
        parse_page(XML % (b"", b"x"), "other/")
