"""Decide for each path of a restore what the destination may keep, and find what forbids the restore. Pure.

    rows of diff.line_up, each with its evidence -> RestoreRows.settle -> rows for plan.Planner, Findings on the side -> refuse

A file of the destination stays where there is evidence that it is the one of the backup. What the destination holds beyond
the backup is passed on, to be deleted, with mode "mirror" alone. Links, pipes and the like are left alone: no backup holds
them and nothing keeps them, so that they would be lost for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.deciding.diff import Row
from airflow_provider_livedata.engine.errors import BadOption, DestinationNewer, DestinationTaken
from airflow_provider_livedata.engine.model import Entry, Facts, Held
from airflow_provider_livedata.engine.restores.choosing import Choice
from airflow_provider_livedata.engine.restores.options import RestoreOptions

Evidence = Literal["", "brought before", "version", "checksum", "size and time", "content"]
EXAMPLES = 20
_CRCS = frozenset({"crc32c", "crc64nvme"})
_ATTRIBUTES = ("mtime_ms", "owner", "group", "mode", "acl", "xattrs")


@dataclass(slots=True)
class Findings:
    """What the rows of a restore amount to beside the plan; lists hold the first ``EXAMPLES``."""

    same: dict[str, int] = field(default_factory=dict)  # files that stay, by the evidence that they are the backup's
    newer: int = 0  # files to be replaced or deleted that are newer than the backup, or changed since
    newer_examples: list[str] = field(default_factory=list)
    taken: int = 0  # with mode "fail": what is there already
    taken_examples: list[str] = field(default_factory=list)
    blocked: int = 0  # files where directories belong, and directories where files belong
    blocked_examples: list[str] = field(default_factory=list)
    left: int = 0  # with mode "mirror": what is neither a file nor a directory, and stays
    left_examples: list[str] = field(default_factory=list)
    in_the_way: int = 0  # such entries where the backup has something
    in_the_way_examples: list[str] = field(default_factory=list)


def may_be_same(source: Entry | None, target: Entry | None) -> bool:
    """Whether it is worth looking for evidence: two files of one size."""
    return (
        source is not None
        and target is not None
        and source.kind == target.kind == "file"
        and source.size_bytes == target.size_bytes
    )


def is_worth_asking(source: Entry, facts: Facts) -> bool:
    """Whether the destination's store tells of a single file what a listing does not: checksums, where it came from."""
    sums = _CRCS & facts.checksums and (source.crc32c is not None or source.crc64nvme is not None)
    return bool(sums) or "source_version" in facts.attributes


def evidence_of(source: Entry, target: Entry, brought: Held | None, facts: Facts) -> Evidence:
    """Why the destination's file is the one of the backup; "" when it is not, or nothing says so.

    Args:
        source: A file of the backup; its ``source_version`` is the version that it had at its original place.
        target: What is at the destination, with what its store told of it.
        brought: What an earlier attempt of this restore wrote down of this path.
        facts: Of the destination.
    """
    if not may_be_same(source, target):
        return ""
    if brought is not None and (brought.entry.version, brought.target_version) == (source.version, target.version):
        return "brought before"
    sums = _by_checksums(source, target)
    if sums is not None:
        return "checksum" if sums else ""
    if source.source_version and source.source_version == target.version:
        return "version"
    if source.version and source.version == target.source_version:
        return "version"
    is_file_system = facts.has_directories and "mtime_ms" in facts.attributes
    return "size and time" if is_file_system and source.mtime_ms == target.mtime_ms else ""


def _by_checksums(source: Entry, target: Entry) -> bool | None:
    pairs = ((source.crc64nvme, target.crc64nvme), (source.crc32c, target.crc32c))
    told = [ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None]
    return all(told) if told else None


