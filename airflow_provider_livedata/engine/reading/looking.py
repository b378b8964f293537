"""The entries of a zone that a cover holds, in key order: some asked for one by one, some listed with all below them."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.tuning import LEAST, threads_to_ask
from airflow_provider_livedata.engine.errors import NotADirectory
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import LooksInside, Peeks, StatsMany

BATCH = 1000
# Answers that tell how far a zone is: the quickest of them, since the first one on each thread may have to connect.
TIMED = 2 * LEAST
THREADS = 16


Stat = Callable[[str], Entry | None]
Ask = Callable[[str, Stat], Entry | None]
Told = MutableMapping[str, Entry | None]  # what is at a path


def look(
    zone: Zone, chosen: Filter, cover: Cover, ask: Ask | None = None, *, told: Told | None = None, peeks: bool = False
) -> Iterator[Entry]:
    """Yield the entries that take part and that the cover holds, in key order; what is not there is left out.

    Paths are asked for ``BATCH`` at a time, so that memory does not grow with their number, on as many threads as the zone is far; those
    together that the zone tells together.

    Args:
        zone: Which is asked.
        chosen: What takes part.
        cover: What is looked at.
        ask: Called for each path on one of the threads, with what tells of it.
        told: What is known already of some paths, which are not asked for; taken out of it.
        peeks: What ``peek`` tells is enough.
    """
    stats = partial(_stat_of, zone, partial(peek, zone) if peeks else zone.stat)
    for entry in _alone(stats, ask or _ask, chosen, cover, {} if told is None else told):
        yield entry
        if entry.kind == "directory" and entry.path in cover.trees:
            yield from chosen.keep(zone.scan(entry.path))


def peek(zone: Zone, path: str, *, for_file: bool = False) -> Entry | None:
    """What is at a path, by the cheapest way that tells its kind, size and version; ``for_file`` as in ``Peeks``."""
    return zone.peek(path, for_file=for_file) if isinstance(zone, Peeks) else zone.stat(path)


def holds_any(zone: Zone, chosen: Filter, path: str) -> bool:
    """Whether a directory holds anything that takes part."""
    if isinstance(zone, LooksInside):
        return zone.holds_any(path, lambda inside: not chosen.excludes(inside))
    return next(chosen.keep(zone.scan(path)), None) is not None


def _ask(path: str, stat: Stat) -> Entry | None:
    return stat(path)


def _alone(
    stats: Callable[[Sequence[str]], Stat], ask: Ask, chosen: Filter, cover: Cover, told: Told
) -> Iterator[Entry]:
    # Paths come in their own order and entries go in the order of keys: "a" before "a!b" before "a/". No key is lower than
    # its path, so what is lower than the next path can go.
    found: list[tuple[str, Entry]] = []
    paths = (path for path in cover.paths if not chosen.excludes(path))

    with ExitStack() as stack:
        pool: Executor | None = None
        while batch := list(islice(paths, BATCH)):
            while found and found[0][0] < batch[0]:
                yield heapq.heappop(found)[1]
            unknown = [path for path in batch if path not in told]
            asked = partial(_asked, ask, stats(unknown))
            pool = pool or _pool(stack, asked, unknown, told)
            for entry in _answers(pool, asked, batch, told):
                if entry is not None:
                    heapq.heappush(found, (entry.key, entry))
    while found:
        yield heapq.heappop(found)[1]


def _pool(stack: ExitStack, ask: Stat, unknown: Sequence[str], told: Told) -> Executor:
    """As many threads as suit the distance, which the answers for the first paths tell."""
    few = stack.enter_context(ThreadPoolExecutor(LEAST, "livedata-look"))
    if len(unknown) <= TIMED:
        return few
    first = unknown[:TIMED]
    answers = list(few.map(partial(_timed, ask), first))
    told.update(zip(first, (answer for _, answer in answers), strict=True))
    threads = threads_to_ask(min(seconds for seconds, _ in answers))
    return few if threads <= LEAST else stack.enter_context(ThreadPoolExecutor(threads, "livedata-look-far"))


def _timed(ask: Stat, path: str) -> tuple[float, Entry | None]:
    began = time.monotonic()
    answer = ask(path)
    return time.monotonic() - began, answer


def _asked(ask: Ask, stat: Stat, path: str) -> Entry | None:
    with suppress(NotADirectory):  # a file stands above it
        return ask(path, stat)
    return None


def _stat_of(zone: Zone, alone: Stat, paths: Sequence[str]) -> Stat:
    together = zone.stat_many(paths) if isinstance(zone, StatsMany) else {}
    return lambda path: together.get(path) or alone(path)


def _answers(pool: Executor, ask: Stat, paths: Sequence[str], told: Told) -> Iterator[Entry | None]:
    asked = [None if path in told else pool.submit(ask, path) for path in paths]
    for path, answer in zip(paths, asked, strict=True):
        yield told.pop(path) if answer is None else answer.result()
