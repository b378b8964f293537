"""Metadata of very many partitions and tables, between two real metastores."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine.metastore.model import Partition
from tests.services.engine_process import REPOSITORY
from tests.services.hive import Metastore
from tests.system.catalogue_common import Pair, pair_of

PARTITIONS = 100_000
SYNC = """
import json, sys
from airflow_provider_livedata.engine import SyncOptions, open_catalogue, sync_catalogue
from tests.services.engine_process import peak_mib
asked = json.load(sys.stdin)
source, target = (open_catalogue("hive", uris=asked[side]) for side in ("source", "target"))
report = sync_catalogue(source, target, SyncOptions(**asked["options"]), state=asked["state"])
print(json.dumps({**report.summary(), "peak_mib": peak_mib()}))
"""


@pytest.fixture
def pair(metastore: Metastore, other_metastore: Metastore, tmp_path: Path) -> Iterator[Pair]:
    """Two metastores."""
    yield from pair_of(metastore.uri, other_metastore.uri, tmp_path)


def sync(pair: Pair, **options: Any) -> dict[str, Any]:
    """A sync in a process of its own, with its peak of memory."""
    given = {
        "locations": {f"file:{pair.root}/source": f"file:{pair.root}/target"},
        "databases": [f"{pair.database}*"],
        **options,
    }
    asked = {
        "source": pair.source.name,
        "target": pair.target.name,
        "options": given,
        "state": f"file://{pair.root}/state",
    }
    done = subprocess.run(
        [sys.executable, "-c", SYNC], input=json.dumps(asked), capture_output=True, text=True, check=True, cwd=REPOSITORY
    )  # fmt: skip
    return dict(json.loads(done.stdout.strip().rpartition("\n")[2]))


@pytest.mark.soak
def test_a_table_of_very_many_partitions_is_synced_in_bounded_memory(pair: Pair) -> None:
    table = pair.create("many", days=("2000-01-01",))
    for start in range(0, PARTITIONS, 1000):
        made = (
            Partition((f"p{number:06d}",), replace(table.storage, location=f"{table.storage.location}/p{number:06d}"))
            for number in range(start, start + 1000)
        )
        pair.source.add_partitions(table, made)
    first = sync(pair)
    assert first["done"]["added partitions"] == PARTITIONS + 1
    assert first["peak_mib"] < 400
    same = sync(pair, find_by="full")
    assert same["planned"] == {}
    assert same["peak_mib"] < 400
    pair.source.add_partitions(table, [pair.partition(table, f"2024-03-{day:02d}") for day in range(1, 11)])
    few = sync(pair)
    assert few["done"] == {"added partitions": 10}
    assert sum(few["source_calls"].values()) + sum(few["target_calls"].values()) < 40
