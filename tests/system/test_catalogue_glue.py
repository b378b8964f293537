"""Syncs from a real Hive Metastore to Glue. Glue is moto, a stand-in of AWS: see tests/services/glue.py for what it does not show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from tests.services.glue import GlueRequests, glue_on
from tests.services.hive import Metastore
from tests.services.s3 import MotoServer
from tests.system.catalogue_common import ID, NAME, Pair, pair_of


@dataclass
class GluePair(Pair):
    """A pair whose target is Glue; ``requests``: those of the sync at hand."""

    server: MotoServer = field(kw_only=True)
    requests: GlueRequests = field(kw_only=True)

    def sync(self, **more: Any) -> CatalogueReport:
        """A sync, with clients of its own."""
        target, self.requests = glue_on(self.server)
        return super().sync(**{"target": target, **more})


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    """A server of moto."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def pair(metastore: Metastore, moto: MotoServer, tmp_path: Path) -> Iterator[GluePair]:
    """Hive 3.1 and Glue."""
    for made in pair_of(metastore.uri, metastore.uri, tmp_path):
        made.target.close()
        target, requests = glue_on(moto)
        yield GluePair(made.source, target, made.root, made.database, server=moto, requests=requests)
        target.close()


def test_a_table_arrives_in_glue_as_an_external_one_that_points_at_the_target(pair: GluePair) -> None:
    pair.create("plain")
    report = pair.sync()
    assert report.done == {"created databases": 1, "created tables": 1}
    found = pair.found("plain")
    assert found is not None
    assert (found.kind, found.storage.location) == ("external", f"file:{pair.here}/plain")
    assert (found.storage.columns, found.owner and found.owner.name) == ((ID, NAME), "ann")
    assert found.parameters["livedata.source.kind"] == "managed"
    again = pair.sync(find_by="full")
    assert again.planned == {}
    assert pair.requests.changes() == {}
