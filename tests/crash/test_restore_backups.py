"""Backups of every layout come back: whole, in part, as of a time; what is not whole is never restored."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.backups.cataloguing import catalogue
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import (
    BackupMissing,
    BackupUnusable,
    BadOption,
    DestinationNewer,
    DestinationTaken,
    PathsOverlap,
    PermissionRefused,
    RunFailed,
)
from airflow_provider_livedata.engine.flows.restore import restore, restore_drill
from airflow_provider_livedata.engine.flows.retaining import retain
from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
from airflow_provider_livedata.engine.restores.report import RestoreReport
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import MemoryZone
from airflow_provider_livedata.testing.faults import Crash, CrashAfter
from tests.crash.conftest import PART_BYTES, Pair, contents
from tests.crash.test_backup import FIRST, KINDS, Site
from tests.crash.test_crashes import IMPATIENT

PRESERVED = frozenset({"mode", "mtime"})
_numbers = itertools.count()


@pytest.fixture(params=KINDS, ids=" ".join)
def site(request: pytest.FixtureRequest, make_pair: Callable[[str, str], Pair]) -> Site:
    source, target, layout = request.param
    return Site(make_pair(source, target or "hdfs"), layout)


@pytest.fixture(params=["hdfs", "objects"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[MemoryZone]:
    name = f"elsewhere{next(_numbers)}"
    yield open_zone(f"memory://{name}/back", like=request.param, part_bytes=PART_BYTES)  # type: ignore[misc]
    memory.forget(name)


def back(site: Site, which: Any = "latest", destination: Zone | str | None = None, **options: Any) -> RestoreReport:
    chosen = RestoreOptions(**{"threads": 2, "preserve": PRESERVED, "max_delete_ratio": 1.0, **options})
    return restore(site.at, which, destination, chosen, lease_times=IMPATIENT)


def two(site: Site) -> tuple[str, str]:
    site.pair.put(FIRST)
    first = site.backup()
    site.change()
    return first, site.backup()


def files_in(zone: Any) -> dict[str, bytes]:
    return {path: data for path, data in contents(zone).items() if data is not None}


def test_each_backup_comes_back_elsewhere(site: Site, elsewhere: MemoryZone) -> None:
    first, second = two(site)
    for name in (first, second):
        report = back(site, name, elsewhere, mode="mirror")
        wanted = {path: data for path, data in site.held_by(name).items() if data is not None}
        assert files_in(elsewhere) == wanted
        assert (report.backup, report.difference_count) == (name, 0)
    assert back(site, second, elsewhere, mode="mirror").changes == 0


def test_a_state_comes_back_in_place_and_only_what_differs_is_brought(site: Site) -> None:
    site.pair.put({**FIRST, "still": b"still"})
    was = site.now()
    first = site.backup()
    site.change()
    report = back(site, first, site.source, mode="mirror", overwrite_newer=True)
    assert site.now() == was
    assert report.same == {"version" if site.place else "size and time": 1 if site.source.facts.has_directories else 3}
    assert report.before


def test_a_restore_over_what_changed_since_refuses_unless_told(site: Site) -> None:
    first, _ = two(site)
    now = site.now()
    with pytest.raises(DestinationNewer) as refused:
        back(site, first, site.source, mode="merge")
    assert refused.value.where["examples"] == ["a", "d/b"]
    assert site.now() == now


def test_paths_of_a_backup_come_back_alone(site: Site, elsewhere: MemoryZone) -> None:
    first, _ = two(site)
    back(site, first, elsewhere, paths=("d", "x/*/z"))
    assert files_in(elsewhere) == {path: FIRST[path] for path in ("d/b", "d/c", "x/y/z")}


def test_a_backup_of_a_time_is_the_newest_one_before_it(site: Site, elsewhere: MemoryZone) -> None:
    first, second = two(site)
    as_of = {one.name: one.as_of_ms for one in catalogue(site.at).backups}
    assert back(site, as_of[second], elsewhere, dry_run=True).backup == second
    with pytest.raises(BackupMissing):
        back(site, as_of[first] - 1, elsewhere)
    with pytest.raises(BackupMissing, match=first):
        back(site, "000099-20240101T000000Z", elsewhere)


def test_a_damaged_backup_is_refused_by_name_and_passed_over_by_time(site: Site, elsewhere: MemoryZone) -> None:
    first, second = two(site)
    record = next(one.record for one in catalogue(site.at).backups if one.name == second)
    assert record is not None
    path = f".livedata/backups/{second}/complete.json"
    entry = site.at.stat(path)
    assert entry is not None
    data = bytearray(entry.size_bytes)
    site.at.read_into(path, 0, memoryview(data))
    site.at.put(path, bytes(data).replace(b"livedata", b"livedate").replace(b'"files": ', b'"files": 1'))
    with pytest.raises(BackupUnusable, match=second):
        back(site, second, elsewhere)
    report = back(site, "latest", elsewhere)
    assert report.backup == first
    assert any(second in note for note in report.notes)


def test_a_half_made_backup_is_never_restored(site: Site, elsewhere: MemoryZone) -> None:
    site.pair.put(FIRST)
    with pytest.raises(Crash):
        site.backup(CrashAfter(site.at, 2))
    half = catalogue(site.at).backups
    assert [one.state for one in half] in ([], ["incomplete"])
    with pytest.raises(BackupMissing):
        back(site, "latest", elsewhere)
    for one in half:
        with pytest.raises(BackupUnusable, match="incomplete"):
            back(site, one.name, elsewhere)


def test_the_place_of_the_backups_is_no_destination(site: Site) -> None:
    first, _ = two(site)
    if site.place is None:
        return
    with pytest.raises((PathsOverlap, DestinationTaken)):
        back(site, first, site.place, mode="mirror")
    with pytest.raises(BadOption, match="name the destination"):
        back(site, first)
    with pytest.raises(PathsOverlap):
        restore_drill(site.at, site.at, first)


def test_a_backup_in_place_comes_back_without_naming_where(make_pair: Callable[[str, str], Pair]) -> None:
    site = Site(make_pair("hdfs", "hdfs"), "in place")
    site.pair.put(FIRST)
    was = site.now()
    site.backup()
    site.change()
    back(site, mode="mirror", overwrite_newer=True)
    assert site.now() == was


class Retaining(Around):
    """Has retention come by while a restore reads."""

    def __init__(self, zone: Zone, retains: Callable[[], Any]) -> None:
        super().__init__(zone)
        self._retains: Callable[[], Any] | None = retains

    def stat(self, path: str) -> Any:
        """See ``Zone.stat``."""
        retains, self._retains = self._retains, None
        if retains is not None:
            retains()
        return super().stat(path)


def test_retention_leaves_a_backup_alone_while_it_is_restored(site: Site, elsewhere: MemoryZone) -> None:
    first, second = two(site)
    third = site.backup()

    def retains() -> None:
        retain(site.at, RetentionPolicy(keep_last=1), lease_times=IMPATIENT)

    back(site, first, Retaining(elsewhere, retains))
    wanted = {path: data for path, data in FIRST.items() if data is not None}
    assert files_in(elsewhere) == wanted
    assert [one.name for one in catalogue(site.at).backups] == [first, third]
    assert not any(one.holds for one in catalogue(site.at).backups)
    retains()
    assert [one.name for one in catalogue(site.at).backups] == [third]
    assert second not in [one.name for one in catalogue(site.at).backups]


def test_who_may_only_read_the_place_restores_all_the_same(site: Site, elsewhere: MemoryZone) -> None:
    class ReadsOnly(Around):
        def put(self, path: str, *args: Any, **options: Any) -> Any:
            raise PermissionRefused("you may not write here", path=path)

    first, _ = two(site)
    chosen = RestoreOptions(threads=2, preserve=PRESERVED)
    report = restore(ReadsOnly(site.at), first, elsewhere, chosen, lease_times=IMPATIENT)
    assert report.state == "done"


def test_bytes_of_a_backup_that_changed_on_the_disk_never_come_back(
    make_pair: Callable[[str, str], Pair], elsewhere: MemoryZone
) -> None:
    site = Site(make_pair("hdfs", "objects"), "increments")
    site.pair.put({"a": b"whole", "b": b"whole"})
    name = site.backup()

    class Rotten(Around):
        def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
            count = super().read_into(path, offset, buffer, version=version)
            if path.endswith("/a"):
                buffer[0] ^= 1
            return count

    with pytest.raises(RunFailed, match="'a'"):
        restore(Rotten(site.at), name, elsewhere, RestoreOptions(threads=2, preserve=PRESERVED), lease_times=IMPATIENT)
    assert files_in(elsewhere) == {"b": b"whole"}
    with pytest.raises(RunFailed, match="'a'"):
        restore_drill(Rotten(site.at), elsewhere, name, DrillOptions(threads=2), lease_times=IMPATIENT)


def test_a_drill_of_a_random_backup_is_repeated_by_its_seed(site: Site, elsewhere: MemoryZone) -> None:
    names = {*two(site)}
    report = restore_drill(site.at, elsewhere, options=DrillOptions(threads=2, sample_files=2), lease_times=IMPATIENT)
    assert report.backup in names
    assert (report.state, report.verified_files, report.is_cleaned) == ("done", 2, True)
    again = restore_drill(
        site.at, elsewhere, options=DrillOptions(threads=2, sample_files=2, seed=report.seed), lease_times=IMPATIENT
    )
    assert (again.backup, again.sample_bytes) == (report.backup, report.sample_bytes)
    assert contents(elsewhere) == {}


def test_a_place_without_backups_says_so(elsewhere: MemoryZone) -> None:
    elsewhere.make_directory("")
    with pytest.raises(BackupMissing, match="no complete backup"):
        restore_drill(elsewhere, "memory://scratch/x")
