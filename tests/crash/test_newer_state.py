"""State that a newer version wrote is refused, never guessed at: the error says what to do, and nothing is changed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from airflow_provider_livedata.engine import (
    ReplicateOptions,
    RetentionPolicy,
    backup,
    catalogue,
    fail_back,
    fail_over,
    hold,
    lag,
    proofs,
    release,
    replicate,
    restore,
    restore_drill,
    retain,
    stop_live,
    verify,
    verify_backup,
)
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import Like, MemoryZone
from tests.crash.conftest import Pair, contents
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_earlier_state import STATES, zone
from tests.services.stores import load

NEWER = "a newer version .* nothing was changed"
KINDS: dict[str, Like] = {
    "unfinished-source": "hdfs", "unfinished-target": "files", "committed-source": "hdfs", "committed-target": "objects",
    "switched-source": "hdfs", "switched-target": "files", "backups-source": "hdfs", "backups-place": "objects", "backups-back": "files",
}  # fmt: skip


@pytest.fixture(params=sorted(one.name for one in STATES.iterdir())[-1:])
def states(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The newest states that are kept, laid into memory."""
    folder, names = STATES / request.param, list[str]()
    for file in folder.iterdir():
        names += load(file)
    yield folder
    for name in names:
        memory.forget(name)


def at(name: str) -> MemoryZone:
    return zone(name, KINDS[name])


def again(name: str) -> Callable[[], object]:
    return lambda: replicate(at(f"{name}-source"), at(f"{name}-target"), ReplicateOptions(), lease_times=IMPATIENT)


def back() -> object:
    return fail_back(at("switched-target"), at("switched-source"), lease_times=IMPATIENT)


READERS: list[tuple[str, str, Callable[[], object]]] = [
    ("unfinished-target", "checkpoint/*3.json", again("unfinished")),
    ("unfinished-target", "lease/*.json", again("unfinished")),
    ("unfinished-target", "runs/*4/plan/plan.json", again("unfinished")),
    ("unfinished-target", "runs/*4/plan/write*.parquet", again("unfinished")),
    ("unfinished-target", "runs/*4/journal/*.parquet", again("unfinished")),
    ("unfinished-target", "runs/*4/intent.json", lambda: lag(at("unfinished-target"))),
    ("committed-target", "runs/*4/commit.json", again("committed")),
    ("committed-target", "runs/*4/staged/*.parquet", again("committed")),
    ("switched-target", "role/*.json", again("switched")),
    ("switched-source", "role/*.json", back),
    ("switched-target", "verify/*.json", lambda: proofs(at("switched-target"))),
    ("backups-back", "restores/*/intent.json", lambda: restore(at("backups-place"), "latest", at("backups-back"), lease_times=IMPATIENT)),
]  # fmt: skip


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(("name", "file", "read"), READERS, ids=[f"{name} {file}" for name, file, _ in READERS])
def test_what_a_newer_version_wrote_is_refused_and_nothing_is_changed(
    name: str, file: str, read: Callable[[], object]
) -> None:
    make_newer(name, file)
    before = {one: contents(at(one)) for one in KINDS}
    with pytest.raises(StateDamaged, match=NEWER):
        read()
    assert {one: contents(at(one)) for one in KINDS} == before


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize("file", ["complete.json", "held-*.json", "verified.json", "intent.json"])
def test_a_backup_that_a_newer_version_made_is_shown_as_damaged_and_why(file: str) -> None:
    make_newer("backups-place", f"backups/*/{file}")
    told = [one for one in catalogue(at("backups-place")).backups if one.state == "damaged"]
    assert told
    assert all("a newer version" in one.why for one in told)


def test_every_json_file_that_is_written_has_its_format(make_pair: Callable[[str, str], Pair]) -> None:
    pair, backups, back = make_pair("hdfs", "hdfs"), make_pair("hdfs", "objects"), make_pair("hdfs", "files").target
    pair.put({"a": b"1"})
    replicate(pair.source, pair.target)
    pair.put({"a": b"2"})
    replicate(pair.source, pair.target, ReplicateOptions(consistency="snapshot"))
    replicate(pair.source, pair.target, ReplicateOptions(dry_run=True))
    verify(pair.source, pair.target)
    stop_live(pair.target)
    fail_over(pair.source, pair.target)
    pair.put({"late": b"late"})
    fail_back(pair.target, pair.source)
    backups.put({"a": b"1"})
    for name in [backup(backups.source, backups.target).name for _ in range(2)]:
        verify_backup(backups.target, name)
        release(backups.target, name, hold(backups.target, name, "a test", by="me"))
    hold(backups.target, name, "a test", by="me")
    retain(backups.target, RetentionPolicy(keep_last=1))
    restore(backups.target, "latest", back)
    restore_drill(backups.target, scratch=back)
    found = {f"{zone.address}/{name}": form for zone in (pair.source, pair.target, backups.target, back) for name, form in formats(zone)}  # fmt: skip
    assert {name.rpartition("/")[2].partition("-")[0].removesuffix(".json") for name in found} >= {
        "plan", "intent", "commit", "report", "complete", "verified", "held", "retention",
    }  # fmt: skip
    assert {name: form for name, form in found.items() if form != 1} == {}


def formats(zone: MemoryZone) -> Iterator[tuple[str, object]]:
    state = StateFolder(zone)
    for name in (entry.path for entry in state.files("")):
        if name.endswith(".json"):
            yield name, json.loads(state.read(name) or b"{}").get("format")
        elif name.endswith(".jsonl"):
            yield from ((name, json.loads(line).get("format")) for line in (state.read(name) or b"").splitlines())


def make_newer(name: str, file: str) -> None:
    """Let files say that they have a format which is not there yet."""
    state, changed = StateFolder(at(name)), 0
    for path in [entry.path for entry in state.files("") if fnmatch(entry.path, file)]:
        data = state.read(path) or b""
        state.write(path, newer_table(data) if path.endswith(".parquet") else newer_json(data))
        changed += 1
    assert changed


def newer_json(data: bytes) -> bytes:
    return json.dumps({**json.loads(data), "format": 2}).encode()


def newer_table(data: bytes) -> bytes:
    table, sink = pq.read_table(io.BytesIO(data)), io.BytesIO()
    about = {**table.schema.metadata, b"livedata.format": b"2"}
    pq.write_table(table.replace_schema_metadata(about), sink)
    return sink.getvalue()
