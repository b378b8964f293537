"""The engine in a process of its own, without Airflow: a request a line on standard input, an answer a line.

    {"kind": "replicate", "source": {...}, "target": {...}, "options": {...}}
    {"kind": "read" | "write", "zone": {...}, "files": 500, "size_bytes": 4194304, "threads": 16}

Secrets come by standard input. An answer tells the seconds of the call, the CPU seconds and the peak of the memory of
this process so far; that of ``replicate`` also how old the process was when the engine was called. The process ends as that of a task of
Airflow 3 does, by ``os._exit``. Source: ``airflow.sdk.execution_time.supervisor._fork_main``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Request = dict[str, Any]


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        began, cpu = time.monotonic(), time.process_time()
        told = _KINDS[request.pop("kind")](**request)
        taken = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu, "peak_mib": _peak_mib()}
        sys.stdout.write(json.dumps({**taken, **told}) + "\n")
        sys.stdout.flush()


def _replicate(source: Request, target: Request, options: Request) -> Request:
    return _run(_open(source), _open(target), options)


def _paced(source: Request, target: Request, options: Request) -> Request:
    """Replicate, and tell when how many bytes had been read: [[seconds, bytes], ...]."""
    from benchmarks.pace import Counting

    zone = Counting(_open(source))
    return {**_run(zone, _open(target), options), "reads": zone.since_first()}


def _run(source: Any, target: Any, options: Request) -> Request:
    from airflow_provider_livedata.engine import ReplicateOptions, replicate

    start_s = _age_s()
    try:
        report = replicate(source, target, ReplicateOptions(**options))
    finally:
        source.close()
        target.close()
    return {"start_s": start_s, "files": report.copied_files, "size_bytes": report.copied_bytes, "planned": report.planned_files,
            "as_of_ms": report.as_of_ms, "found_by": report.found_by}  # fmt: skip


def _read(zone: Request, **shape: Any) -> Request:
    from benchmarks.floors import read_all

    return {"size_bytes": read_all(_open(zone), **shape)}


def _write(zone: Request, **shape: Any) -> Request:
    from benchmarks.floors import write_all

    return {"size_bytes": write_all(_open(zone), **shape)}


def _retention(backups: int, policy: Request, every_minutes: int) -> Request:
    """The seconds are those of the decision alone, without making up the backups."""
    from datetime import UTC, datetime, timedelta

    from airflow_provider_livedata.engine import BackupFacts, BackupState, RetentionPolicy, decide_retention

    now = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [now - timedelta(minutes=every_minutes * number) for number in range(backups)]
    found = [BackupFacts(f"b{n}", moment, BackupState.COMPLETE, None, held=False) for n, moment in enumerate(moments)]
    began, cpu = time.monotonic(), time.process_time()
    decided = decide_retention(found, RetentionPolicy.of(policy), now)
    taken = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu}
    return {**taken, "kept": len(decided.kept)}


def _unprove() -> Request:
    from benchmarks.unproved import unprove

    unprove()
    return {}


def _open(place: Request) -> Any:
    from airflow_provider_livedata.engine import open_zone
    from tests.services import many_entries

    many_entries.register()
    return open_zone(place["address"], **place["options"])


def _age_s() -> float:
    # Source: proc(5), starttime in /proc/pid/stat: clock ticks since boot; the second field, in brackets, may hold blanks
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def _peak_mib() -> float:
    # Source: proc(5), VmHWM in KiB
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


_KINDS: dict[str, Callable[..., Request]] = {
    "replicate": _replicate,
    "paced": _paced,
    "read": _read,
    "write": _write,
    "retention": _retention,
    "unprove": _unprove,
}

if __name__ == "__main__":
    main()
    os._exit(0)  # what was asked for has been answered and flushed
