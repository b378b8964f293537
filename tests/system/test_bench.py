"""The bench runs from end to end on very little data: against rclone where that is fetched already, else ours alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fetch import is_fetched
from benchmarks.page import BEGIN, END, write
from tests.conftest import REPOSITORY

SECTIONS = ("copies", "proving", "namenode", "neighbours", "limit", "planning", "retention", "cycles", "metadata")


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("s3_integrity")
def test_the_bench_measures_everything_on_a_tiny_data_set(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "benchmarks.md"
    page.write_text(f"# Old\n\n{BEGIN}\n\n## Changes that paid\n\nThis one did.\n\n{END}\n\nOld.\n")
    rclone = ["rclone"] if is_fetched("rclone") else []
    command = [sys.executable, "-m", "benchmarks", "--size", "tiny", "--results", results, "--page", page]
    subprocess.run([*map(str, command), "--contenders", *rclone], cwd=REPOSITORY, check=True)

    found = json.loads(results.read_text())["sections"]
    assert tuple(found) == SECTIONS
    copies = found["copies"]["measured"]
    assert len(copies) == 6
    for name, one in copies.items():
        more = {"ours, a file open"} if name == "hdfs-s3 small" else set()
        assert set(one["runs"]) == {"ours, warm", "ours", "read", "write", *rclone, *more}
        assert all(run["wall_s"] > 0 and run["cpu_s"] > 0 for runs in one["runs"].values() for run in runs)
    for one in found["copies"]["measured"].values():
        assert all(0 < run["start_s"] < run["wall_s"] for run in one["runs"]["ours"])

    calls = found["namenode"]["measured"]
    assert calls["calls"]["ours"]["rpc GetBlockLocations"] == calls["files"]
    assert calls["calls"]["ours, a file open"]["webhdfs open"] == calls["files"]
    assert found["planning"]["measured"]["entries"] == 5_000
    assert found["retention"]["measured"]["backups"] == 500

    cycles = found["cycles"]["measured"]
    assert list(cycles["to_s3"]) == ["60", "120"]
    ours, theirs = {"ours, warm", "ours"}, {"rclone --size-only", "rclone"} if rclone else set()
    assert set(cycles["to_s3"]["60"]["runs"]) == {*ours, "ours, staged", "ours, staged, warm"} | theirs
    fewer = {"fewer files", "fewer files, staged"}
    assert set(cycles["to_s3"]["120"]["runs"]) == {"ours, warm", "ours, staged, warm"} | fewer
    assert cycles["to_s3"]["120"]["fewer"] > 0
    assert set(cycles["to_hdfs"]["runs"]) == ours
    assert 0 < sum(cycles["to_s3"]["60"]["quiet_calls"].values()) <= 5
    assert cycles["lag"]["cycles"] >= 2

    metadata = found["metadata"]["measured"]
    assert (metadata["tables"], metadata["partitions"]) == (12, 10)
    assert metadata["calls"]["changed"]["ours"] < metadata["calls"]["changed"]["loop"]

    text = page.read_text()
    assert "This one did." in text
    assert "Old." not in text
    assert all(
        f"## {title}" in text
        for title in (
            "Copies",
            "What proof costs",
            "Calls of the NameNode",
            "A very long listing",
            "Very many backups",
            "From the second run on",
            "Hive metadata",
        )
    )
    assert "Start, imports and opening both zones:" in text
    assert "in turn with it." in text
    assert "Measured by itself" not in text
    assert not any(place in text + results.read_text() for place in (str(REPOSITORY), "127.0.0.1", "/dev/shm", "/tmp"))


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("s3_integrity")
def test_some_copies_are_measured_alone_and_the_page_keeps_the_others(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "benchmarks.md"
    before, other = json.loads((REPOSITORY / "benchmarks" / "results.json").read_text()), "hdfs-s3 small"
    copies = before["sections"]["copies"]["measured"]
    copies[other].pop("of", None)
    results.write_text(json.dumps(before))
    command = [sys.executable, "-m", "benchmarks", "--size", "tiny", "--results", results, "--page", page]
    subprocess.run([*map(str, command), "--contenders", "--copies", "s3-hdfs large"], cwd=REPOSITORY, check=True)

    found = json.loads(results.read_text())["sections"]
    assert list(found) == list(before["sections"])
    assert list(found["copies"]["measured"]) == list(copies)
    large = found["copies"]["measured"].pop("s3-hdfs large")
    del copies["s3-hdfs large"]
    assert found == before["sections"]
    assert set(large["runs"]) == {"ours, warm", "ours", "read", "write"}
    assert large["of"]["size"] == "tiny"

    text = page.read_text()
    alone = text[text.index("### S3 to HDFS, 2 x 20 MiB (large)") :].partition("\n#")[0]
    assert f"Measured by itself, on {large['of']['day']}" in alone
    assert "Measured by itself" not in text[: text.index("### S3 to HDFS")]
    assert f"copies from S3 to HDFS, large: {large['of']['day']}," in text


def test_the_page_is_written_from_the_results_that_are_there(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write(page, {"format": 1, "sections": {}})
    assert "## Changes that paid" in page.read_text()
    assert "## Copies" not in page.read_text()
