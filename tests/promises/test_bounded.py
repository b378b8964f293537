"""Bounded: memory does not grow with the number or size of files. Each run is a process that tells its own peak."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.engine_process import finish, start
from tests.system.conftest import Place

MIB, BUDGET_MIB = 1 << 20, 16
SPREAD_MIB, CLIENTS_MIB = 24, 48  # between runs of one kind; of threads and what they hold beside the budget


@pytest.fixture(scope="module")
def peak_of_few(tmp_path_factory: pytest.TempPathFactory) -> float:
    """MiB that a process takes which plans 20,000 files: more than a page of anything."""
    return _plan(tmp_path_factory.mktemp("few"), 20_000)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path, peak_of_few: float) -> None:
    assert _plan(tmp_path, 100_000) < peak_of_few + SPREAD_MIB


def test_memory_does_not_grow_with_the_size_of_files_nor_with_those_under_way(
    tmp_path: Path, peak_of_few: float
) -> None:
    sizes = [96 * MIB, *[8 * MIB] * 12]
    source = tmp_path / "source"
    source.mkdir()
    for number, size in enumerate(sizes):
        with (source / f"f{number:02d}").open("wb") as file:
            file.truncate(size)  # sparse: it is to be read, not stored
    target = Place(f"file://{tmp_path}/target", {})
    done = finish(start(Place(f"file://{source}", {}), target, memory_mib=BUDGET_MIB, threads=24))
    assert (done["copied_bytes"], done["failed"]) == (sum(sizes), 0)
    assert done["peak_mib"] < peak_of_few + BUDGET_MIB + CLIENTS_MIB


def _plan(folder: Path, files: int) -> float:
    target = Place(f"file://{folder}/target", {})
    done = finish(start(Place(f"many://{files}/warehouse", {}), target, dry_run=True))
    assert (done["planned_files"], done["state"]) == (files, "dry run")
    return float(done["peak_mib"])
