"""Two-way sync with Google Cloud Storage and Azure as a side, each with a disk, S3 and HDFS on the other one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine.errors import ConflictsLeft, SourceEmpty
from airflow_provider_livedata.engine.options import ReplicateOptions
from tests.system.conftest import Contents, Place, hdfs_place, s3_place
from tests.system.hdfs_common import read
from tests.system.test_two_way import delete, sync, write

if TYPE_CHECKING:
    from tests.services.azure import AzureServer
    from tests.services.gs import GsServer
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

PLAIN: Contents = {"a": b"a", "d/b": b"b", "gone/here": b"1", "gone/there": b"2", "names/caf\u00e9 %25+#": b"odd"}


def google(server: GsServer, path: str) -> Place:
    """A prefix of a bucket of its own."""
    return Place(
        f"gs://{server.new_bucket()}/{path}", {"endpoint_url": server.endpoint, "anonymous": True, "retries": 1}
    )


def microsoft(server: AzureServer, path: str) -> Place:
    """A directory of a container of its own."""
    asked = {"endpoint_url": server.endpoint, "account": server.account, "account_key": server.key}
    return Place(f"abfs://{server.new_container()}/{path}", asked)


@pytest.fixture(params=["gs", "abfs"])
def there(request: pytest.FixtureRequest) -> Place:
    """The cloud."""
    if request.param == "gs":
        return google(request.getfixturevalue("gs_server"), "side")
    return microsoft(request.getfixturevalue("azure_server"), "side")


@pytest.fixture(params=["disk", "s3", "hdfs", "another cloud"])
def here(request: pytest.FixtureRequest, there: Place, tmp_path: Path) -> Place:
    """What the cloud is kept in step with."""
    if request.param == "disk":
        return Place(f"file://{tmp_path}/side", {})
    if request.param == "s3":
        server: S3Server | MotoServer = request.getfixturevalue("s3_server")
        return s3_place(server, server.new_bucket("side"), "side")
    if request.param == "hdfs":
        cluster: HdfsCluster = request.getfixturevalue("hdfs_cluster")
        return hdfs_place(cluster, request.getfixturevalue("hdfs_dir"))
    if there.address.startswith("gs"):
        return microsoft(request.getfixturevalue("azure_server"), "other")
    return google(request.getfixturevalue("gs_server"), "other")


def files(place: Place) -> Contents:
    """Files alone: which directories stay when nothing is in them any more is the store's business."""
    return {path: data for path, data in place.contents().items() if data is not None}


def settled(here: Place, there: Place, policy: str = "newest") -> Contents:
    """What both sides hold, which must be the same, and stay so in another sync."""
    found = files(here)
    assert found == files(there)
    report = sync(here, there, policy)
    assert (report.changes, report.conflicts) == (0, 0), report.table()
    assert files(here) == files(there) == found
    return found


def test_a_first_sync_merges_both_sides_and_deletes_nothing(here: Place, there: Place) -> None:
    write(here, PLAIN)
    write(there, {"a": b"a", "from/there": b"there", "large": bytes(range(256)) * 40_000})
    report = sync(here, there)
    assert report.is_first
    assert report.conflicts == 0, report.table()
    assert settled(here, there) == {**PLAIN, "from/there": b"there", "large": bytes(range(256)) * 40_000}


def test_what_either_side_changed_or_deleted_comes_to_the_other(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    write(here, {"a": b"new here", "e/new": b"e"})
    delete(here, "gone/here")
    write(there, {"d/b": b"new there", "f/new": b"f", "names/caf\u00e9 %25+#": b"odd too"})
    delete(there, "gone/there")
    report = sync(here, there)
    assert (report.conflicts, report.failed) == (0, 0), report.table()
    assert settled(here, there) == {
        "a": b"new here", "e/new": b"e", "d/b": b"new there", "f/new": b"f", "names/caf\u00e9 %25+#": b"odd too"
    }  # fmt: skip


def test_of_a_conflict_the_newest_holds_and_the_other_one_is_kept(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    write(here, {"a": b"here"})
    write(there, {"a": b"there, later"})
    report = sync(here, there, "prefer:there")
    assert report.conflicts == 1, report.table()
    kept = report.conflict_list[0].kept_at
    zone = here.open()
    assert read(zone, kept) == b"here"
    zone.close()
    assert settled(here, there)["a"] == b"there, later"
    write(there, {"d/b": b"first"})
    zone = there.open()
    earlier = zone.stat("d/b")
    zone.close()
    write(here, {"d/b": b"second"})
    zone = here.open()
    later = zone.stat("d/b")
    zone.close()
    report = sync(here, there, "newest")
    assert report.conflicts == 1, report.table()
    assert earlier is not None
    assert later is not None
    if earlier.mtime_ms != later.mtime_ms:  # a store that tells seconds cannot say which came first
        assert settled(here, there)["d/b"] == (b"second" if later.mtime_ms > earlier.mtime_ms else b"first")


def test_keep_both_leaves_both_files_on_both_sides(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    write(here, {"d/b": b"here"})
    write(there, {"d/b": b"there"})
    report = sync(here, there, "keep_both")
    beside = report.conflict_list[0].kept_at
    assert ".conflict-" in beside
    found = settled(here, there, "keep_both")
    assert {found["d/b"], found[beside]} == {b"here", b"there"}


def test_a_conflict_that_is_left_to_a_person_changes_neither_file(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    write(here, {"a": b"here", "more": b"1"})
    write(there, {"a": b"there"})
    with pytest.raises(ConflictsLeft):
        sync(here, there, "fail")
    assert (files(here)["a"], files(there)["a"], files(there)["more"]) == (b"here", b"there", b"1")


def test_a_delete_gives_way_to_a_change(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    delete(there, "a")
    write(here, {"a": b"changed"})
    report = sync(here, there)
    assert report.rescued == 1, report.table()
    assert settled(here, there)["a"] == b"changed"


def test_a_side_that_was_emptied_empties_nothing(here: Place, there: Place) -> None:
    write(here, PLAIN)
    sync(here, there)
    delete(there, *PLAIN)
    with pytest.raises(SourceEmpty):
        sync(here, there, how=ReplicateOptions())
    assert files(here) == PLAIN