class RestoreRows:
    """Turns rows into those that the planner is to see, keeping account in ``findings``.

    ``is_in_place``: the destination is where the backup was made of, so that versions of both can be compared.
    """

    def __init__(
        self, choice: Choice, options: RestoreOptions, facts: Facts, *, taken_ms: int, is_in_place: bool, is_frozen: bool
    ) -> None:  # fmt: skip
        self.choice, self.options, self.facts = choice, options, facts
        self.taken_ms, self.is_in_place, self.is_frozen = taken_ms, is_in_place, is_frozen
        self.findings = Findings()
        self._files: list[Row] = []  # rows of files "a" while a row "a/" may still come
        self._clearing = ""  # key of the last directory of the destination that stands where the backup has a file

    def settle(self, rows: Iterable[tuple[Row, Evidence]]) -> Iterator[Row]:
        """Yield the rows of what is to be brought, kept or deleted; ``findings`` is complete when the iterator is."""
        for row, evidence in rows:
            is_chosen = self.choice.is_chosen(row.key.removesuffix("/"))
            self._note_blocked(row, is_chosen=is_chosen)
            kept = (
                self._wanted(row, evidence, is_chosen=is_chosen)
                if row.source
                else self._extra(row, is_chosen=is_chosen)
            )
            if kept is not None:
                yield kept

    def _extra(self, row: Row, *, is_chosen: bool) -> Row | None:
        if row.target is None or not is_chosen:
            return None
        if self.options.mode == "fail" and not row.target.is_implied:
            self._note_taken(row.key)
        if self.options.mode != "mirror":
            return None
        if row.target.kind == "other":
            self._note_left(row.key)
            return None
        self._note_newer(row.key, row.target, None)
        return row._replace(known=None, planned=False)

    def _wanted(self, row: Row, evidence: Evidence, *, is_chosen: bool) -> Row | None:
        source, target = row.source, row.target
        if not is_chosen and (not self.facts.has_directories or target is not None):
            return None  # a directory above what was chosen: only where it lacks
        if source is None or target is None or source.kind != target.kind:
            known = self._unmarked(row)
        elif source.kind == "directory":
            known = Held(self._with_attributes_of(source, target))
            if self.options.mode == "fail" and not row.planned and not target.is_implied:
                self._note_taken(row.key)
        else:
            known = self._known_file(row, source, target, evidence)
        return row._replace(known=known, planned=False)

    def _known_file(self, row: Row, source: Entry, target: Entry, evidence: Evidence) -> Held | None:
        is_ours = evidence == "brought before" or (row.planned and evidence)
        if self.options.mode == "fail" and not is_ours:
            self._note_taken(row.key)
        if not evidence:
            self._note_newer(row.key, target, source)
            return None
        self.findings.same[evidence] = self.findings.same.get(evidence, 0) + 1
        there = self._with_attributes_of(source, target)
        if there.crc32c is None and there.crc64nvme is None:
            there = there._replace(crc32c=target.crc32c, crc64nvme=target.crc64nvme)
        # What an attempt that was cut off has brought and could not write down any more is written down now.
        return Held(there, target.version, is_settled=evidence == "brought before" or not row.planned)

    def _unmarked(self, row: Row) -> Held | None:
        # An object store has nothing to keep of a directory but its marker, so there is nothing to write down either.
        if row.source is None or row.source.kind != "directory" or self.facts.has_directories:
            return None
        return Held(row.source)

    def _with_attributes_of(self, source: Entry, target: Entry) -> Entry:
        """The entry of the backup with those attributes that the destination has in its place, as far as it keeps any."""
        kept = (name for name in _ATTRIBUTES if name in self.facts.attributes and self.facts.has_directories)
        return source._replace(**{name: value for name in kept if (value := getattr(target, name)) is not None})

    # what forbids it --------------------------------------------------------------------------------------------

    def _note_newer(self, key: str, target: Entry, source: Entry | None) -> None:
        if target.kind != "file":
            return
        was = source.source_version or (source.version if self.is_frozen else "") if source is not None else ""
        is_changed = self.is_in_place and bool(was) and was != target.version
        if target.mtime_ms > self.taken_ms or is_changed:
            self.findings.newer += 1
            _example(self.findings.newer_examples, key)

    def _note_taken(self, key: str) -> None:
        self.findings.taken += 1
        _example(self.findings.taken_examples, key)

    def _note_left(self, key: str) -> None:
        if self._clearing and key.startswith(self._clearing):
            self._note_in_the_way(key)
            return
        self.findings.left += 1
        _example(self.findings.left_examples, key)

    def _note_in_the_way(self, key: str) -> None:
        self.findings.in_the_way += 1
        _example(self.findings.in_the_way_examples, key)

    def _note_blocked(self, row: Row, *, is_chosen: bool) -> None:
        if (
            row.source is not None
            and row.target is not None
            and (row.source.kind, row.target.kind) == ("file", "other")
        ):
            self._note_in_the_way(row.key)
        # Names that may still meet are nested like brackets: "a" < "a!b" < "a!b/" < "a/".
        while self._files and self._files[-1].key + "/" < row.key:
            self._files.pop()
        if not row.key.endswith("/"):
            self._files.append(row)
        elif self._files and self._files[-1].key + "/" == row.key:
            file = self._files[-1]
            meets = bool(row.source and file.target and not file.source) or bool(
                row.target and file.source and not row.source
            )
            if meets and file.target is not None and file.target.kind == "other":
                self._note_in_the_way(file.key)
            elif meets and (self.options.mode != "mirror" or not is_chosen):
                self.findings.blocked += 1
                _example(self.findings.blocked_examples, file.key)
            elif meets and file.source is not None:
                self._clearing = row.key


def refuse(findings: Findings, options: RestoreOptions, unmatched: Sequence[str]) -> None:
    """Stop a restore that its options do not allow, before anything is changed.

    Raises:
        BadOption: A path chose nothing.
        DestinationTaken, DestinationNewer: Each says how to go on.
    """
    if unmatched and not options.may_lack:
        raise BadOption(
            "the backup holds nothing at this path; correct it, or look into the backup's list of files (paths that were "
            "excluded from the backup are not in it)",
            path=unmatched[0], not_found=len(unmatched),
        )  # fmt: skip
    if findings.taken:
        raise DestinationTaken(
            "something is at the destination already, and mode is fail; choose another destination, mode merge to keep what the "
            "backup does not hold, or mode mirror to delete it",
            count=findings.taken, examples=findings.taken_examples,
        )  # fmt: skip
    if findings.in_the_way:
        raise DestinationTaken(
            "at the destination something that is neither a file nor a directory stands in the way of what is restored, and would be lost, "
            "since nothing can keep it; move it away",
            count=findings.in_the_way, examples=findings.in_the_way_examples,
        )  # fmt: skip
    if findings.blocked:
        raise DestinationTaken(
            "at the destination a file stands where the backup has a directory, or a directory where it has a file; move them "
            "away, or choose mode mirror and these paths",
            count=findings.blocked, examples=findings.blocked_examples,
        )  # fmt: skip
    if findings.newer and not options.overwrite_newer:
        raise DestinationNewer(
            "files of the destination that would be replaced or deleted are newer than the backup, or were changed since; when "
            "that is meant, run again with overwrite_newer",
            count=findings.newer, examples=findings.newer_examples,
        )  # fmt: skip


def _example(examples: list[str], text: str) -> None:
    if len(examples) < EXAMPLES:
        examples.append(text)
