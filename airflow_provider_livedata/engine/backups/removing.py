"""Let backups go, and nothing that another one needs.

increments    what the next kept backup needs of them is copied there within the store -> marked, newest first -> deleted
tree          marked -> deleted
snapshots     marked -> dropped
incomplete    its files are deleted -> what its runs noted of them is forgotten -> marked -> dropped

Every step may be repeated; what was marked is no backup any more, and is deleted by the next one that comes by.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue
from airflow_provider_livedata.engine.backups.cataloguing import read_backup, rows_of
from airflow_provider_livedata.engine.backups.filling import carry
from airflow_provider_livedata.engine.backups.layering import inherit_removed
from airflow_provider_livedata.engine.backups.record import (
    BACKUPS,
    SNAPSHOT,
    BackupRecord,
    Layout,
    file_of,
    number_of,
    split_version,
)
from airflow_provider_livedata.engine.backups.scripting import refresh_scripts
from airflow_provider_livedata.engine.errors import LiveDataError, RunRefused
from airflow_provider_livedata.engine.model import Entry, Failure, Held
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots

log = logging.getLogger(__name__)
BATCH = 1000
THREADS = 16
IS_NEWEST = "the newest complete backup is never removed"
IS_BROUGHT = "all of it is there, and the place counts on its files; the next backup completes it"


@dataclass(slots=True)
class Removed:
    """What became of backups that were to go. ``carried_files``, ``carried_bytes``: copied forward, since another backup needs them."""

    names: list[str] = field(default_factory=list)
    carried_files: int = 0
    carried_bytes: int = 0
    deleted_files: int = 0
    left: dict[str, str] = field(default_factory=dict)  # why a backup is still there
    notes: list[str] = field(default_factory=list)


def remove(zone: Zone, found: Catalogue, names: Iterable[str], allow: Callable[[], None]) -> Removed:
    """Remove backups of a place, and those that an earlier removal left half-way. One that cannot go does not stop the others.

    The newest complete one stays, whatever is asked for, and so does an incomplete one that is brought (see ``Backup``).

    Args:
        zone: The place, whose lease the caller has.
        found: Its catalogue.
        names: Which ones.
        allow: Raises when this run may change nothing any more.
    """
    return _Removing(zone, found, allow).run(set(names))


def cost_of(zone: Zone, found: Catalogue, names: Iterable[str]) -> tuple[int, int]:
    """How many files, and bytes, removing backups would copy within the place; reads the manifests of those that need them."""
    state, going = StateFolder(zone), set(names)
    files = size_bytes = 0
    for group, heir in _groups(_lasting(found), going):
        if _are_increments(found, group) and heir is not None and heir.record is not None:
            for held, _ in _needed(state, found, group, heir.record):
                files, size_bytes = files + 1, size_bytes + held.entry.size_bytes
    return files, size_bytes


@dataclass(slots=True)
class _Removing:
    zone: Zone
    found: Catalogue
    allow: Callable[[], None]
    done: Removed = field(default_factory=Removed)
    state: StateFolder = field(init=False)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.zone)

    def run(self, names: set[str]) -> Removed:
        needed = {one.name: IS_NEWEST for one in self.found.complete()[-1:]}  # the next one is made from what it holds
        needed |= {one.name: IS_BROUGHT for one in self.found.backups if one.is_brought}
        self.done.left = {name: why for name, why in needed.items() if name in names}
        names = names - needed.keys()
        for one in self.found.backups:
            if one.name in names and one.state == "incomplete" and self._is_cleared(one):
                self._mark([one], None)
        for group, heir in _groups(_lasting(self.found), names):
            self._mark(group, heir)
        for one in self.found.backups:
            if one.state == "removing" and one.name not in (*self.done.names, *self.done.left):
                self._delete(one.name, one)
        self._forget_manifests()
        refresh_scripts(self.state, self.found, self.allow)
        return self.done

    def _is_cleared(self, one: Backup) -> bool:
        """Delete the files of an incomplete backup, then forget what its runs noted of them; whether that is done, so that it can be marked.

        In this order it may die anywhere. Until the mark, the backup is taken up by the next run, which looks for its files whatever journals
        say, but takes those that are there and in no journal for foreign: so files go before journals. From the mark on, the next run is of
        another backup and believes journals: so they go before the mark. Whoever holds it meanwhile keeps what is there by then.
        """
        # There the runs, its own or those of a replication, wrote into a tree that stays, and tell whose the files in it are.
        if layout_of(self.found, one) in ("in place", "snapshots"):
            return True
        try:
            failures = self._delete_data(one, unless=lambda: self._refuse_held(one)) or self._forget_runs(one)
        except LiveDataError as error:
            log.warning("the backup %s stays incomplete, and the next removal goes on with it: %s", one.name, error)
            self.done.left[one.name] = str(error)
            return False
        if failures:
            self.done.left[one.name] = f"{failures[0].path}: {failures[0].reason}"
        return not failures

    def _forget_runs(self, one: Backup) -> list[Failure]:
        newest = checkpoints.newest(self.state)
        if one.intent is None or one.intent.base < newest:
            return []  # the runs since the newest checkpoint are not its own
        failures: list[Failure] = []
        for run in self.state.runs():
            if run > newest:
                self.allow()
                left = self.state.forget_parts(run)
                failures += [Failure(self.state.address(file.path), "it could not be removed") for file in left]
        return failures

    def _mark(self, group: list[Backup], heir: Backup | None) -> None:
        try:
            if group[0].state != "incomplete" and _are_increments(self.found, group):
                self._carry(group, heir)
            for one in reversed(group):  # newest first: until the oldest is marked, it holds what it brought
                self._set_removing(one)
        except LiveDataError as error:
            log.warning("backups up to %s stay: %s", group[-1].name, error)
            self.done.left |= {one.name: str(error) for one in group}
            return
        for one in group:
            self._delete(one.name, one)

    def _carry(self, group: list[Backup], heir: Backup | None) -> None:
        if heir is None or heir.state != "complete" or heir.record is None:
            raise RunRefused(
                "the backup after it is damaged, so it is not known which of its files are still needed",
                after=heir.name if heir else None,
            )
        with Pool(THREADS, "livedata-carry") as pool:
            for held, holder in _needed(self.state, self.found, group, heir.record):
                self.done.carried_files += 1
                self.done.carried_bytes += held.entry.size_bytes
                pool.submit(lambda held=held, holder=holder: self._carry_one(held, holder, heir.name))  # type: ignore[misc]
            pool.wait()
        inherit_removed(self.state, sorted((one.name for one in group), key=number_of), heir.name)

    def _carry_one(self, held: Held, holder: str, name: str) -> None:
        self.allow()
        carry(self.zone, held, holder, name)

    def _set_removing(self, one: Backup) -> None:
        self.allow()
        mark = file_of(one.name, "removing")
        self.state.write_json(mark, {"format": 1, "name": one.name})
        self._unless_held(one, mark)
        self.found = self.found.removing(one.name)

    def _unless_held(self, one: Backup, mark: str) -> None:
        # Who holds a backup writes that down first and looks for the mark then; so of the two at least one sees the other.
        try:
            self._refuse_held(one)
        except RunRefused:
            self.state.remove(f"{BACKUPS}/{one.name}", only=lambda path: path == mark)
            raise

    def _refuse_held(self, one: Backup) -> None:
        now = read_backup(self.state, one.name)
        new = {hold.hold for hold in now.holds} - {hold.hold for hold in one.holds} if now else set()
        if new:
            raise RunRefused("somebody has held it meanwhile", backup=one.name)

    def _delete(self, name: str, one: Backup) -> None:
        try:
            failures = self._delete_data(one)
            if failures:
                self.done.left[name] = f"{failures[0].path}: {failures[0].reason}"
                return
            self.allow()
            self.state.remove("verify", only=lambda path: path.endswith(f"-{name}.json"))
            self.state.remove(f"{BACKUPS}/{name}", only=lambda path: not path.endswith("/removing.json"))
            self.state.remove(f"{BACKUPS}/{name}")  # the mark goes last
            self.done.names.append(name)
        except LiveDataError as error:
            log.warning("the backup %s is not removed wholly, and the next run goes on with it: %s", name, error)
            self.done.left[name] = str(error)

    def _delete_data(self, one: Backup, *, unless: Callable[[], None] = lambda: None) -> list[Failure]:
        if layout_of(self.found, one) in ("in place", "snapshots"):
            self._drop_snapshot(one.record.snapshot if one.record else f"{SNAPSHOT}{one.name}")
            return []
        failures: list[Failure] = []
        directories = [Entry(one.name, "directory")]
        for batch in _batches(self.zone.scan(one.name)):
            self.allow()
            unless()
            files = [entry for entry in batch if entry.kind != "directory"]
            directories += [entry for entry in batch if entry.kind == "directory"]
            failures += self.zone.delete(files)
            self.done.deleted_files += len(files)
        return failures + self.zone.delete([entry for entry in reversed(directories) if not entry.is_implied])

    def _drop_snapshot(self, name: str) -> None:
        if isinstance(self.zone, Snapshots) and any(one.name == name for one in self.zone.snapshots()):
            self.zone.drop_snapshot(name)

    def _forget_manifests(self) -> None:
        if any(one.record is None and one.state == "damaged" for one in self.found.backups):
            self.done.notes.append(
                "a record is damaged, so that manifests of removed backups stay: they may be its own"
            )
            return
        needed = {name for record in self.found.records() for name in record.manifest_files()}
        needed |= checkpoints.names_listed(self.state)
        self.allow()
        self.state.remove("manifest", only=lambda name: name not in needed)


def layout_of(found: Catalogue, one: Backup) -> Layout | None:
    """The layout of a backup; all of a place have the same one, which tells it where its own record is damaged."""
    known = [one.record or one.intent, *(each.record or each.intent for each in found.backups)]
    return next((each.layout for each in known if each is not None), None)


def _lasting(found: Catalogue) -> list[Backup]:
    return [one for one in found.backups if one.state in ("complete", "damaged")]


def _are_increments(found: Catalogue, group: list[Backup]) -> bool:
    return layout_of(found, group[0]) in ("increments", None)


def _needed(
    state: StateFolder, found: Catalogue, group: list[Backup], heir: BackupRecord
) -> Iterator[tuple[Held, str]]:
    """What a backup needs of a group that goes: its rows, each with the one of the group that holds the file."""
    places, going = found.places(), {one.name for one in group}
    for held in rows_of(state, heir):
        holder = places.of(split_version(held.target_version)[0]) if held.entry.kind == "file" else ""
        if holder in going:
            yield held, holder


def _groups(backups: list[Backup], names: set[str]) -> Iterator[tuple[list[Backup], Backup | None]]:
    """Runs of backups that go, each with the one that stays after it."""
    group: list[Backup] = []
    for one in sorted(backups, key=lambda one: number_of(one.name)):
        if one.name in names:
            group.append(one)
        elif group:
            yield group, one
            group = []
    if group:
        yield group, None


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, BATCH)):
        yield batch
