"""What both sides hold, key by key beside what they agreed on: by differences of snapshots where they can be had, else by listings.

both sides tell differences    only what changed on either side is looked at, on both
one of them does               it is what was agreed on with what changed; the other one is listed
none does                      both are listed
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice

from airflow_provider_livedata.engine.deciding.cover import Cover, cover_of
from airflow_provider_livedata.engine.deciding.diff import Origin, in_order
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.overlay import SortedRun, overlay
from airflow_provider_livedata.engine.deciding.renames import Renames
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Change, Entry, Held, Snapshot
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.looking import look
from airflow_provider_livedata.engine.reading.scan import Ahead, scan
from airflow_provider_livedata.engine.replication.finding import HOUR_MS, MOST_CHANGES
from airflow_provider_livedata.engine.replication.freezing import Freezing
from airflow_provider_livedata.engine.replication.origins import origins_of
from airflow_provider_livedata.engine.two_way.changes import Claim, Common, Pair, Side
from airflow_provider_livedata.engine.two_way.settling import other
from airflow_provider_livedata.engine.two_way.stored import SIDES, PairFolder, Standing, commons
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Moves, SnapshotDifference, Snapshots


@dataclass(slots=True)
class Told:
    """How one side's changes are found. ``changes`` None: by a listing; ``text`` says which way, and why."""

    text: str
    changes: tuple[Change, ...] | None = None
    cover: Cover | None = None
    renames: Renames | None = None


@dataclass(slots=True)
class Looking:
    """Both sides as they are read in one run. ``seen`` is what of the agreed rows has passed: files and bytes.

    ``adopt`` hears of what a run that was cut off had done.
    """

    zones: dict[Side, Zone]
    frozen: dict[Side, Freezing]
    folder: PairFolder
    standing: Standing | None
    options: ReplicateOptions
    now_ms: int
    adopt: Callable[[Claim], None] = lambda claim: None
    told: dict[Side, Told] = field(default_factory=dict)
    seen_files: int = 0
    seen_bytes: int = 0
    _doubtful: list[str] = field(default_factory=list)

    def choose(self) -> None:
        """Ask each side for its difference, where that may be used; ``told`` says what was."""
        why_not = self._obstacle()
        self._doubtful = [] if why_not else self._in_doubt()
        if len(self._doubtful) > MOST_CHANGES:
            why_not = f"earlier runs left more than {MOST_CHANGES:,} paths in doubt"
        self.told = {side: self._told(side, why_not) for side in SIDES}

    @property
    def is_partial(self) -> bool:
        """Whether only what changed is looked at, on both sides."""
        return all(told.changes is not None for told in self.told.values())

    @property
    def is_whole(self) -> bool:
        """Whether neither side was taken to be as it was but for what its difference tells."""
        return all(told.changes is None for told in self.told.values())

    def view(self, side: Side) -> Zone:
        """A side as it is read: its snapshot, or the live one."""
        return view_of(self.zones[side], self.frozen[side])

    @contextlib.contextmanager
    def pairs(self) -> Generator[Iterator[Pair]]:
        """Every key that either side has or had, or in a partial look those that may have changed, in key order."""
        cover = self._whole_cover() if self.is_partial else None
        runs = {side: self.folder.common_runs(self.standing, side, cover) for side in SIDES}
        with ExitStack() as stack:
            left, right = (stack.enter_context(Ahead(self._now(side, cover, runs[side]))) for side in SIDES)
            agreed = self._counted(commons(runs["left"], runs["right"]))
            pairs = with_claims(lined_up(left, agreed, right), self.folder.claims(self.standing), self.adopt)
            for side in SIDES:
                pairs = self._with_renames(stack, pairs, side, runs[other(side)])
            yield pairs

    def _in_doubt(self) -> list[str]:
        standing = self.standing
        if standing is None:
            return []
        claimed = (claims[0].key for claims in self.folder.claims(standing))
        # What the last run wrote after its snapshot and somebody deleted before the next one is in neither, and so in no difference.
        written = self.folder.written(standing.run)
        paths = (key.rstrip("/") for key in chain(claimed, written))
        return [*standing.in_doubt, *islice(paths, MOST_CHANGES + 1)]

    def _obstacle(self) -> str:
        standing, options = self.standing, self.options
        if standing is None:
            return "this is the first sync"
        if options.find_by == "listings":
            return "asked for by find_by"
        if standing.lists_next:
            return "the last run left something undone"
        if standing.filter_digest != options.filter.digest:
            return "the exclusions changed"
        if standing.preserve != tuple(sorted(options.preserve)):
            return "other attributes are preserved than before"
        if options.skip_unholdable:
            return "skip_unholdable concerns all that either side holds"
        if options.list_every_h and self.now_ms - standing.listed_ms > options.list_every_h * HOUR_MS:
            return f"the last ones were made more than {options.list_every_h:g} h ago"
        return ""

    def _told(self, side: Side, why_not: str) -> Told:
        zone, frozen = self.zones[side], self.frozen[side]
        if why_not:
            return Told(f"a listing: {why_not}")
        if not isinstance(zone, SnapshotDifference):
            return Told("a listing, compared with what was agreed on")
        if frozen.snapshot is None:
            return Told("a listing: no snapshot was taken")
        base = _base_of(self.standing, side, frozen.taken)
        if base is None:
            return Told("a listing: the snapshot of the last run is gone")
        try:
            told = zone.difference(base, frozen.snapshot, most=MOST_CHANGES)
        except LiveDataError as error:
            if error.retryable:  # it was tried again for long enough
                raise
            return Told(f"a listing: {error}")
        cover = cover_of(told.changes, self._doubtful)
        text = f"difference of snapshots {base.name} and {frozen.snapshot.name}, {told.way}: {len(cover):,} paths"
        return Told(text, told.changes, cover, Renames(told.changes))

    def _whole_cover(self) -> Cover:
        changes = [change for told in self.told.values() for change in told.changes or ()]
        return cover_of(changes, self._doubtful)

    def _now(self, side: Side, cover: Cover | None, runs: list[SortedRun]) -> Iterator[Entry]:
        chosen, view, own = self.options.filter, self.view(side), self.told[side].cover
        if cover is not None:
            return look(view, chosen, cover)
        if own is not None:
            return patched(overlay(runs), look(view, chosen, own), own)
        return scan(view, chosen)

    def _counted(self, agreed: Iterable[Common]) -> Iterator[Common]:
        for one in agreed:
            if one.left.entry.kind == "file":
                self.seen_files += 1
                self.seen_bytes += one.left.entry.size_bytes
            yield one

    def _with_renames(
        self, stack: ExitStack, pairs: Iterator[Pair], side: Side, runs: list[SortedRun]
    ) -> Iterator[Pair]:
        renames = self.told[side].renames
        if renames is None:
            return pairs
        written = self.folder.written(self.standing.run) if self.standing else iter(())
        pairs = with_others(pairs, side, renames, self.options.filter, written)
        if not renames or not isinstance(self.zones[other(side)], Moves):
            return pairs
        return with_origins(pairs, side, stack.enter_context(origins_of(runs, renames, self.options.filter, {})))


