"""Honest reports: each run tells what it did, what it did not do and why; one failed file stops neither the others nor the truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, Report, replicate
from airflow_provider_livedata.engine.errors import CorruptSource, RunFailed, TooManyDeletes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.testing.faults import Counting
from tests.crash.conftest import Pair, contents

Make = Callable[[str, str], Pair]


def test_the_report_counts_what_happened_and_lies_beside_the_checkpoint(make_pair: Make) -> None:
    pair = make_pair("hdfs", "files")
    pair.put({"same": b"1", "changed": b"2", "renamed": b"3", "gone": b"4"})
    before = replicate(pair.source, pair.target)
    pair.put({"changed": b"changed", "new": b"12345"})
    pair.source.rename("renamed", "other")  # type: ignore[attr-defined]
    pair.remove("gone")
    source = Counting(pair.source)
    report = replicate(source, pair.target)
    happened = (report.copied_files, report.copied_bytes, report.renamed, report.deleted, report.skipped, report.failed)
    assert happened == (2, source.counts.read_bytes, 1, 1, 1, 0)
    assert (report.scanned_files, report.scanned_bytes) == (3, len(b"changed" + b"12345" + b"3"))  # what was looked at
    assert (report.checkpoint_before, report.run) == (before.checkpoint_after, 2)
    stored = StateFolder(pair.target).read(report.address.partition(".livedata/")[2]) or b""
    assert hashlib.sha256(stored).hexdigest() == report.digest
    assert Report.from_json(stored.decode()).summary() | _place(report) == report.summary()


def _place(report: Report) -> dict[str, Any]:
    return {"address": report.address, "digest": report.digest}  # a report cannot hold its own digest


def test_one_failed_file_is_named_stops_no_other_and_keeps_the_checkpoint(make_pair: Make) -> None:
    pair = make_pair("objects", "objects")
    pair.put({"old": b"old"})
    first = replicate(pair.source, pair.target)
    pair.put({**{f"f{n}": b"x" for n in range(9)}, "bad": b"bad"})
    read_into = pair.source.read_into

    def refuse(path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        if path == "bad":
            raise CorruptSource("no intact replica", path=path)
        return read_into(path, offset, buffer, version=version)

    pair.source.read_into = refuse  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="bad") as failed:
        replicate(pair.source, pair.target)
    report = failed.value.report
    assert [(one.path, one.error) for one in report.failures] == [("bad", "CorruptSource")]
    assert "no intact replica" in report.table()
    assert (report.state, report.copied_files, report.failed) == ("failed", 9, 1)
    assert report.checkpoint_after == first.checkpoint_after
    assert len(contents(pair.target)) == 10


def test_a_run_that_was_refused_leaves_a_report_that_says_why_and_lag_goes_on_growing(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"1", "b": b"2"})
    first = replicate(pair.source, pair.target)
    pair.remove("a", "b")
    pair.put({"c": b"3"})
    with pytest.raises(TooManyDeletes) as refused:
        replicate(pair.source, pair.target, ReplicateOptions(max_delete_ratio=0.5))
    stored = json.loads(StateFolder(pair.target).read("runs/000000000002/report.json") or b"{}")
    assert (stored["state"], stored["why"]) == ("refused", str(refused.value))
    assert stored["checkpoint_after"] == first.checkpoint_after
    assert stored["lag_seconds"] * 1000 >= stored["as_of_ms"] - first.as_of_ms
