"""The script that brings a backup back with Hadoop's own commands, from what lies at the place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from airflow_provider_livedata.engine.backups.bulk_commands import distcp
from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue, utc
from airflow_provider_livedata.engine.backups.cataloguing import read_catalogue, rows_of, view_of
from airflow_provider_livedata.engine.backups.commands import (
    attributes,
    copying,
    copying_file,
    header,
)
from airflow_provider_livedata.engine.backups.layering import layers_of
from airflow_provider_livedata.engine.backups.record import BACKUPS, SCRIPT, BackupRecord, split_version
from airflow_provider_livedata.engine.errors import PathMissing
from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone

SCRIPT_UP_TO = 100_000  # entries; making a script reads the whole manifest


def restore_script(place: Zone | str, which: str = "latest", path: str = "") -> str:
    """The script of a complete backup; run it as ``bash restore.sh hdfs://namenode:8020/where/to``.

    Reads the manifest, to set the attributes that an object store does not keep: costs as much as the backup has entries.

    Args:
        place: The designated path, or a location with snapshots of its own.
        which: A name, a time or "latest".
        path: A file, or a directory whose contents are wanted, relative to the location; "": everything.

    Raises:
        BackupMissing, BackupUnusable: See ``Catalogue.find``.
        PathMissing: The backup does not hold ``path``.
    """
    with opened(place) as zone:
        state = StateFolder(zone)
        found = read_catalogue(state)
        one = found.find(which)
        if one.record is None:
            raise ValueError("a complete backup has a record")
        lines = (
            _script_of_part(zone, found, one, path.strip("/"))
            if path.strip("/")
            else script_of(state, found, one.record)
        )
        return "".join(f"{line}\n" for line in lines)


def script_of(state: StateFolder, found: Catalogue, record: BackupRecord) -> Iterator[str]:
    """The lines of the script of a backup."""
    yield from header(record, f"{utc(record.as_of_ms)} UTC")
    layers = layers_of(state, found, record)
    bulk = list(distcp(record, layers))
    if bulk:
        yield from ('if [ "${WITH:-fs}" = distcp ]; then', *(f"  {line}" for line in bulk), "else")
        yield from (f"  {line}" for line in copying(record, layers))
        yield "fi"
    else:
        yield from copying(record, layers)
    if not record.snapshot:
        yield from attributes(row.entry for row in rows_of(state, record))


def _script_of_part(zone: Zone, found: Catalogue, one: Backup, path: str) -> Iterator[str]:
    record, view = one.record, view_of(zone, found, one)
    entry = view.stat(path)
    if entry is None or record is None:
        raise PathMissing("the backup does not hold this path", backup=one.name, path=path)
    yield from header(record, f"{utc(record.as_of_ms)} UTC, of which {path!r}")
    if entry.kind != "directory":
        holder = record.name if record.layout == "tree" else found.places().of(split_version(entry.version)[0])
        yield copying_file(record, holder, path)
    else:
        yield from copying(record, layers_of(StateFolder(zone), found, record, path), path)
    if not record.snapshot:
        inside = [entry] if entry.kind != "directory" else view.scan(path)
        above = f"{path}/" if entry.kind == "directory" else path.removesuffix(path.rpartition("/")[2])
        yield from attributes(each._replace(path=each.path.removeprefix(above)) for each in inside)


def write_script(state: StateFolder, found: Catalogue, record: BackupRecord) -> str:
    """Store the script beside the backup; returns its address."""
    name = f"{BACKUPS}/{record.name}/{SCRIPT}"
    state.write(name, "".join(f"{line}\n" for line in script_of(state, found, record)).encode())
    return state.address(name)


def write_missing_scripts(state: StateFolder, found: Catalogue, allow: Callable[[], None]) -> None:
    """Store the scripts of complete backups that have none, the newest first: of a new one, and of those whose writing failed."""
    for one in reversed(found.complete()):
        if one.record is not None and not one.has_script and has_script_unasked(one.record):
            allow()
            write_script(state, found, one.record)


def has_script_unasked(record: BackupRecord) -> bool:
    """Whether the script of a backup is stored beside it; of a snapshot one command is all there is to say."""
    return not record.snapshot and (record.files or 0) + (record.directories or 0) <= SCRIPT_UP_TO


def refresh_scripts(state: StateFolder, found: Catalogue, allow: Callable[[], None]) -> None:
    """Write the scripts anew that are stored, since backups have gone whose directories they name."""
    for one in found.complete():
        if one.has_script and one.record is not None and one.record.layout == "increments":
            allow()
            write_script(state, found, one.record)
