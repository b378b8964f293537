"""Turn a replication round: the records of one direction are written from those of the other, rows swapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.model import Held
from airflow_provider_livedata.engine.replication.finding import MOST_CHANGES, Known, known_of
from airflow_provider_livedata.engine.replication.freezing import replication_id
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.lease import Lease
from airflow_provider_livedata.engine.stored.manifest_file import ManifestFile
from airflow_provider_livedata.engine.stored.roles import Role, place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.switching.common import checkpoint_of, freeze
from airflow_provider_livedata.engine.switching.knowing import confirmed
from airflow_provider_livedata.engine.switching.swap import swapped
from airflow_provider_livedata.engine.zones.base import Zone


@dataclass(frozen=True, slots=True)
class Turning:
    """A replication from ``returned`` to ``active`` before the switch, and back since."""

    active: Zone
    returned: Zone

    @property
    def forward(self) -> str:
        """What names the snapshots of the direction before the switch, which is that after the fail-back."""
        return f"livedata-{self._forward_id}-"

    @property
    def backward(self) -> str:
        """What names the snapshots of the direction back."""
        return f"livedata-{self._backward_id}-"

    @property
    def _forward_id(self) -> str:
        return replication_id(self.returned.address, self.active.address)

    @property
    def _backward_id(self) -> str:
        return replication_id(self.active.address, self.returned.address)

    def turn_round(self, role: Role, known: Known, lease: Lease) -> None:
        """Write manifest and checkpoint of the direction back, unless an earlier attempt has.

        Args:
            role: Of the active side.
            known: The records of the direction before.
            lease: Of the old source.
        """
        theirs = StateFolder(self.returned)
        before = known_of(theirs).checkpoint
        newest = before.run if before else 0
        run = _begun(theirs, role, newest)
        if newest >= run:
            return
        rows = (swapped(held) for held in overlay(_runs_at_switch(known)))
        files = manifests.write_generation(theirs, run, "swapped", rows)
        lease.check()
        checkpoints.commit(theirs, self._first_checkpoint(role, known, run, files))

    def _first_checkpoint(self, role: Role, known: Known, run: int, files: tuple[ManifestFile, ...]) -> Checkpoint:
        doubtful = set(islice(known.in_doubt(), MOST_CHANGES + 1))
        is_frozen = bool(role.frozen) and len(doubtful) <= MOST_CHANGES
        return replace(
            checkpoint_of(known),
            run=run,
            replication=self._backward_id,
            source=place_of(self.active.address),
            target=str(self.returned.address),
            snapshot=role.frozen if is_frozen else "",
            snapshot_root=role.frozen_root if is_frozen else "",
            as_of_ms=role.frozen_ms if is_frozen else role.as_of_ms,
            committed_ms=now_ms(),
            unsettled=tuple(sorted(doubtful)) if is_frozen else (),
            listed_ms=now_ms(),
            home_ms=0,
            generations=(files,) if files else (),
        )

    def turn_back(self, lease: Lease, *, is_known: bool) -> Checkpoint:
        """Write manifest and checkpoint of the old direction, which goes on where it was left.

        Args:
            lease: Of the active side.
            is_known: Nothing else lies at the old source; a snapshot that also holds what nobody knows would hide that from the
                next difference.
        """
        ours, theirs = StateFolder(self.active), StateFolder(self.returned)
        back, before = checkpoint_of(known_of(theirs)), known_of(ours).checkpoint
        run = max([0, before.run if before else 0, *ours.runs()]) + 1
        rows = (swapped(held) for held in checkpoints.manifest(theirs, back))
        files = manifests.write_generation(ours, run, "swapped", rows)
        done = self._next_checkpoint(back, run, files, is_known=is_known)
        lease.check()
        checkpoints.commit(ours, done)
        return done

    def _next_checkpoint(
        self, back: Checkpoint, run: int, files: tuple[ManifestFile, ...], *, is_known: bool
    ) -> Checkpoint:
        frozen = freeze(self.returned, f"{self.forward}{run}", allow=False) if is_known else None
        return replace(
            back,
            run=run,
            replication=self._forward_id,
            source=place_of(self.returned.address),
            target=str(self.active.address),
            snapshot=frozen.name if frozen else "",
            snapshot_root=frozen.root if frozen else "",
            as_of_ms=frozen.taken_ms if frozen else now_ms(),
            committed_ms=now_ms(),
            unsettled=(),
            listed_ms=now_ms(),
            home_ms=0,
            generations=(files,) if files else (),
        )

    def turned(self, role: Role, known: Known) -> Known:
        """The records of the direction back as they are, or as ``turn_round`` would write them."""
        theirs = StateFolder(self.returned)
        begun, there = theirs.read_json(_beginning(role)), known_of(theirs)
        if begun is not None and there.checkpoint is not None and there.checkpoint.run >= int(begun["run"]):
            return there
        return _Turned(theirs, None, [], [], [], known)


def is_turned(theirs: StateFolder, role: Role) -> bool:
    """Whether the old source has the records of the direction back; ``role``: of the active side."""
    begun = theirs.read_json(_beginning(role))
    return begun is not None and checkpoints.newest(theirs) >= int(begun["run"])


def _beginning(role: Role) -> str:
    return f"fail-back/{role.generation:012d}.json"


def _begun(theirs: StateFolder, role: Role, newest: int) -> int:
    """The run of the first checkpoint back, above ``newest``; it is noted before anything is written for it."""
    begun = theirs.read_json(_beginning(role))
    if begun is None:
        begun = {"format": 1, "generation": role.generation, "run": max([0, newest, *theirs.runs()]) + 1}
        theirs.write_json(_beginning(role), begun, create_only=True)
    return int(begun["run"])


@dataclass(slots=True)
class _Turned(Known):
    """The records of the direction back as they would be written."""

    forward: Known | None = None

    def runs(self, cover: Cover | None = None) -> list[SortedRun]:
        """Their rows; the exclusions of a cover are left to those who ask."""
        if self.forward is None:
            return []
        runs = _runs_at_switch(self.forward, cover)
        return [replace(run, rows=_Swapped(run)) for run in runs]


class _Swapped:
    def __init__(self, run: SortedRun) -> None:
        self._run = run

    def __call__(self) -> Iterator[Held]:
        return map(swapped, self._run.rows())


def _runs_at_switch(known: Known, cover: Cover | None = None) -> list[SortedRun]:
    """What the target held at the switch: its checkpoint, and what unfinished runs had visibly brought."""
    return confirmed(known).runs(cover)
