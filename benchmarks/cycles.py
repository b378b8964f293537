"""The second run and all after it: a hundred changes among very many files, no change at all, changes that never end.

Each contender has a target of its own, and a warm one a process of its own, as each location of a live replication has. It brought the target to what the
source was, and brings it to what the source is after each round of changes. The contenders take turns, and the order turns with every round. Many cycles of ours and the first rounds of all do not
count: a NameNode goes on compiling what it runs for about a hundred such cycles, and a replication that is live has made these long ago.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import quantiles
from typing import Any

from airflow_provider_livedata.engine import ReplicateOptions
from benchmarks import contenders, fetch
from benchmarks.copies import turned, warm
from benchmarks.history import MAKERS, History
from benchmarks.measured import Taken, Worker, beside, launch
from benchmarks.namenode import counted
from benchmarks.results import say
from benchmarks.shapes import Size
from benchmarks.site import Site, Spot, WrongCopy

INTERVAL_S = 15.0  # between the starts of two cycles of live replication
SAMPLE_S = 0.1
FEWER = "fewer files"  # ours, warm, of the tree of fewer files, in turn with the larger one
RCLONE = ["rclone", "sync", "SOURCE", "TARGET", "--config", "", "--s3-no-check-bucket", "--fast-list", "--transfers", "16",
          "--checkers", "16"]  # fmt: skip
Runs = dict[str, list[dict[str, float]]]
Cycle = Callable[[], Taken]


def measure(site: Site, size: Size, chosen: frozenset[str]) -> dict[str, Any]:
    """{"to_s3": {"50000": {"runs": ..., "quiet_calls": ...}}, "to_hdfs": {"runs": ...}, "lag": {"p95_s": ..., ...}, ...}."""
    found: dict[str, Any] = {"changes": size.cycle_changes, "warm_rounds": size.cycle_warm_rounds,
                             "warm_cycles": size.cycle_warm_cycles, "to_s3": {}}  # fmt: skip
    first: History | None = None
    try:
        for files in size.cycle_files:
            history = _made(site, files)
            try:
                # rclone looks at every file: the larger tree tells nothing new about it.
                found["to_s3"][str(files)] = _to_s3(
                    site, size, history, chosen if first is None else frozenset(), beside=first
                )
                size = dataclasses.replace(size, cycle_warm_cycles=0)  # the servers are warm now
                if first is None:
                    found["to_hdfs"] = {"files": files, "runs": _to_hdfs(site, size, history, chosen)}
                    found["lag"] = _lag(site, size, history)
            finally:
                if first is not None:
                    _unmade(site, files)
            first = first or history
    finally:
        if first is not None:
            _unmade(site, size.cycle_files[0])
    return found


def plans() -> dict[str, dict[str, object]]:
    """How ours is asked to go about it, by what is added to its name."""
    if "consistency" not in {one.name for one in dataclasses.fields(ReplicateOptions)}:
        return {"": {}}
    return {"": {"consistency": "files"}, ", staged": {"consistency": "snapshot"}}


# To S3 ----------------------------------------------------------------------------------------------------------


def _to_s3(
    site: Site, size: Size, history: History, chosen: frozenset[str], *, beside: History | None
) -> dict[str, Any]:
    """``beside``: the tree of fewer files, which is changed and brought to S3 in turn with this one, so that both can be compared."""
    made: dict[str, _Arm] = {}
    with ExitStack() as stack:
        for more, options in plans().items():
            made[f"ours{more}, warm"] = _Arm(site, history, _warmed(stack, options))
            if beside is None:
                made[f"ours{more}"] = _Arm(site, history, contenders.ours(options))
            else:  # a memory disk holds few targets of so many files
                made[f"{FEWER}{more}"] = _Arm(site, beside, _warmed(stack, options))
        for name, flags in (("rclone --size-only", ["--size-only"]), ("rclone", [])) if "rclone" in chosen else ():
            made[name] = _Arm(site, history, _rclone(site, flags))
        cycles = {name: arm.cycle for name, arm in made.items()}
        _first_copies(history, cycles)
        _warm(size, history, [cycle for name, cycle in cycles.items() if name.endswith(", warm")])
        changed = [history] if beside is None else [history, beside]
        runs = _rounds(site, size, changed, cycles, lambda name: made[name].check())
        quiet = _quiet(site, cycles["ours, warm"])
    for arm in made.values():
        site.remove(arm.target)
    for one in changed:
        site.forget_snapshots(_source(site, one))
    return {
        "files": history.files,
        "fewer": None if beside is None else beside.files,
        "runs": runs,
        "quiet_calls": quiet,
    }


class _Arm:
    """A contender, and the target that is its own."""

    def __init__(self, site: Site, history: History, copy: contenders.Copy) -> None:
        self._site, self._history, self._copy, self.target = site, history, copy, site.fresh("s3")

    def cycle(self) -> Taken:
        """Bring the target to what the source is."""
        return self._copy(_source(self._site, self._history), self.target)

    def check(self) -> None:
        """Make sure that it is."""
        _check(self._site, self.target, self._history)


def _warmed(stack: ExitStack, options: dict[str, object]) -> contenders.Copy:
    return warm(stack.enter_context(Worker(contenders.environment())), options)


def _first_copies(history: History, cycles: dict[str, Cycle]) -> None:
    for name, cycle in cycles.items():
        say(f"first copy of {history.files:,} files, {name}: {cycle().wall_s:.2f} s")


def _warm(size: Size, history: History, cycles: list[Cycle]) -> None:
    began = time.monotonic()
    for number in range(size.cycle_warm_cycles):
        history.change(size.cycle_changes)
        cycles[number % len(cycles)]()
    say(f"{size.cycle_warm_cycles} cycles of ours, which do not count, in {time.monotonic() - began:.0f} s")


def _rounds(
    site: Site, size: Size, histories: list[History], cycles: dict[str, Cycle], check: Callable[[str], None]
) -> Runs:
    runs: Runs = {name: [] for name in cycles}
    for number in range(-size.cycle_warm_rounds, size.cycle_rounds):
        for history in histories:
            history.change(size.cycle_changes)
        for name in turned(list(cycles), number):
            site.settle()
            taken = beside(site.cpu_s, cycles[name])
            counts = "" if number >= 0 else " (does not count)"
            say(f"{size.cycle_changes} changes on {histories[0].files:,} files, {name}: {taken.wall_s:.2f} s{counts}")
            if number >= 0:
                runs[name].append(taken.to_json())
            check(name)
    return runs


def _quiet(site: Site, cycle: Cycle) -> dict[str, int]:
    """What the NameNode is asked by a cycle without changes."""
    before = counted(site)
    cycle()
    return dict((counted(site) - before).most_common())


def _check(site: Site, spot: Spot, history: History) -> None:
    found = site.count(spot)[0]
    if found != history.files:
        raise WrongCopy(f"{spot.rclone} holds {found} files, not {history.files}")


def _rclone(site: Site, flags: list[str]) -> contenders.Copy:
    binary, env = fetch.rclone(), contenders.rclone_environment(site)

    def sync(source: Spot, target: Spot) -> Taken:
        places = {"SOURCE": source.rclone, "TARGET": target.rclone}
        return launch([binary, *(places.get(word, word) for word in RCLONE[1:]), *flags], env=env)[0]

    return sync


def _bound(copy: contenders.Copy, source: Spot, target: Spot) -> Cycle:
    return lambda: copy(source, target)


# HDFS to HDFS -----------------------------------------------------------------------------------------------------


def _to_hdfs(site: Site, size: Size, history: History, chosen: frozenset[str]) -> Runs:
    source = _source(site, history)
    ours, theirs = site.fresh("hdfs"), site.fresh("hdfs")
    options = next(iter(plans().values()))
    with Worker(contenders.environment()) as worker:
        cycles = {
            "ours, warm": _bound(warm(worker, options), source, ours),
            "ours": _bound(contenders.ours(options), source, other := site.fresh("hdfs")),
        }
        if "distcp" in chosen:
            cycles["distcp"] = _DistCp(site, source, theirs).cycle
        spots = {"ours, warm": ours, "ours": other, "distcp": theirs}
        _first_copies(history, cycles)
        runs = _rounds(site, size, [history], cycles, lambda name: _check(site, spots[name], history))
    for spot in (spots[name] for name in cycles):
        site.forget_snapshots(spot)
        site.disallow_snapshots(spot)
        site.remove(spot)
    site.forget_snapshots(source)
    return runs


class _DistCp:
    """``distcp -update -diff`` from one snapshot to the next; taking them is part of its cycle, as it is of ours."""

    def __init__(self, site: Site, source: Spot, target: Spot) -> None:
        self._site, self._source, self._target, self._number = site, source, target, 0
        site.hdfs.mkdirs(f"/{target.path}")
        site.allow_snapshots(target)

    def cycle(self) -> Taken:
        """The first one copies all."""
        began = time.monotonic()
        before, self._number = self._number, self._number + 1
        self._site.take_snapshot(self._source, f"distcp-{self._number}")
        if before:
            flags = ["-update", "-diff", f"distcp-{before}", f"distcp-{self._number}"]
            source = self._source
        else:
            flags, path = ["-update"], f"{self._source.path}/.snapshot/distcp-{self._number}"
            source = dataclasses.replace(self._source, hadoop=f"{self._site.hdfs.uri}/{path}")
        taken = contenders.distcp(self._site, flags)(source, self._target)
        self._site.take_snapshot(self._target, f"distcp-{self._number}")
        return dataclasses.replace(taken, wall_s=time.monotonic() - began)


# Lag --------------------------------------------------------------------------------------------------------------


def _lag(site: Site, size: Size, history: History) -> dict[str, float]:
    """How old the newest complete copy is while files are made all the time, a cycle every ``INTERVAL_S``."""
    source, target = _source(site, history), site.fresh("s3")
    done: list[tuple[float, float]] = []  # when a cycle was complete, and the instant that its copy is of
    stop, made, interval_s = threading.Event(), [0], min(INTERVAL_S, size.lag_s / 3)

    def write() -> None:
        with ThreadPoolExecutor(MAKERS) as pool:  # a file takes HDFS up to half a second to close
            while not stop.wait(1 / size.lag_changes_s):
                pool.submit(history.add)
                made[0] += 1

    writer = threading.Thread(target=write)
    with Worker(contenders.environment()) as worker:
        options = {"source": source.place, "target": target.place, "options": next(iter(plans().values()))}
        worker.ask("replicate", **options)
        writer.start()
        end = time.time() + size.lag_s
        try:
            while (began := time.time()) < end:
                answer = worker.ask("replicate", **options)[1]
                done.append((time.time(), answer["as_of_ms"] / 1000))
                time.sleep(max(0.0, began + interval_s - time.time()))
        finally:
            stop.set()
            writer.join()
    site.remove(target)
    site.forget_snapshots(source)
    ages = sorted(lags(done, time.time()))
    found = {
        "p95_s": quantiles(ages, n=20)[-1],
        "most_s": ages[-1],
        "cycles": len(done),
        "interval_s": interval_s,
        "changes_s": made[0] / size.lag_s,
    }
    say(f"lag at {found['changes_s']:.1f} changes a second: p95 {found['p95_s']:.1f} s")
    return {name: round(value, 2) for name, value in found.items()}


def lags(done: list[tuple[float, float]], end: float) -> list[float]:
    """The age of the newest complete copy every ``SAMPLE_S`` from the first one on. Pure.

    Args:
        done: When each cycle was complete, and the instant that its copy is of, in seconds, in order.
        end: When to stop looking.
    """
    ages = []
    for (at, of), (until, _) in zip(done, [*done[1:], (end, 0.0)], strict=True):
        ages += [at - of + n * SAMPLE_S for n in range(max(1, int((until - at) / SAMPLE_S)))]
    return ages


# The source -------------------------------------------------------------------------------------------------------


def _made(site: Site, files: int) -> History:
    history = History(site, _path(files), files)
    began = time.monotonic()
    history.make()
    say(f"{files:,} files made in {time.monotonic() - began:.0f} s")
    site.allow_snapshots(site.spot("hdfs", _path(files)))
    return history


def _unmade(site: Site, files: int) -> None:
    spot = site.spot("hdfs", _path(files))
    site.forget_snapshots(spot)
    site.disallow_snapshots(spot)
    site.remove(spot)


def _source(site: Site, history: History) -> Spot:
    return site.spot("hdfs", history.path)


def _path(files: int) -> str:
    return f"bench/history-{files}"
