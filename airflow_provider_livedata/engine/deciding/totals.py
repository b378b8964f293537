"""What a plan amounts to, counted step by step. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_livedata.engine.deciding.partitions import Partitions
from airflow_provider_livedata.engine.model import Step

EXAMPLES = 20
_UNTOLD = frozenset({"hold", "rename", "record", "forget", "refused"})  # kinds that are no example of a change


@dataclass(slots=True)
class Totals:
    """What a plan amounts to; grows while the plan is streamed."""

    source_files: int = 0
    source_directories: int = 0
    source_bytes: int = 0
    target_files: int = 0
    unseen_files: int = 0  # known, and not looked at since the source says that they did not change
    unseen_directories: int = 0
    unseen_bytes: int = 0
    copy_files: int = 0
    copy_bytes: int = 0
    move_files: int = 0
    move_bytes: int = 0
    make_directories: int = 0
    set_attributes: int = 0
    records: int = 0
    delete_files: int = 0
    renamed_files: int = 0  # to be deleted at their old paths, and not counted among delete_files
    delete_directories: int = 0
    unchanged_files: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    unlisted: int = 0  # directories of the source that may not be listed
    foreign: int = 0
    foreign_examples: list[str] = field(default_factory=list)
    unholdable: int = 0
    unholdable_examples: list[str] = field(default_factory=list)
    changed_examples: list[str] = field(default_factory=list)
    partitions: Partitions = field(default_factory=Partitions)
    digest: str = ""

    @property
    def changes(self) -> int:
        """Number of steps that change what a reader of the target finds."""
        entries = self.copy_files + self.move_files + self.delete_files + self.renamed_files
        return entries + self.make_directories + self.set_attributes + self.delete_directories

    def note_unholdable(self, path: str, why: str) -> None:
        """The target cannot hold an entry of the source."""
        self.unholdable += 1
        _example(self.unholdable_examples, f"{path}: {why}")

    def note_foreign(self, key: str) -> None:
        """Someone else wrote what is at the target."""
        self.foreign += 1
        _example(self.foreign_examples, key)

    def count(self, step: Step) -> None:
        """One more step of the plan."""
        reason = f"{step.kind}: {step.reason}"
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        self.partitions.count(step)
        if step.kind == "delete":
            self._count_delete(step)
        else:
            self._count_other(step)
        if len(self.changed_examples) < EXAMPLES:
            self._tell(step)

    def _tell(self, step: Step) -> None:
        if step.kind not in _UNTOLD and step.reason != "carried" and step.phase != "finish":
            _example(self.changed_examples, f"{step.kind} {step.entry.key} ({step.reason})")

    def _count_delete(self, step: Step) -> None:
        if step.reason == "carried":
            return  # counted at its old place
        if step.entry.kind == "directory":
            self.delete_directories += 1
        elif step.reason == "renamed":
            self.renamed_files += 1
        else:
            self.delete_files += 1

    def _count_other(self, step: Step) -> None:
        if step.kind == "copy":
            self.copy_files += 1
            self.copy_bytes += step.entry.size_bytes
        elif step.kind == "move":
            self.move_files += 1
            self.move_bytes += step.entry.size_bytes
        elif step.kind == "make_directory":
            self.make_directories += 1
        elif step.kind == "set_attributes":
            self.set_attributes += 1
        elif step.kind in ("record", "forget"):
            self.records += 1


def _example(examples: list[str], text: str) -> None:
    if len(examples) < EXAMPLES:
        examples.append(text)
