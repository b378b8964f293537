"""Many small files wait in one object, whoever fills it and whatever fails meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, StagedBytesGone, ZoneBusy
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.transfer.bundles import BUNDLES, LEAST_FILES, Bundles, Shelf, sweep
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory import zone as memory

BUNDLE_BYTES = 1 << 10
Told = dict[str, tuple[str, LiveDataError | None]]  # by path: the token, and what went wrong


@pytest.fixture
def zone() -> Iterator[Zone]:
    yield open_zone("memory://bundles/data", like="objects", bundle_bytes=BUNDLE_BYTES)
    memory.forget("bundles")


def fill(bundles: Bundles, files: dict[str, bytes], threads: int = 8) -> Told:
    told: Told = {}

    def one(path: str) -> None:
        with bundles.place(len(files[path])) as place:
            place.view[:] = files[path]
            token = place.file(path, None).token
            place.then = lambda error: told.update({path: (token, error)})

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, files))
    bundles.close()
    return told


def some_files(count: int) -> dict[str, bytes]:
    chance = random.Random(count)
    return {f"f{n}": chance.randbytes(chance.randrange(BUNDLE_BYTES // LEAST_FILES + 1)) for n in range(count)}


def test_files_of_many_threads_appear_as_they_were_read_from_few_bundles(zone: Zone) -> None:
    files = some_files(300)
    told = fill(Bundles(Shelf(zone), 1, lambda: None), files)
    assert set(told) == set(files)
    shelf = Shelf(zone)  # of another process
    for path, (token, error) in told.items():
        assert error is None
        upload = shelf.take_up(path, token, len(files[path]), attributes=None)
        assert upload is not None
        checksum = checksum_of(files[path])
        upload.stage([], checksum)
        assert upload.complete([], checksum).size_bytes == len(files[path])
        data = bytearray(len(files[path]))
        zone.read_into(path, 0, memoryview(data))
        assert data == files[path]
    count = len(list(StateFolder(zone).files(BUNDLES)))
    assert count <= 2 * sum(map(len, files.values())) // BUNDLE_BYTES
    sweep(StateFolder(zone))
    assert list(StateFolder(zone).files(BUNDLES)) == []
    assert Shelf(zone).take_up("f0", told["f0"][0], len(files["f0"]), attributes=None) is None


class Busy(Around):
    """Takes nothing."""

    def put(self, *_: Any, **__: Any) -> Entry:
        """See ``Zone.put``."""
        raise ZoneBusy("too many requests")


def test_every_file_of_a_bundle_that_could_not_be_put_hears_of_it(zone: Zone) -> None:
    files = some_files(100)
    told = fill(Bundles(Shelf(Busy(zone)), 1, lambda: None), files)
    assert set(told) == set(files)
    assert all(isinstance(error, ZoneBusy) for _, error in told.values())


def test_a_file_that_could_not_be_read_is_not_told_and_keeps_no_other_back(zone: Zone) -> None:
    bundles, told = Bundles(Shelf(zone), 1, lambda: None), list[LiveDataError | None]()

    def read_one_that_changed() -> None:
        with bundles.place(10):
            raise ObjectChanged("it became shorter")

    with pytest.raises(ObjectChanged):
        read_one_that_changed()
    with bundles.place(2) as place:
        place.view[:] = b"ab"
        place.then = told.append
    bundles.close()
    assert told == [None]


def test_bytes_that_are_not_those_that_were_staged_never_appear(zone: Zone) -> None:
    told = fill(Bundles(Shelf(zone), 1, lambda: None), {"a": b"abc"})
    (bundle,) = StateFolder(zone).files(BUNDLES)
    zone.put(f".livedata/{bundle.path}", b"abx")
    upload = Shelf(zone).take_up("a", told["a"][0], 3, attributes=None)
    assert upload is not None
    for act in (upload.stage, upload.complete):
        with pytest.raises(StagedBytesGone):
            act([], checksum_of(b"abc"))
    assert zone.stat("a") is None


def test_large_files_and_names_that_a_store_may_refuse_go_by_uploads_of_their_own(zone: Zone) -> None:
    bundles = Bundles(Shelf(zone), 1, lambda: None)
    assert bundles.fits(Entry("a", size_bytes=BUNDLE_BYTES // LEAST_FILES))
    assert not bundles.fits(Entry("a", size_bytes=BUNDLE_BYTES // LEAST_FILES + 1))
    assert not bundles.fits(Entry("a\n", size_bytes=1))
    without = Bundles(Shelf(open_zone("memory://bundles/other", like="objects")), 1, lambda: None)
    assert not without.fits(Entry("a", size_bytes=0))
