"""Bring what the source renamed: the target has it already, under the old name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.deciding.renames import moved_with
from airflow_provider_livedata.engine.errors import ObjectChanged, Unsupported
from airflow_provider_livedata.engine.model import Checksum, Entry, Expect, From, Held, Part, Step
from airflow_provider_livedata.engine.transfer.landing import held, is_settled
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.sink import Sink
from airflow_provider_livedata.engine.zones.base import Upload
from airflow_provider_livedata.engine.zones.powers import Moves, Rename

NAMES_TRIED = 5


def numbered(name: str) -> Iterator[str]:
    """Names for a file that is to be beside another: ``name``, ``name-2`` and so on; the first that is free is its."""
    yield name
    yield from (f"{name}-{number}" for number in range(2, NAMES_TRIED + 1))


def hold(step: Step, route: Route) -> None:
    """Put the file aside, since something else is to have its old place.

    Raises:
        LiveDataError: It is not where it was, or not what it was.
    """
    origin = origin_of(step)
    _mover(route).move(origin.path, step.held_at, version=origin.version, checksum=proved_checksum(step))


def move(step: Step, route: Route, sink: Sink) -> Held:
    """Let the file appear under its new name; returns its row of the manifest.

    Raises:
        LiveDataError: It is not where it was, not what it was, or something unexpected has the new name.
    """
    settled = is_settled(step.entry, route, sink)
    landed = _Move(step, route).complete((), proved_checksum(step), expect=route.expect(step))
    return held(step.entry, proved_checksum(step), landed, settled=settled)


def staged(step: Step, route: Route, sink: Sink) -> Staged:
    """The file as one that waits for being published: what its rename is, where files appear by renames.

    Raises:
        LiveDataError: It is not what it was.
    """
    origin, settled = origin_of(step), is_settled(step.entry, route, sink)
    there = route.target.stat(origin.path)
    if there is None or (origin.version and there.version != origin.version):
        raise ObjectChanged("not what was to be renamed", path=origin.path, expected=origin.version)
    row = held(step.entry, proved_checksum(step), there, settled=settled)
    return Staged(_Move(step, route), (), proved_checksum(step), route.expect(step), row)


@dataclass(slots=True)
class Carried:
    """The directories that the target has moved in one piece, by the "rename" steps of a plan."""

    _new: dict[str, str] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Note one."""
        self._new[origin_of(step).path] = step.entry.path

    def took(self, entry: Entry) -> bool:
        """Whether what was at that path went away with one."""
        return moved_with(entry.path, self._new) is not None

    def has(self, step: Step) -> bool:
        """Whether what the step is about came with one, to where the step wants it."""
        if step.origin is None or not self._new:
            return False
        old = moved_with(step.origin.path, self._new)
        return old is not None and self._new[old] + step.origin.path[len(old) :] == step.entry.path

    def over(self, step: Step) -> Step:
        """A "copy" that replaces what came with one, where anything did."""
        return step._replace(expect=step.origin.version) if step.origin is not None and self.has(step) else step


def carry(step: Step, route: Route) -> None:
    """Move a directory with all below it.

    Raises:
        LiveDataError: It is not where it was, or something has its new place, or the store does not do that.
    """
    if not isinstance(route.target, Rename):
        raise Unsupported("the target renames no directories", address=str(route.target.address))
    route.target.rename(origin_of(step).path, step.entry.path)


def carried_row(step: Step, *, settled: bool) -> Held:
    """The manifest's row of a file that came with its directory: the target keeps its version."""
    return Held(step.entry, origin_of(step).version, is_settled=settled)


def coming_row(step: Step, *, settled: bool) -> Held:
    """The same before it came, when what is to be changed of its attributes has not been set."""
    row = carried_row(step, settled=settled)
    if origin_of(step).is_like:
        return row
    return row._replace(entry=row.entry._replace(owner=None, group=None, mode=None, acl=None, xattrs=None))


@dataclass(slots=True)
class _Move(Upload):
    """A rename in the place of an upload: its bytes have arrived."""

    step: Step
    route: Route
    token: str = ""
    part_bytes: int = 0

    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        raise Unsupported("a renamed file has no parts", path=self.step.entry.path)

    def stage(self, parts: Sequence[Part], checksum: Checksum) -> Entry:
        return self.step.entry

    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        step, origin = self.step, origin_of(self.step)
        wanted = (
            None if origin.is_like and self.route.target.facts.has_directories else self.route.attributes(step.entry)
        )
        return _mover(self.route).move(
            origin.path, step.entry.path, version=origin.version, checksum=checksum, attributes=wanted, expect=expect
        )

    def abort(self) -> None:
        """Nothing is lost: the file stays where it is."""


def origin_of(step: Step) -> From:
    """Where the file of a rename comes from; ValueError for a step that is none."""
    if step.origin is None:
        raise ValueError("a rename without an origin")
    return step.origin


def proved_checksum(step: Step) -> Checksum:
    """That of the file that a "move" is of."""
    entry = step.entry
    if entry.crc32c is None or entry.crc64nvme is None:
        raise ValueError("a rename of a file without checksums")
    return Checksum(entry.crc32c, entry.crc64nvme)


def _mover(route: Route) -> Moves:
    if not isinstance(route.target, Moves):
        raise Unsupported("the target renames nothing", address=str(route.target.address))
    return route.target
