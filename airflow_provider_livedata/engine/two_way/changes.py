"""What happened to one path, on each of two sides, since they last agreed. Pure: no I/O, no clock, no zone.

then (common state)   now          change
-                     -            absent
-                     there        new
there                 the same     same
there                 as then, with other rights or another owner     attributes
there                 other bytes  changed
there                 -            gone
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from airflow_provider_livedata.engine.deciding.diff import Origin
from airflow_provider_livedata.engine.model import Entry, Held

Side = Literal["left", "right"]
ATTRIBUTES = ("owner", "group", "mode", "acl", "xattrs")
Change = Literal["absent", "new", "same", "attributes", "changed", "gone"]


class Common(NamedTuple):
    """What both sides held at one path when they last agreed; the bytes are the same, versions and attributes are each side's own.

    ``left.target_version`` is the version of the right side then, and the other way round.
    """

    left: Held
    right: Held

    @property
    def key(self) -> str:
        """That of both."""
        return self.left.key


class Claim(NamedTuple):
    """What a run that was cut off wrote down: it was about to change the side ``changed`` at one path, and may have done so.

    ``held.entry`` is that of the other side, ``held.target_version`` the version that the changed side has if it was done. ``age``: 0 is the newest.
    """

    changed: Side
    held: Held
    age: int = 0

    @property
    def key(self) -> str:
        """That of the row."""
        return self.held.key

    def holds(self, now: Entry | None) -> bool:
        """Whether it was done, by what the changed side has now."""
        if self.held.is_gone or now is None:
            return self.held.is_gone and now is None
        return now.kind == "directory" or now.version == self.held.target_version

    def common(self, before: Common | None = None) -> Common | None:
        """What both sides agree on when it was done; ``before``: what they had agreed on.

        Attributes are still those of before: the row has what both sides were to have, and the one that gave the bytes may not have got its part.
        What was given looks changed on both sides then, in the same way.
        """
        if self.held.is_gone:
            return None
        theirs = mirrored(self.held)
        done = Common(self.held, theirs) if self.changed == "right" else Common(theirs, self.held)
        return done if before is None else Common(_dressed(done.left, before.left), _dressed(done.right, before.right))


class Pair(NamedTuple):
    """One key: what each side has there now, and what both had when they last agreed.

    ``is_other_left``, ``is_other_right``: another file than then has come there, though it may look the same. ``left_came``: the left side
    renamed it to here; the row is the right side's at the old path, where the right side may still have the bytes. ``right_came`` likewise.
    ``left_went``, ``right_went``: the side renamed what was here to another path. ``is_claimed``: ``common`` is what a run that was cut off is seen to
    have done.
    """

    key: str
    left: Entry | None
    right: Entry | None
    common: Common | None = None
    is_other_left: bool = False
    is_other_right: bool = False
    left_came: Origin | None = None
    right_came: Origin | None = None
    left_went: bool = False
    right_went: bool = False
    is_claimed: bool = False

    @property
    def path(self) -> str:
        """The key without the mark of a directory."""
        return self.key.rstrip("/")


class Judged(NamedTuple):
    """A pair, what happened on each side, and what had to be looked up for it.

    ``is_same``: whether both sides have the same bytes, where that was asked, with their checksums if those are known. ``is_open``: a side is writing to it
    just now, so that it is left for the next run.
    """

    pair: Pair
    left: Change
    right: Change
    is_same: bool | None = None
    crcs: tuple[int | None, int | None] = (None, None)
    is_open: bool = False

    def sides(self) -> Iterator[tuple[Side, Entry | None, Entry | None]]:
        """Each side, what it has, and what the other one has."""
        yield "left", self.pair.left, self.pair.right
        yield "right", self.pair.right, self.pair.left

    def found(self, side: Side) -> Entry | None:
        """What a side has, if anything."""
        return self.pair.left if side == "left" else self.pair.right

    def entry(self, side: Side) -> Entry:
        """What a side has.

        Raises:
            ValueError: Nothing; whoever asks has to know.
        """
        entry = self.found(side)
        if entry is None:
            raise ValueError(f"the {side} side has nothing at {self.pair.key}")
        return entry

    @property
    def agreed(self) -> Common:
        """What both sides agreed on.

        Raises:
            ValueError: They never did.
        """
        if self.pair.common is None:
            raise ValueError(f"the sides never agreed on {self.pair.key}")
        return self.pair.common

    @property
    def known_crcs(self) -> tuple[int | None, int | None]:
        """Checksums of bytes that both sides have, where they are known."""
        common = self.pair.common
        if self.is_same is None and common is not None:
            return common.left.entry.crc32c, common.left.entry.crc64nvme
        return self.crcs


def judge(pair: Pair, names: frozenset[str]) -> Judged:
    """What happened on each side; ``names`` are those of the attributes that count."""
    common = pair.common
    left = change_of(pair.left, common.left.entry if common else None, names, is_other=pair.is_other_left)
    right = change_of(pair.right, common.right.entry if common else None, names, is_other=pair.is_other_right)
    return Judged(pair, left, right)


def change_of(now: Entry | None, then: Entry | None, names: frozenset[str], *, is_other: bool = False) -> Change:
    """What happened to one path on one side."""
    if then is None:
        return "absent" if now is None else "new"
    if now is None:
        return "gone"
    if now.kind != "directory" and (is_other or (now.version, now.size_bytes) != (then.version, then.size_bytes)):
        return "changed"
    return "attributes" if differing(now, then, names) else "same"


def mirrored(held: Held) -> Held:
    """The row of the side that was changed, where the row is that of the side that it came from. What attributes it has is not known yet."""
    unknown = dict.fromkeys(ATTRIBUTES)
    entry = held.entry._replace(version=held.target_version, **unknown)  # type: ignore[arg-type]
    return held._replace(entry=entry, target_version=held.entry.version)


def _dressed(held: Held, before: Held) -> Held:
    """A row with the attributes of another one."""
    attributes = {name: getattr(before.entry, name) for name in ATTRIBUTES}
    return held._replace(entry=held.entry._replace(**attributes))


def differing(one: Entry, other: Entry, names: frozenset[str]) -> frozenset[str]:
    """Names of the attributes that both have and that differ: what a store does not tell is no difference."""
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in names)
    return frozenset(name for name, a, b in pairs if a is not None and b is not None and a != b)
