"""The report of a sync, as people see it."""

from __future__ import annotations

import json

from airflow_provider_livedata.engine.metastore.report import CatalogueReport


def test_the_table_tells_counts_and_names_what_went_wrong() -> None:
    report = CatalogueReport(
        "thrift://a", "thrift://b", 3, "failed", position=1200, compared={"tables": 2000}, done={"created tables": 2}, failures=["d.t: no"],
        skipped=[f"d.{number}: ACID" for number in range(25)], source_calls={"get_table": 2}, plan="file:///p", plan_digest="ab" * 32,
    )  # fmt: skip
    text = report.table()
    assert "event 1,200" in text
    assert "2,000 tables" in text
    assert "not registered:" in text
    assert "... and 5 more" in text
    assert "failed:\n  d.t: no" in text
    assert "2 of the source, 0 of the target" in text
    stored = json.loads(report.seal("file:///r"))
    assert (stored["failures"], "address" in stored, report.address) == (["d.t: no"], False, "file:///r")
    assert len(report.summary()["skipped"]) == 20


def test_an_empty_one_says_so() -> None:
    assert "nothing to do" in CatalogueReport("thrift://a", "thrift://b").table()
