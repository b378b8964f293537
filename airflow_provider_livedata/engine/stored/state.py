"""The folder ``.livedata`` of a target: small files read and written whole, and where each of them lies.

.livedata/lease/<epoch>.json            who may write here
.livedata/runs/<n>/intent.json          what run n set out to do
.livedata/runs/<n>/plan/<phase>-<k>     the steps, and plan.json with digest and totals
.livedata/runs/<n>/journal/<k>          what landed, as it lands
.livedata/runs/<n>/report.json          how it ended
.livedata/manifest/<n>-<k>              what the target holds, base and deltas
.livedata/checkpoint/<n>.json           the last source snapshot that the target holds completely
.livedata/stage/                        temporary files of file systems
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import PathMissing, StateDamaged
from airflow_provider_livedata.engine.model import ABSENT, Entry
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import ListsNames, Peeks, ReadsWhole

FOLDER = ".livedata"
FORMAT = 1  # of every JSON file here; those of docs/formats.md have no other yet
PARTS = frozenset({"plan", "journal", "staged"})  # folders of a run
LOOKED_AT, LOOKS_AT_ALL_EVERY = 3, 20  # runs that are looked into when old ones are tidied up
REMOVED_AT_ONCE = 1000  # files, which are held in memory while they are listed
KEPT_BYTES = 4 << 20  # the deltas of a manifest are looked into several times a run, and are a few KiB each
log = logging.getLogger(__name__)


class StateFolder:
    """Files below ``.livedata`` of one target; names are relative to that folder."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._kept: dict[str, bytes] = {}
        self._kept_bytes = 0

    def address(self, name: str) -> str:
        """Where ``name`` lies, for people."""
        return str(self.zone.address.join(f"{FOLDER}/{name}"))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None where there is none."""
        path = f"{FOLDER}/{name}"
        if isinstance(self.zone, ReadsWhole):
            return self.zone.read_whole(path)
        entry = self.zone.peek(path) if isinstance(self.zone, Peeks) else self.zone.stat(path)
        if entry is None or entry.kind != "file":
            return None
        data = bytearray(entry.size_bytes)
        try:
            count = self.zone.read_into(path, 0, memoryview(data)) if data else 0
        except PathMissing:
            return None
        if count != len(data):
            raise StateDamaged("a state file is shorter than its size says", file=self.address(name))
        return bytes(data)

    def read_unchanging(self, name: str) -> bytes | None:
        """As ``read``, of a file that nobody writes twice: a small one is kept, and read once."""
        if name in self._kept:
            return self._kept[name]
        data = self.read(name)
        if data is not None and self._kept_bytes + len(data) <= KEPT_BYTES:
            self._kept[name] = data
            self._kept_bytes += len(data)
        return data

    def read_json(self, name: str, *, is_unchanging: bool = False) -> dict[str, Any] | None:
        """A JSON object, or None where there is none; see ``read`` and ``read_unchanging``.

        Raises:
            StateDamaged: Not a JSON object, or of a format that only a newer version knows.
        """
        data = self.read_unchanging(name) if is_unchanging else self.read(name)
        if data is None:
            return None
        try:
            value = json.loads(data)
        except ValueError as error:
            raise StateDamaged(f"a state file is not JSON: {error}", file=self.address(name)) from error
        if not isinstance(value, dict):
            raise StateDamaged("a state file is not a JSON object", file=self.address(name))
        refuse_newer(value, self.address(name))
        return value

    def write(self, name: str, data: bytes, *, create_only: bool = False) -> None:
        """Write a file whole.

        Raises:
            AlreadyExists: With ``create_only`` and something there.
        """
        self.zone.put(f"{FOLDER}/{name}", data, checksum=checksum_of(data), expect=ABSENT if create_only else None)

    def write_json(self, name: str, value: dict[str, Any], *, create_only: bool = False) -> None:
        """Write a JSON object whole; see ``write``."""
        self.write(name, json.dumps(value, indent=1, ensure_ascii=False).encode(), create_only=create_only)

    def files(self, under: str) -> Iterator[Entry]:
        """The files below a folder, "" for all, in order; ``path`` is relative to ``.livedata``."""
        for entry in self.zone.scan(f"{FOLDER}/{under}".rstrip("/")):
            if entry.kind == "file":
                yield entry._replace(path=entry.path.removeprefix(f"{FOLDER}/"))

    def remove(
        self, under: str, *, only: Callable[[str], bool] = lambda name: True, until: Callable[[str], bool] | None = None
    ) -> None:
        """Remove the files below a folder whose names fit; what cannot go is left for the next time.

        ``until``: whether at this name, which ends in "/" where it is a directory's, nothing that follows has to be looked at.
        """
        files, directories = list[Entry](), list[Entry]()
        # A listing misses nothing when files that it has yielded go meanwhile: stores page after a key or a name, file systems list the
        # names of a directory whole before the first one, and the directories that are still to be entered stay until the end.
        for entry in self.zone.scan(f"{FOLDER}/{under}"):
            if until is not None and until(entry.key.removeprefix(f"{FOLDER}/")):
                break
            if entry.kind == "directory":
                directories += [] if entry.is_implied else [entry]
            elif only(entry.path.removeprefix(f"{FOLDER}/")):
                files.append(entry)
            if len(files) >= REMOVED_AT_ONCE:
                self._remove(files)
                files = []
        self._remove(files)
        self._remove(directories)

    def remove_files(self, files: list[Entry]) -> None:
        """Remove files that ``files`` yielded; what cannot go is left."""
        self._remove([entry._replace(path=f"{FOLDER}/{entry.path}") for entry in files])

    def forget_parts(self, run: int) -> list[Entry]:
        """Remove what only a run that was cut off needs; returns what of that could not go.

        The rest stays, so that the number is not used again: a snapshot of the source may have it.
        """
        folder = f"runs/{run:012d}"
        # First what calls the plan complete: should this end here, nobody looks for the rest of it.
        self.remove(f"{folder}/plan", only=lambda name: name.endswith("/plan.json"))
        self.remove(folder, only=_is_part)
        return [file for file in self.files(folder) if _is_part(file.path)]

    def tidy_runs(self, kept_plans: int, kept_reports: int) -> None:
        """Of all runs but the newest, remove what only a run that was cut off needs, and in the end the rest.

        Those that are looked into have stopped being among the newest since the last time; now and then all are, for what could not go.
        """
        numbers = self.runs()
        old, gone = numbers[:-kept_plans], set(numbers[:-kept_reports])
        bare, looks_at_all = set(old), not (numbers and numbers[-1] % LOOKS_AT_ALL_EVERY)
        some = [number for number in old if number in gone or number in old[-LOOKED_AT:]]
        entries = list(self.zone.scan(f"{FOLDER}/runs") if looks_at_all else self._of_runs(some))
        self._remove([
            e for e in entries
            if (number := _run_of(e.path)) in gone or (number in bare and _is_part(e.path.removeprefix(f"{FOLDER}/")))
        ])  # fmt: skip

    def _of_runs(self, numbers: list[int]) -> Iterator[Entry]:
        for number in numbers:
            folder = f"{FOLDER}/runs/{number:012d}"
            yield Entry(folder, "directory", is_implied=not self.zone.facts.has_directories)
            yield from self.zone.scan(folder)

    def _remove(self, entries: list[Entry]) -> None:
        chosen = [e for e in reversed(entries) if not e.is_implied]
        failures = self.zone.delete(chosen) if chosen else []
        for failure in failures:
            if failure.error != "NotEmpty":
                log.warning("state left behind: %s: %s", failure.path, failure.reason)

    def runs(self) -> list[int]:
        """Numbers of the runs that have a folder, ascending; where directories are, it may be empty."""
        return sorted(int(name) for name in self._names_in("runs") if name.isdigit())

    def has_left(self, run: int) -> bool:
        """Whether a run left any file: one that was cut off at its very beginning has but an empty folder."""
        return next(self.files(f"runs/{run:012d}"), None) is not None

    def _names_in(self, under: str) -> Iterable[str]:
        path = f"{FOLDER}/{under}"
        told = self.zone.names_in(path) if isinstance(self.zone, ListsNames) else None
        if told is not None:
            return told
        return {entry.path[len(path) + 1 :].partition("/")[0] for entry in self.zone.scan(path)}


def refuse_newer(value: dict[str, Any], file: str) -> None:
    """Make sure that what was read has a format that this version knows; nothing is guessed at.

    Raises:
        StateDamaged: It has not; the message says what to do.
    """
    found = value.get("format", FORMAT)
    if found != FORMAT:
        raise StateDamaged(
            f"a state file has format {found!r}, and this version of livedata knows up to {FORMAT}: a newer version wrote it; "
            "run that version or a later one here as well; nothing was changed",
            file=file,
        )


def _run_of(path: str) -> int | None:
    """Of ``.livedata/runs/<n>/...``."""
    parts = path.split("/")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdigit() else None


def _is_part(name: str) -> bool:
    """Of ``runs/<n>/...``: whether it is, or lies in, one of ``PARTS``."""
    return name.count("/") > 1 and name.split("/")[2] in PARTS
