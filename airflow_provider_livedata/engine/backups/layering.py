"""The directories that make up a backup laid over each other, and which paths had gone between them, as noted beside each backup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from airflow_provider_livedata.engine.backups.bulk_commands import aws, distcp
from airflow_provider_livedata.engine.backups.catalogue import Catalogue
from airflow_provider_livedata.engine.backups.commands import Layer, copying, outermost
from airflow_provider_livedata.engine.backups.record import BACKUPS, BackupRecord, number_of
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.state import StateFolder


def commands_of(state: StateFolder, found: Catalogue, record: BackupRecord) -> tuple[list[str], list[str]]:
    """The commands of FsShell that bring back the bytes of a backup, and others that do the same: DistCp's, or the AWS CLI's."""
    layers = layers_of(state, found, record)
    return list(copying(record, layers)), [*distcp(record, layers), *aws(record, layers)]


def layers_of(state: StateFolder, found: Catalogue, record: BackupRecord, path: str = "") -> list[Layer]:
    """The directories that make up a backup, or the directory ``path`` of it, oldest first."""
    if record.snapshot:
        return []
    if record.layout == "tree":
        return [Layer(record.name)]
    layers: list[Layer] = []
    for name in (one for one in found.places().names if number_of(one) <= record.number):
        removed = _removed(state, name) if layers else ()  # before the first one there is nothing to remove
        if any(path == one or path.startswith(f"{one}/") for one in removed if path):
            layers, removed = [], ()  # all of it had gone by then, and came back
        below = tuple(one.removeprefix(f"{path}/") for one in removed if not path or one.startswith(f"{path}/"))
        layers.append(Layer(name, below, _is_empty(state, name, path)))
    return layers


def write_removed(state: StateFolder, name: str, paths: Iterable[str]) -> None:
    """Note which paths had gone when a backup was made."""
    gone = outermost(paths)
    if gone:
        state.write(_file(name), "".join(f"{path}\0" for path in gone).encode())


def gone_by(state: StateFolder, run: int) -> Iterator[str]:
    """The paths that a run found gone: the tombstones of its delta, which stays though the manifest was compacted since."""
    return (held.entry.path for held in manifests.delta_of(state, run) if held.is_gone)


def inherit_removed(state: StateFolder, names: Sequence[str], heir: str) -> None:
    """Let a backup know what those before it that are about to go knew; ``names``: oldest first."""
    # What had gone when the oldest of all was made lies in none of them. The others' is needed yet: the oldest may still be held.
    known = names if _is_any_before(state, names[0]) else names[1:]
    if known:
        write_removed(state, heir, [path for name in (*known, heir) for path in _removed(state, name)])


def _is_any_before(state: StateFolder, name: str) -> bool:
    numbers = (number_of(entry.path.split("/")[1]) for entry in state.files(BACKUPS))
    return any(0 < number < number_of(name) for number in numbers)


def _removed(state: StateFolder, name: str) -> tuple[str, ...]:
    data = state.read(_file(name)) or b""
    return tuple(data.decode().split("\0")[:-1])


def _is_empty(state: StateFolder, name: str, path: str) -> bool:
    return next(iter(state.zone.scan(f"{name}/{path}".rstrip("/"))), None) is None


def _file(name: str) -> str:
    return f"{BACKUPS}/{name}/removed"
