"""Write down what both sides agree on after a run: what it did, each row with the attributes that each side was found to have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.errors import NotADirectory
from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.stored import manifest as manifests
from airflow_provider_livedata.engine.stored.manifest_file import Generations
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.two_way.carrying import Carrying
from airflow_provider_livedata.engine.two_way.changes import ATTRIBUTES, Side
from airflow_provider_livedata.engine.two_way.looking import Looking
from airflow_provider_livedata.engine.two_way.planning import Planned
from airflow_provider_livedata.engine.two_way.report import KEPT, TwoWayReport
from airflow_provider_livedata.engine.two_way.stored import MOST_IN_DOUBT, SIDES, Standing
from airflow_provider_livedata.engine.zones.base import Zone

THREADS, AHEAD = 16, 200


def agree(
    looking: Looking, planned: Planned, carrying: Carrying, report: TwoWayReport, run: int, allow: Callable[[], None]
) -> Standing:
    """Write rows and standing of a run that did what it could; returns the standing."""
    doubtful, lists_next = _in_doubt(planned, carrying, report)
    # What a file system lets appear is written down before it does.
    unlanded = frozenset(key for one in carrying.transfers.values() for key in one.unlanded)
    rows = {side: _rows(looking, carrying.zones[side], side, run, unlanded) for side in SIDES}
    before, merger, options = looking.standing, planned.merger.accounts, looking.options
    part = before if before is not None and looking.is_partial else None
    standing = Standing(
        run,
        place_of(carrying.zones["left"].address),
        place_of(carrying.zones["right"].address),
        options.filter.digest,
        options.filter.exclude,
        tuple(sorted(options.preserve)),
        now_ms(),
        report.started_ms if before is None or looking.is_whole else before.listed_ms,
        merger.kept_files + (part.files - looking.seen_files if part else 0),
        merger.kept_bytes + (part.size_bytes - looking.seen_bytes if part else 0),
        looking.frozen["left"].snapshot,
        looking.frozen["right"].snapshot,
        doubtful,
        lists_next,
        rows["left"],
        rows["right"],
    )
    allow()
    looking.folder.commit(standing)
    return standing


def _rows(looking: Looking, zone: Zone, side: Side, run: int, unlanded: frozenset[str]) -> Generations:
    folder, before = looking.folder, looking.standing
    done = (row for row in overlay(folder.journaled(run, side), with_gone=True) if row.key not in unlanded)
    return manifests.grown(
        folder.state,
        run,
        before.rows(side) if before else (),
        found(zone, done),
        folder=f"{folder.folder}/common/{side}",
    )


def _in_doubt(planned: Planned, carrying: Carrying, report: TwoWayReport) -> tuple[tuple[str, ...], bool]:
    """Paths that the next run is to look at whatever the sides say; and whether it has to compare everything."""
    left = {
        *planned.merger.accounts.open_paths,
        *(path for one in carrying.transfers.values() for path in one.meanwhile),
    }
    report.left_for_next, report.left_paths = len(left), sorted(left)[:KEPT]
    unsettled = [one.path.rstrip("/") for one in report.conflict_list if not one.loser]
    paths = tuple(sorted({*left, *unsettled, *planned.merger.accounts.waiting}))
    is_too_much = len(paths) > MOST_IN_DOUBT or len(unsettled) < report.unsettled_conflicts
    return () if is_too_much else paths, is_too_much or report.failed > 0


def found(zone: Zone, rows: Iterable[Held]) -> Iterator[Held]:
    """The rows with the attributes that the side has now, as far as that still has those versions; unknown is None."""
    if not zone.facts.has_directories:  # its listings tell none
        yield from (_with(row, None) for row in rows)
        return
    waiting: deque[Future[Held]] = deque()
    with ThreadPoolExecutor(THREADS, "livedata-agree") as pool:
        for row in rows:
            waiting.append(pool.submit(_found, zone, row))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        for one in waiting:
            yield one.result()


def _found(zone: Zone, row: Held) -> Held:
    if row.is_gone:
        return row
    try:
        there = zone.stat(row.entry.path)
    except NotADirectory:
        there = None
    is_it = there is not None and (there.kind, there.version) == (row.entry.kind, row.entry.version)
    return _with(row, there if is_it else None)


def _with(row: Held, there: Entry | None) -> Held:
    attributes: dict[str, Any] = {name: getattr(there, name, None) for name in ATTRIBUTES}
    return row._replace(entry=row.entry._replace(**attributes))
