"""What people are shown: the line of a long run, and its report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_livedata.engine.model import Failure
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.units import human_bytes, human_seconds


def test_a_line_tells_files_bytes_rate_and_time_left() -> None:
    now = [0.0]
    progress = Progress("copy", clock=lambda: now[0])
    progress.expect(100, 400 << 20)
    now[0] = 10.0
    progress.add(files=25, size_bytes=200 << 20)
    assert progress.line() == "copy: 25 of 100 files, 200.0 MiB of 400.0 MiB, 20.0 MiB/s, 2 files/s, 30.0 s left"
    progress.add(failed=2)
    assert "2 FAILED" in progress.line()


def test_lines_come_while_the_work_goes_on() -> None:
    said: list[str] = []
    with Progress("copy", every_s=0.01, say=said.append) as progress:
        while not said:
            progress.add(files=1)
    assert said[0].startswith("copy: ")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (5 << 50, "5.0 PiB")]
)
def test_bytes_are_told_in_binary_units(count: int, text: str) -> None:
    assert human_bytes(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(4.21, "4.2 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_times_are_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def test_a_report_survives_json_and_its_digest_is_that_of_the_stored_text() -> None:
    report = Report(
        "hdfs://nn/a",
        "s3://b/a",
        run=3,
        failed=1,
        failures=[Failure("x", "no", "PathMissing")],
        copied_bytes=10,
        seconds=2,
    )
    text = report.seal("s3://b/a/.livedata/runs/3/report.json")
    again = Report.from_json(text)
    assert again.failures == report.failures
    assert again.to_json() == text
    assert json.loads(text)["bytes_per_second"] == 5
    assert len(report.digest) == 64
    assert report.summary()["address"] == report.address


def test_the_table_says_what_failed_and_why_and_how_many_more() -> None:
    failures = [Failure(f"f{n}", "no permission") for n in range(30)]
    table = Report("a", "b", state="failed", why="30 items failed", failed=30, failures=failures).table()
    assert "FAILED: 30 items failed" in table
    assert "f0: no permission" in table
    assert "and 10 more" in table


def test_short_lists_are_shown_whole_and_empty_ones_not_at_all() -> None:
    table = Report("a", "b", vanished=1, vanished_paths=["gone"], notes=["a note"]).table()
    assert "  gone" in table
    assert "  a note" in table
    assert "more" not in table
    assert "unsettled" not in table


def test_a_line_of_work_without_bytes_tells_none() -> None:
    now = [0.0]
    progress = Progress("scan of the source", clock=lambda: now[0])
    now[0] = 2.0
    progress.add(files=3000)
    assert progress.line() == "scan of the source: 3,000 files, 1,500 files/s"


def test_a_report_of_which_nothing_is_known_tells_nothing_but_that() -> None:
    stored = json.loads(Report("s", "t").to_json())
    told = {name: value for name, value in stored.items() if value not in ("", None, [], {}) and value is not False}
    assert {name for name, value in told.items() if value} == {"source", "target", "state", "format"}
    assert (stored["format"], stored["state"], stored["staged"]) == (1, "done", False)
    assert Report("s", "t").table().splitlines() == [
        "state             DONE", "source            s", "target            t", "run               0",
        "scanned           0 files, 0 directories, 0 B", "planned           nothing to do", "copied            0 files, 0 B",
        "unchanged         0 files", "deleted           0", "failed            0", "time              0.0 s, 0 B/s",
        "lag               no checkpoint yet", "checkpoint before none", "checkpoint after  none",
    ]  # fmt: skip


def test_lists_are_shown_up_to_twenty_and_the_rest_is_counted() -> None:
    notes = [f"note {n}" for n in range(21)]
    assert "more" not in Report("s", "t", notes=notes[:20]).table()
    assert Report("s", "t", notes=notes).table().splitlines()[-2:] == ["  note 19", "  ... and 1 more"]


@pytest.mark.parametrize(("state", "is_shown"), [("dry run", True), ("done", False)])
def test_examples_of_changes_are_those_of_a_rehearsal(state: Any, is_shown: bool) -> None:
    text = Report("s", "t", state=state, changed_examples=["a"]).table()
    assert ("would change:\n  a" in text, "changed:" in text) == (is_shown, False)
