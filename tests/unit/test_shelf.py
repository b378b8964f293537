"""Manifest files that a process keeps decoded from one cycle to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lookup import Decoded, decoded
from airflow_provider_livedata.engine.stored.manifest_file import ManifestFile
from airflow_provider_livedata.engine.stored.shelf import SMALL_BYTES, Shelf
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.memory.zone import forget
from airflow_provider_livedata.engine.zones.registry import open_zone
from airflow_provider_livedata.testing.faults import Counting

MANY, FEW = 12_000, 40
COVER = Cover(["d/00003", "d/00017", "absent"], ["d/00021"])


@pytest.fixture
def zone() -> Iterator[Counting]:
    """A target that holds nothing yet."""
    forget("shelf")
    yield Counting(open_zone("memory://shelf"))
    forget("shelf")


def written(zone: Counting, count: int = MANY, run: int = 1) -> Checkpoint:
    rows = (
        Held(Entry(f"d/{n:05d}", size_bytes=n, version=f"{n * 7919 % 100_003}"), f"{run}-{n}") for n in range(count)
    )
    files = manifests.write_generation(StateFolder(zone), run, "base", rows)
    return Checkpoint(run, "r", "s", "t", "", "", 0, 0, "", (), (), count, 0, 0, generations=(files,))


def looked_up(zone: Counting, checkpoint: Checkpoint, shelf: Shelf | None) -> tuple[list[Held], int]:
    """What a run finds, and how many bytes it reads."""
    before = zone.counts.read_bytes
    runs = checkpoints.manifest_runs(StateFolder(zone), checkpoint, cover=COVER, shelf=shelf)
    return [row for run in runs for row in run.rows()], zone.counts.read_bytes - before


@pytest.mark.parametrize(("count", "reads"), [(MANY, [1, 1, 0, 0]), (FEW, [1, 1, 0, 0])])
def test_a_file_is_read_until_it_is_wanted_again(zone: Counting, count: int, reads: list[int]) -> None:
    checkpoint, shelf = written(zone, count), Shelf()
    wanted, size_bytes = looked_up(zone, checkpoint, None)
    assert [row.entry.path for row in wanted] == ["d/00003", "d/00017", "d/00021"]
    assert (size_bytes > SMALL_BYTES) == (count == MANY)
    found = [looked_up(zone, checkpoint, shelf) for _ in reads]
    assert found == [(wanted, size_bytes * number) for number in reads]


def test_nothing_is_listed_where_nothing_is_looked_up(zone: Counting) -> None:
    checkpoint, shelf = written(zone), Shelf()
    for _ in range(2):
        looked_up(zone, checkpoint, shelf)
    before = zone.counts.calls["scan"]
    nothing = checkpoints.manifest_runs(StateFolder(zone), checkpoint, cover=Cover((), ()), shelf=shelf)
    assert (nothing, zone.counts.calls["scan"]) == ([], before)
    looked_up(zone, checkpoint, shelf)
    assert zone.counts.calls["scan"] == before + 1


def test_a_small_file_that_came_later_is_read_once(zone: Counting) -> None:
    shelf = Shelf()
    looked_up(zone, written(zone, FEW), shelf)
    later = written(zone, FEW, run=2)
    assert looked_up(zone, later, shelf)[1] > 0
    rows, read_bytes = looked_up(zone, later, shelf)
    assert (rows[0].target_version, read_bytes) == ("2-3", 0)


def test_a_large_file_that_came_later_is_decoded_when_it_is_wanted_again(zone: Counting) -> None:
    shelf = Shelf()
    looked_up(zone, written(zone), shelf)
    later = written(zone, run=2)
    looked_up(zone, later, shelf)
    assert kept(shelf) == []
    looked_up(zone, later, shelf)
    assert kept(shelf) == ["000000000002-base-000000.parquet"]


@pytest.mark.parametrize("becomes", [None, b"PAR1 something else"])
def test_a_file_that_is_gone_or_was_replaced_is_missed_all_the_same(zone: Counting, becomes: bytes | None) -> None:
    checkpoint, shelf = written(zone), Shelf()
    for _ in range(3):
        looked_up(zone, checkpoint, shelf)
    name = checkpoint.generations[0][0].name
    if becomes is None:
        zone.delete([Entry(f"{FOLDER}/{name}")])
    else:
        zone.put(f"{FOLDER}/{name}", becomes)
    with pytest.raises(StateDamaged, match="missing or is not what"):
        looked_up(zone, checkpoint, shelf)


def test_a_file_that_was_written_again_with_the_same_bytes_is_read_again(zone: Counting) -> None:
    checkpoint, shelf = written(zone), Shelf()
    wanted = [looked_up(zone, checkpoint, shelf) for _ in range(3)][0][0]
    path = f"{FOLDER}/{checkpoint.generations[0][0].name}"
    data = bytearray(zone.stat(path).size_bytes)  # type: ignore[union-attr]
    zone.read_into(path, 0, memoryview(data))
    zone.put(path, bytes(data))
    assert looked_up(zone, checkpoint, shelf) == (wanted, len(data))
    assert looked_up(zone, checkpoint, shelf) == (wanted, 0)


def kept(shelf: Shelf) -> list[str]:
    return sorted(place.address.rpartition("/")[2] for place in shelf._kept)


def test_what_the_folder_does_not_hold_any_more_leaves(zone: Counting) -> None:
    shelf, old = Shelf(), written(zone)
    for _ in range(2):
        looked_up(zone, old, shelf)
    new = written(zone, run=2)
    for _ in range(2):
        looked_up(zone, new, shelf)
    assert kept(shelf) == ["000000000001-base-000000.parquet", "000000000002-base-000000.parquet"]
    zone.delete([Entry(f"{FOLDER}/{old.generations[0][0].name}")])
    looked_up(zone, new, shelf)
    assert kept(shelf) == ["000000000002-base-000000.parquet"]


def test_there_is_room_for_some_files_and_another_target_gives_way(zone: Counting) -> None:
    forget("shelf-2")
    other = Counting(open_zone("memory://shelf-2"))
    one, two = written(zone), written(other)
    big = Shelf()
    for _ in range(2):
        looked_up(zone, one, big)
    (size_bytes,) = (decoded.size_bytes for _, decoded in big._kept.values())
    shelf = Shelf(most_bytes=size_bytes * 3 // 2)
    for _ in range(2):
        looked_up(zone, one, shelf)
    third = written(zone, run=3)
    both = Checkpoint(
        3, "r", "s", "t", "", "", 0, 0, "", (), (), 2, 0, 0, generations=(*third.generations, *one.generations)
    )
    for _ in range(3):
        looked_up(zone, both, shelf)
    assert kept(shelf) == ["000000000001-base-000000.parquet"]  # the other would push it out every cycle
    for _ in range(2):
        looked_up(other, two, shelf)
    assert {place.folder for place in shelf._kept} == {"memory://shelf-2/.livedata/manifest"}
    forget("shelf-2")


def test_targets_that_are_looked_up_in_turn_do_not_push_each_other_out(
    monkeypatch: pytest.MonkeyPatch, zone: Counting
) -> None:
    forget("shelf-2")
    other, whole = Counting(open_zone("memory://shelf-2")), list[str]()

    def decoding(data: bytes, *, name: str) -> Decoded:
        whole.append(name)
        return decoded(data, name=name)

    monkeypatch.setattr("airflow_provider_livedata.engine.stored.shelf.decoded", decoding)
    one, two = written(zone), written(other)
    size_bytes = decoded(manifests.verified(StateFolder(zone), one.generations[0][0]), name="one").size_bytes
    shelf = Shelf(most_bytes=size_bytes * 3 // 2)
    for _ in range(5):
        looked_up(zone, one, shelf)
        looked_up(other, two, shelf)
    assert [place.folder for place in shelf._kept] == ["memory://shelf/.livedata/manifest"]
    assert len(whole) == 2  # the second one once, which tells how large it is
    for _ in range(2):  # the first one is not used any more
        looked_up(other, two, shelf)
    assert [place.folder for place in shelf._kept] == ["memory://shelf-2/.livedata/manifest"]
    forget("shelf-2")


def test_what_would_not_fit_pushes_nothing_out(zone: Counting) -> None:
    forget("shelf-2")
    other = Counting(open_zone("memory://shelf-2"))
    one, large = written(zone), written(other, 2 * MANY)
    data = manifests.verified(StateFolder(zone), one.generations[0][0])
    shelf = Shelf(most_bytes=decoded(data, name="one").size_bytes * 3 // 2)
    for _ in range(2):
        looked_up(zone, one, shelf)
    for _ in range(3):
        looked_up(other, large, shelf)
    assert [place.folder for place in shelf._kept] == ["memory://shelf/.livedata/manifest"]
    forget("shelf-2")


def test_what_finds_no_room_is_decoded_whole_once_until_there_is_some(
    monkeypatch: pytest.MonkeyPatch, zone: Counting
) -> None:
    module, whole = "airflow_provider_livedata.engine.stored.shelf.decoded", list[str]()

    def decoding(data: bytes, *, name: str) -> Decoded:
        whole.append(name.rpartition("/")[2])
        return decoded(data, name=name)

    monkeypatch.setattr(module, decoding)
    one, two = written(zone), written(zone, run=2)
    size_bytes = decoded(manifests.verified(StateFolder(zone), one.generations[0][0]), name="one").size_bytes
    shelf = Shelf(most_bytes=size_bytes * 3 // 2)
    both = dataclasses.replace(two, generations=(*two.generations, *one.generations))
    for _ in range(5):
        looked_up(zone, both, shelf)
    assert whole == ["000000000001-base-000000.parquet", "000000000002-base-000000.parquet"]
    zone.delete([Entry(f"{FOLDER}/{one.generations[0][0].name}")])
    for _ in range(2):
        looked_up(zone, two, shelf)
    assert kept(shelf) == whole[2:] == ["000000000002-base-000000.parquet"]


def test_how_many_files_were_seen_is_bounded(monkeypatch: pytest.MonkeyPatch, zone: Counting) -> None:
    monkeypatch.setattr("airflow_provider_livedata.engine.stored.shelf.MOST_SEEN", 3)
    shelf, checkpoint = Shelf(), written(zone, FEW)
    (file,) = checkpoint.generations[0]
    for n in range(10):
        name = f"manifest/{n}.parquet"
        data = manifests.verified(StateFolder(zone), file)
        zone.put(f"{FOLDER}/{name}", data)
        copied = ManifestFile(name, file.rows, file.first, file.digest)
        generations = ((copied,),)
        looked_up(zone, Checkpoint(n, "r", "s", "t", "", "", 0, 0, "", (), (), 1, 0, 0, generations=generations), shelf)
    assert len(shelf._seen) == 3
