"""What people are told of a fail-over and a fail-back."""

from __future__ import annotations

import hashlib
import json

from airflow_provider_livedata.engine.switching.report import FailBackReport, FailOverReport


def test_an_unplanned_fail_over_tells_what_is_lost_and_since_when() -> None:
    report = FailOverReport(
        "s3://b/x", "hdfs://nn/x", how="unplanned", run=7, snapshot="livedata-1-7", as_of_ms=1_700_000_000_000,
        last_contact_ms=1_700_000_060_000, lost_seconds=130, unsettled=1, unsettled_paths=["open.log"],
        newer=30, newer_paths=[f"n{n:02d} (new)" for n in range(30)], put_back=2, not_held=["acl", "owner"],
    )  # fmt: skip
    table = report.table()
    for text in (
        "SWITCHED", "7 livedata-1-7, of 2023-11-14 22:13:20 UTC", "after 2023-11-14 22:13:20 UTC: up to 2 min 10 s of changes",
        "2023-11-14 22:14:20 UTC", "open.log", "n19 (new)", "... and 10 more", "2 files", "acl, owner",
    ):  # fmt: skip
        assert text in table
    assert "n20" not in table


def test_a_dry_run_tells_what_would_be_put_back() -> None:
    assert "2 files would be" in FailOverReport("a", "b", state="dry run", put_back=2).table()


def test_a_planned_fail_over_loses_nothing() -> None:
    assert "nothing that is known" in FailOverReport("a", "b").table()


def test_a_fail_back_tells_what_is_kept_where_and_what_came_back() -> None:
    report = FailBackReport(
        "hdfs://nn/x", "s3://b/x", found={"new": 2, "deleted": 1}, found_paths=["new a", "new b", "deleted c"],
        aside="hdfs://nn/x/.livedata/aside/1", kept_aside=2, kept_bytes=2048, copied_files=5, renamed=1,
    )  # fmt: skip
    table = report.table()
    for text in (
        "1 deleted, 2 new",
        "2 files, 2.0 KiB: hdfs://nn/x/.livedata/aside/1",
        "5 files",
        "1 renamed",
        "new b",
    ):
        assert text in table
    assert "would" not in table
    report.state, report.why, report.aside = "dry run", "the fail-back would stop: too much", ""
    assert "2 files, 2.0 KiB would be" in report.table()
    assert "DRY RUN: the fail-back would stop" in report.table()
    assert "would be copied" in report.table()


def test_the_digest_is_that_of_the_stored_text_and_little_travels() -> None:
    report = FailBackReport("a", "b", found_paths=[f"new {n}" for n in range(500)])
    text = report.seal("a/.livedata/fail-back/x.json")
    assert hashlib.sha256(text.encode()).hexdigest() == report.digest
    assert len(json.loads(text)["found_paths"]) == 500
    summary = report.summary()
    assert (summary["address"], len(summary["found_paths"])) == ("a/.livedata/fail-back/x.json", 20)
    json.dumps(summary)
