"""Fixtures of all tiers: the real servers, each started once a run and only when a test asks for it."""

from __future__ import annotations

import atexit
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.services.airflow_home import AirflowHome
from tests.services.isolation import isolate
from tests.services.scratch import Scratch

if TYPE_CHECKING:
    from tests.services.azure import AzureServer
    from tests.services.gs import GsServer
    from tests.services.hdfs import HdfsCluster
    from tests.services.hive import Metastore
    from tests.services.proxy import FaultyProxy
    from tests.services.s3 import MotoServer, S3Server

pytest.register_assert_rewrite("tests.system.catalogue_common", "tests.system.cycles_common")
TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
TIERS = {  # by directory, in the order in which they run: the quick ones first
    "unit": "unit",
    "golden": "unit",
    "zones": "zones",
    "crash": "crash",
    "promises": "promises",
    "airflow": "airflow",
    "system": "system",
    "soak": "soak",
}
_NAMES = itertools.count()

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
isolate(os.environ)
_SCRATCH = Scratch("airflow")
_AIRFLOW = AirflowHome(_SCRATCH.path).adopt()  # here: before any test module imports Airflow
atexit.register(_SCRATCH.remove)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker of its directory, and put the quick tiers first."""
    for item in items:
        if _tier(item):
            item.add_marker(TIERS[_tier(item)])
    order = list(TIERS)
    items.sort(key=lambda item: order.index(_tier(item)) if _tier(item) else -1)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of unit tests alone that imported Airflow: the engine must do without."""
    only_unit = session.items and all(item.get_closest_marker("unit") for item in session.items)
    if only_unit and "airflow" in sys.modules:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write("\nThe unit tests imported Airflow; they must run without it.\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of ``make golden``."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)`` asserts that ``text`` is what the file ``tests/golden/<name>`` holds."""

    def compare(name: str, text: str) -> None:
        file = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"differs from {file}; if it is right: make golden"

    return compare


@pytest.fixture(scope="session")
def hdfs_cluster() -> Iterator[HdfsCluster]:
    """A running HDFS with two DataNodes, as Hadoop ships: snapshots do not freeze open files."""
    from tests.services.hadoop_conf import HURRIED
    from tests.services.hdfs import HdfsCluster

    with HdfsCluster(properties=HURRIED) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def hdfs_cluster_freezing() -> Iterator[HdfsCluster]:
    """A second HDFS, whose snapshots freeze open files (dfs.namenode.snapshot.capture.openfiles=true)."""
    from tests.services.hadoop_conf import HURRIED
    from tests.services.hdfs import HdfsCluster

    with HdfsCluster(capture_open_files=True, properties=HURRIED) as cluster:
        yield cluster


@pytest.fixture
def hdfs_dir(hdfs_cluster: HdfsCluster, request: pytest.FixtureRequest) -> str:
    """The path of a fresh directory on the cluster; snapshots are not allowed on it yet."""
    path = f"/tests/{_name(request)}"
    hdfs_cluster.mkdirs(path)
    return path


@pytest.fixture(scope="session")
def metastore() -> Iterator[Metastore]:
    """A running Hive Metastore 3.1, the source of syncs."""
    from tests.services.hive import Metastore

    with Metastore() as server:
        yield server


@pytest.fixture(scope="session")
def other_metastore() -> Iterator[Metastore]:
    """A second one, their target."""
    from tests.services.hive import Metastore

    with Metastore() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server | MotoServer]:
    """A running S3 server: versitygw, or moto where that can't be had (an error in CI)."""
    from tests.services.fetch import CannotFetch, versitygw
    from tests.services.s3 import MotoServer, S3Server

    kind: type[S3Server] | type[MotoServer] = S3Server
    try:
        versitygw()
    except CannotFetch:
        if in_ci():
            raise
        kind = MotoServer
    with kind() as server:
        yield server


@pytest.fixture
def s3_integrity(s3_server: S3Server | MotoServer) -> S3Server:
    """The S3 server, for tests that need one which refuses wrong checksums and wrong keys."""
    from tests.services.s3 import S3Server

    if not isinstance(s3_server, S3Server):
        pytest.skip(
            "no versitygw on this machine: moto accepts wrong checksums and any keys, so it proves nothing here"
        )
    return s3_server


@pytest.fixture
def bucket(s3_server: S3Server | MotoServer) -> str:
    """The name of a fresh bucket on ``s3_server``."""
    return s3_server.new_bucket("test")


@pytest.fixture
def s3_proxy(s3_server: S3Server | MotoServer) -> Iterator[FaultyProxy]:
    """A proxy in front of ``s3_server``, transparent until a test asks for faults."""
    from tests.services.proxy import FaultyProxy

    with FaultyProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def gs_server() -> Iterator[GsServer]:
    """A running server that speaks as Google Cloud Storage does."""
    from tests.services.fetch import fake_gcs_server
    from tests.services.gs import GsServer

    _fetched(fake_gcs_server, "fake-gcs-server")
    with GsServer() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    """A running server that speaks as Azure Blob Storage does."""
    from tests.services.azure import AzureServer
    from tests.services.fetch import azurite

    _fetched(azurite, "Azurite")
    with AzureServer() as server:
        yield server


@pytest.fixture(scope="session")
def airflow_home() -> AirflowHome:
    """A throw-away Airflow with a migrated SQLite; this process uses it as well, for ``dag.test()``."""
    return _AIRFLOW.place_database()


def _fetched(fetch: Callable[[], Path], what: str) -> None:
    from tests.services.fetch import CannotFetch

    try:
        fetch()
    except CannotFetch as error:
        pytest.skip(f"no {what} on this machine: {error}")


def in_ci() -> bool:
    """Say whether this run may not replace or skip what it lacks."""
    return os.environ.get("CI", "").lower() == "true"


def _tier(item: pytest.Item) -> str:
    inside = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return inside if inside in TIERS else ""


def _name(request: pytest.FixtureRequest) -> str:
    return f"{next(_NAMES)}-{re.sub(r'[^A-Za-z0-9]+', '-', request.node.name)[:60].strip('-')}"
