"""Find what differs: by the source's snapshot difference where that can be, else by listing both sides.

A difference costs as much as there is change. It may be used when it starts from exactly what the target holds: from the
snapshot of the checkpoint, with the exclusions and attributes of that checkpoint.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from airflow_provider_livedata.engine.deciding.cover import Cover, cover_of
from airflow_provider_livedata.engine.deciding.diff import Origin, Row, line_up, with_before
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.overlay import Rows, SortedRun, overlay
from airflow_provider_livedata.engine.deciding.renames import Renames
from airflow_provider_livedata.engine.deciding.totals import Totals
from airflow_provider_livedata.engine.errors import LiveDataError, NotADirectory
from airflow_provider_livedata.engine.model import Entry, Held, Snapshot, Step
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.reading.looking import THREADS, Stat, holds_any, look, peek
from airflow_provider_livedata.engine.reading.scan import Ahead, scan
from airflow_provider_livedata.engine.replication import committing
from airflow_provider_livedata.engine.replication.carrying import carried_whole
from airflow_provider_livedata.engine.replication.origins import origins_of
from airflow_provider_livedata.engine.replication.recorded import as_recorded
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.stored.journal import journal_of
from airflow_provider_livedata.engine.stored.planfile import Plan, unfinished_plan
from airflow_provider_livedata.engine.stored.shelf import SHELF
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import HoldsAsRecorded, Moves, SnapshotDifference, Snapshots

log = logging.getLogger(__name__)
HOUR_MS = 3_600_000
MOST_CHANGES = 100_000  # above it a listing is cheaper, and the paths would need much memory
COUNTED_AT_ONCE = 1000
KEPT_ROWS = 20_000  # of the manifest, and of the target; some 20 MiB
LOOK_AHEAD = 100  # rows


@dataclass(slots=True)
class Known:
    """What the records say of the target before a run."""

    state: StateFolder
    checkpoint: Checkpoint | None
    unfinished: list[int]
    journals: list[SortedRun]
    plans: list[Plan]
    _covered: tuple[Cover, list[SortedRun]] | None = field(default=None, init=False)

    def runs(self, cover: Cover | None = None) -> list[SortedRun]:
        """Rows of journals and manifest; with ``cover`` only those of the manifest that it holds."""
        return [*self.journals, *self.manifest(cover)]

    def manifest(self, cover: Cover | None) -> list[SortedRun]:
        """Rows of the manifest alone; the few of a cover are read once."""
        age = len(self.journals)
        if cover is None:
            return checkpoints.manifest_runs(self.state, self.checkpoint, age=age)
        if self._covered is None or self._covered[0] is not cover:
            rows = Rows(KEPT_ROWS)
            found = checkpoints.manifest_runs(self.state, self.checkpoint, age=age, cover=cover, shelf=SHELF)
            self._covered = cover, [rows.kept(run) for run in found]
        return self._covered[1]

    def planned(self) -> Iterator[str]:
        """Keys that runs which were cut off meant to act on, in order."""
        return (held.key for held in overlay(run for plan in self.plans for run in plan.runs()))

    def written(self) -> Iterator[str]:
        """Those of them where such a run may have left something of its own."""
        return (held.key for held in overlay(run for plan in self.plans for run in plan.runs(_brings)))

    def may_have_moved(self) -> bool:
        """Whether such a run may have given a file its new name: not if it was refused, nor while it staged."""
        return any(_may_have_acted(self.state, run) for run in self.unfinished)

    def in_doubt(self) -> Iterator[str]:
        """Paths whose state the checkpoint alone does not tell."""
        if self.checkpoint is not None:
            yield from self.checkpoint.unsettled
        yield from (key.rstrip("/") for key in self.planned())
        yield from (held.entry.path for held in overlay(self.journals, with_gone=True))


def _may_have_acted(state: StateFolder, run: int) -> bool:
    if (state.read_json(f"runs/{run:012d}/intent.json") or {}).get("staged"):
        return committing.may_have_moved(state, run)
    return (state.read_json(f"runs/{run:012d}/report.json") or {}).get("state") != "refused"


def _brings(step: Step) -> bool:
    # Where it was to delete a file, what is there was not left by it. But what comes along with a moved directory was, and a directory was
    # written down as gone though it could not go: only empty ones are ever removed.
    is_delete_alone = step.kind == "delete" and step.origin is None and step.entry.kind != "directory"
    return not is_delete_alone and step.kind not in ("record", "forget")


def known_of(state: StateFolder) -> Known:
    """Read the records: the checkpoint, and what runs since then left."""
    with ThreadPoolExecutor(1, "livedata-runs") as pool:
        runs = pool.submit(state.runs)
        checkpoint = checkpoints.latest(state)
    since = checkpoint.run if checkpoint else 0
    unfinished = [number for number in runs.result() if number > since and state.has_left(number)]
    journals: list[SortedRun] = []
    for number in reversed(unfinished):
        journals += journal_of(state, number, age=len(journals))
    plans = [plan for n in unfinished if (plan := unfinished_plan(state, f"runs/{n:012d}/plan")) is not None]
    return Known(state, checkpoint, unfinished, journals, plans)


@dataclass(frozen=True, slots=True)
class Way:
    """How changes are found, for the report.

    ``cover``: what is looked at; None: everything. ``renames``: what has another name at the source, and need not be copied.
    """

    text: str
    cover: Cover | None = None
    renames: Renames | None = None


def choose(
    source: Zone, snapshot: Snapshot | None, known: Known, options: ReplicateOptions, now_ms: int,
    *, taken: Sequence[Snapshot] | None = None,
) -> Way:  # fmt: skip
    """Decide how to find what differs; the store is asked for its difference when that may be used.

    ``taken``: the snapshots of the source, where they are known.
    """
    why_not = _obstacle(source, snapshot, known.checkpoint, options, now_ms)
    if why_not:
        return Way(f"listings of both sides: {why_not}")
    base = base_of(source, known.checkpoint, taken)
    if base is None:
        gone = known.checkpoint.snapshot or "of the checkpoint"  # type: ignore[union-attr]
        return Way(f"listings of both sides: the snapshot {gone} is gone")
    doubtful = list(islice(known.in_doubt(), MOST_CHANGES + 1))
    if len(doubtful) > MOST_CHANGES:
        return Way(f"listings of both sides: earlier runs left more than {MOST_CHANGES:,} paths in doubt")
    try:
        told = source.difference(base, snapshot, most=MOST_CHANGES)  # type: ignore[attr-defined]
    except LiveDataError as error:
        if error.retryable:  # it was tried again for long enough
            raise
        return Way(f"listings of both sides: {error}")
    cover = cover_of(told.changes, doubtful)
    text = f"difference of snapshots {base.name} and {snapshot.name}, {told.way}: {len(cover):,} paths"  # type: ignore[union-attr]
    return Way(text, cover, Renames(told.changes))


def _obstacle(
    source: Zone, snapshot: Snapshot | None, checkpoint: Checkpoint | None, options: ReplicateOptions, now_ms: int
) -> str:
    if checkpoint is None:
        return "this is the first copy"
    if options.find_by == "listings":
        return "asked for by find_by"
    if not isinstance(source, SnapshotDifference):
        return "the source does not tell differences of snapshots"
    if snapshot is None:
        return "no snapshot was taken"
    if checkpoint.filter_digest != options.filter.digest:
        return "the exclusions changed"
    if checkpoint.preserve != tuple(sorted(options.preserve)):
        return "other attributes are preserved than before"
    if options.foreign == "replace":
        return "foreign='replace' concerns all that the target holds"
    if options.skip_unholdable:
        return "skip_unholdable concerns all that the source holds"
    if options.list_every_h and now_ms - checkpoint.listed_ms > options.list_every_h * HOUR_MS:
        return f"the last ones were made more than {options.list_every_h:g} h ago"
    return ""


def base_of(source: Zone, checkpoint: Checkpoint | None, taken: Sequence[Snapshot] | None = None) -> Snapshot | None:
    """The snapshot that the checkpoint is of; not another one that was given its name since."""
    if checkpoint is None or not isinstance(source, Snapshots):
        return None
    wanted = (checkpoint.snapshot, checkpoint.snapshot_root, checkpoint.as_of_ms)
    found = source.snapshots() if taken is None else taken
    return next((one for one in found if (one.name, one.root, one.taken_ms) == wanted), None)


@contextlib.contextmanager
def rows_of(way: Way, source: Zone, target: Zone, known: Known, options: ReplicateOptions) -> Generator[Iterator[Row]]:
    """The rows to plan by, in key order; listings end with the ``with`` block."""
    chosen, cover = options.filter, way.cover
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress("scan of the source", every_s=options.progress_s))
        if cover is None:
            ours: Iterator[Entry] = stack.enter_context(contextlib.closing(scan(source, chosen)))
            theirs: Iterator[Entry] = stack.enter_context(contextlib.closing(scan(target, chosen)))
        else:
            sides = _Sides(target, cover, frozenset(known.in_doubt()))
            tells = isinstance(target, HoldsAsRecorded) and not target.is_begun()  # then nobody has to ask it
            # From now on: what was renamed is read from the manifest meanwhile.
            ours = stack.enter_context(Ahead(look(source, chosen, cover, None if tells else sides.of_source)))
            theirs = look(target, chosen, cover, told=sides.told_of_target, peeks=True)
        if isinstance(target, HoldsAsRecorded):
            theirs = as_recorded(target, chosen, known.runs(cover), theirs)
        origins: Iterator[Origin] = iter(())
        renames = way.renames if isinstance(target, Moves) else None
        if renames:
            runs = known.runs(cover)
            whole = carried_whole(overlay(runs), renames, target, chosen)
            origins = stack.enter_context(origins_of(runs, renames, chosen, whole))
            if known.unfinished and known.may_have_moved():
                origins = (one._replace(is_unsure=one.is_contested) for one in origins)
        rows = line_up(_counted(ours, progress), overlay(known.runs(cover)), theirs, known.written(), origins)
        if way.renames is not None:
            rows = _with_others(rows, way.renames, overlay(known.manifest(cover)) if known.journals else None)
        if renames:
            rows = _with_renames(rows, renames, chosen)
        yield rows if cover is None else _with_contents(rows, source, target, options, cover)


def add_unseen(totals: Totals, known: Known, cover: Cover) -> None:
    """Count what the checkpoint holds and nobody looked at."""
    checkpoint = known.checkpoint
    if checkpoint is None:
        return
    files, directories, size_bytes = checkpoint.files, checkpoint.directories, checkpoint.size_bytes
    for row in overlay(known.manifest(cover)):
        files -= row.entry.kind == "file"
        directories -= row.entry.kind == "directory"
        size_bytes -= row.entry.size_bytes
    totals.unseen_files, totals.unseen_directories, totals.unseen_bytes = files, directories, size_bytes


@dataclass(slots=True)
class _Sides:
    """Asks both sides for the paths of a cover, the source first and the target right afterwards.

    Where directories are but the names of what they hold, the target is not asked for those that the source has as well and that are
    looked at alone: what it has of them matters only where nothing is left in them. Unless their state is in doubt: a run that was cut off
    may have brought a file of that name.
    """

    target: Zone
    cover: Cover
    in_doubt: frozenset[str]
    told_of_target: dict[str, Entry | None] = field(default_factory=dict)

    def of_source(self, path: str, stat: Stat) -> Entry | None:
        found = stat(path)
        is_directory = found is not None and found.kind == "directory"
        is_certain = is_directory and not self.cover.is_whole(path) and path not in self.in_doubt
        if is_certain and not self.target.facts.has_directories:
            self.told_of_target[path] = None
        elif len(self.told_of_target) < KEPT_ROWS:
            self.told_of_target[path] = self._at_target(path, for_file=found is not None and found.kind == "file")
        return found

    def _at_target(self, path: str, *, for_file: bool) -> Entry | None:
        with contextlib.suppress(NotADirectory):  # a file stands above it
            return peek(self.target, path, for_file=for_file)
        return None


def _with_contents(
    rows: Iterable[Row], source: Zone, target: Zone, options: ReplicateOptions, cover: Cover
) -> Iterator[Row]:
    # Where directories are markers, whether one is needed depends on what the directory holds, looked at or not. Its contents
    # follow it, so the source is asked only where the next row is nothing that it holds.
    def filled(row: Row) -> Row:
        path = row.source.path  # type: ignore[union-attr]
        if holds_any(source, options.filter, path):
            return row._replace(holds_more=True)
        there = row.target or peek(target, path)
        return row._replace(target=there if there is not None and there.kind == "directory" else None)

    with ThreadPoolExecutor(THREADS, "livedata-inside") as pool:
        waiting: deque[tuple[Row, Future[Row] | None]] = deque()
        for row, following in _with_next(rows):
            is_alone = row.source is not None and row.source.kind == "directory" and not cover.is_whole(row.source.path)
            if not is_alone or target.facts.has_directories:
                waiting.append((row, None))
            elif following is not None and following.source is not None and following.key.startswith(row.key):
                waiting.append((row._replace(holds_more=True), None))
            else:
                waiting.append((row, pool.submit(filled, row)))
            if len(waiting) > LOOK_AHEAD:
                yield _ready(*waiting.popleft())
        for one in waiting:
            yield _ready(*one)


def _with_next(rows: Iterable[Row]) -> Iterator[tuple[Row, Row | None]]:
    ahead = iter(rows)
    row = next(ahead, None)
    while row is not None:
        following = next(ahead, None)
        yield row, following
        row = following


def _ready(row: Row, coming: Future[Row] | None) -> Row:
    return row if coming is None else coming.result()


def _with_others(rows: Iterable[Row], renames: Renames, before: Iterable[Held] | None) -> Iterator[Row]:
    # HDFS knows a file's version by size and time alone, which another file may share that took its place. ``before``: the manifest, where
    # rows may know of a run that was cut off as well. What it lacks is new: only a run that was cut off can have brought it, by its journal.
    for row, was in with_before(rows, before) if before is not None else ((row, row.known) for row in rows):
        is_alike = was is not None and row.source is not None and row.source.version == was.entry.version
        yield row._replace(is_other=True) if is_alike and renames.is_other(row.key.rstrip("/")) else row


def _with_renames(rows: Iterable[Row], renames: Renames, chosen: Filter) -> Iterator[Row]:
    for row in rows:
        if row.known is not None and row.target is not None and row.target.kind == "file":
            new = renames.new_of(row.key)
            yield row._replace(is_renamed=new is not None and not chosen.excludes(new))
        else:
            yield row


def _counted(entries: Iterable[Entry], progress: Progress) -> Iterator[Entry]:
    for number, entry in enumerate(entries, 1):
        yield entry
        if number % COUNTED_AT_ONCE == 0:
            progress.add(files=COUNTED_AT_ONCE)