def view_of(zone: Zone, frozen: Freezing) -> Zone:
    """A side as it is read: its snapshot, or the live one. A listing that may not be completed fails, since what it lacks would look deleted."""
    return zone.at(frozen.snapshot) if frozen.snapshot is not None and isinstance(zone, Snapshots) else zone


def _base_of(standing: Standing | None, side: Side, taken: Sequence[Snapshot]) -> Snapshot | None:
    """The snapshot that was agreed on; not another one that was given its name since."""
    wanted = standing.snapshot(side) if standing else None
    if wanted is None:
        return None
    same = (wanted.name, wanted.root, wanted.taken_ms)
    return next((one for one in taken if (one.name, one.root, one.taken_ms) == same), None)


def patched(then: Iterable[Held], looked: Iterable[Entry], cover: Cover) -> Iterator[Entry]:
    """What a side holds: as it was then, but for what a cover holds, which was looked at."""
    unchanged = (held.entry for held in then if not cover.holds(held.key))
    return heapq.merge(unchanged, looked, key=lambda entry: entry.key)


def lined_up(left: Iterable[Entry], agreed: Iterable[Common], right: Iterable[Entry]) -> Iterator[Pair]:
    """One pair for every key, in key order.

    Raises:
        UnsortedListing: One of them is not in strictly ascending order.
    """
    lefts, agreeds, rights = in_order(left, "left"), in_order(agreed, "agreed"), in_order(right, "right")
    l_key, l_entry = next(lefts, _END)
    a_key, common = next(agreeds, _END)
    r_key, r_entry = next(rights, _END)
    while True:
        key = min((one for one in (l_key, a_key, r_key) if one is not None), default=None)
        if key is None:
            return
        yield Pair(
            key, l_entry if l_key == key else None, r_entry if r_key == key else None, common if a_key == key else None
        )
        if l_key == key:
            l_key, l_entry = next(lefts, _END)
        if a_key == key:
            a_key, common = next(agreeds, _END)
        if r_key == key:
            r_key, r_entry = next(rights, _END)


_END = (None, None)


def with_claims(
    pairs: Iterable[Pair], claims: Iterator[list[Claim]], adopt: Callable[[Claim], None] = lambda claim: None
) -> Iterator[Pair]:
    """Take for agreed on what runs that were cut off are seen to have done; what they only meant to do is not, nor are attributes."""
    group = next(claims, None)
    for pair in pairs:
        while group is not None and group[0].key < pair.key:
            group = next(claims, None)
        if group is None or group[0].key != pair.key:
            yield pair
            continue
        done = next((one for one in group if one.holds(pair.left if one.changed == "left" else pair.right)), None)
        if done is None:
            yield pair
            continue
        adopt(done)
        yield pair._replace(common=done.common(pair.common), is_claimed=True)


def with_others(
    pairs: Iterable[Pair], side: Side, renames: Renames, chosen: Filter, written: Iterator[str]
) -> Iterator[Pair]:
    """Note which files have come to a path since, and which ones went away by a rename.

    ``written``: keys, in order, of what the last sync wrote after its snapshot, so that it looks as if it had come since.
    """
    ours = next(written, None)
    for pair in pairs:
        while ours is not None and ours < pair.key:
            ours = next(written, None)
        if pair.common is None:
            yield pair
            continue
        is_other = not pair.is_claimed and ours != pair.key and renames.is_other(pair.path)
        new = renames.new_of(pair.path)
        went = new is not None and not chosen.excludes(new)
        if side == "left":
            yield pair._replace(is_other_left=is_other, left_went=went)
        else:
            yield pair._replace(is_other_right=is_other, right_went=went)


def with_origins(pairs: Iterable[Pair], side: Side, origins: Iterator[Origin]) -> Iterator[Pair]:
    """Note what a side renamed to a path, with the other side's row at the old one."""
    origin = next(origins, None)
    for pair in pairs:
        while origin is not None and origin.key < pair.key:
            origin = next(origins, None)
        if origin is None or origin.key != pair.key:
            yield pair
        elif side == "left":
            yield pair._replace(left_came=origin)
        else:
            yield pair._replace(right_came=origin)
