"""A sync of Hive metadata beside a plain loop: the first run, and one after a few tables have changed, between two real metastores.

The loop is what is written by hand with a client of the metastore: each object is read, given its new place, and written, by a call of its own.
It uses the Thrift bindings that ours uses: hmsclient, which the hive provider's hook brings, has not the calls that a metastore 4 left.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from airflow_provider_livedata.engine import SyncOptions, open_catalogue, sync_catalogue
from airflow_provider_livedata.engine.metastore.hive_client import HiveAccess, HiveClient
from airflow_provider_livedata.engine.metastore.model import Column, Database, Partition, Serde, Storage, Table
from benchmarks.results import say
from benchmarks.shapes import Size
from benchmarks.site import Site
from tests.services.hive import Metastore
from tests.services.scratch import Scratch

DATABASE = "bench"
CHANGED = 10
_STORAGE = Storage(
    tuple(Column(f"c{number}", "bigint") for number in range(20)), "", "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat", Serde("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
)  # fmt: skip


def measure(_site: Site, size: Size, _chosen: frozenset[str]) -> dict[str, Any]:
    """{"tables": 1000, "partitions": 10000, "changed": 10, "runs": {"first": {"ours": [...], "loop": [...]}, "changed": ...}, "calls": ...}."""
    found: dict[str, Any] = {
        "tables": size.metadata_tables, "partitions": size.metadata_partitions, "changed": min(CHANGED, size.metadata_tables),
        "runs": {"first": {"ours": [], "loop": []}, "changed": {"ours": [], "loop": []}}, "calls": {},
    }  # fmt: skip
    with Metastore() as source, ExitStack() as stack:
        scratch = Scratch("bench-metadata")
        stack.callback(scratch.remove)
        root = f"file:{scratch.path}"
        tables = list(_fill(source.uri, root, size))
        for number in range(size.few_rounds):
            for name in ("ours", "loop") if number % 2 else ("loop", "ours"):
                _round(source.uri, root, f"{scratch.path}/{name}{number}", tables, name, found)
    return found


def _round(source: str, root: str, state: str, tables: list[Table], name: str, found: dict[str, Any]) -> None:
    with Metastore() as target:
        contender = {"ours": _ours, "loop": _loop}[name](source, target.uri, root, state)
        for what in ("first", "changed"):
            if what == "changed":
                _change(source, tables[: found["changed"]])
            began, cpu = time.monotonic(), time.process_time()
            calls = contender()
            taken = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu}
            found["runs"][what][name].append(taken)
            found["calls"].setdefault(what, {})[name] = calls
            say(f"metadata, {what} run: {name} {taken['wall_s']:.2f} s, {calls:,} calls")


def _fill(uri: str, root: str, size: Size) -> Iterator[Table]:
    with closing(open_catalogue("hive", uris=uri)) as source:
        source.create_database(Database(DATABASE, location=f"{root}/source/{DATABASE}"))
        many = max(1, size.metadata_tables // 100)  # of the tables have partitions, and share them
        each = size.metadata_partitions // many
        for number in range(size.metadata_tables):
            place = f"{root}/source/{DATABASE}/t{number}"
            by = (Column("n", "string"),) if number < many else ()
            table = Table(
                DATABASE, f"t{number:05d}", "external", replace(_STORAGE, location=place), by, {"EXTERNAL": "TRUE"}
            )
            source.create_table(table)
            for start in range(0, each if by else 0, 1000):
                made = range(start, min(start + 1000, each))
                source.add_partitions(
                    table, [Partition((f"{one}",), replace(_STORAGE, location=f"{place}/n={one}")) for one in made]
                )
            yield table


def _change(uri: str, tables: list[Table]) -> None:
    with closing(open_catalogue("hive", uris=uri)) as source:
        for table in tables:
            source.alter_table(replace(table, parameters={**table.parameters, "changed": os.urandom(4).hex()}))


def _ours(source: str, target: str, root: str, state: str) -> Callable[[], int]:
    options = SyncOptions(locations={f"{root}/source": f"{root}/target"}, databases=(DATABASE,))

    def run() -> int:
        with ExitStack() as stack:
            one, other = (stack.enter_context(closing(open_catalogue("hive", uris=uri))) for uri in (source, target))
            report = sync_catalogue(one, other, options, state=f"file://{state}")
        return sum(report.source_calls.values()) + sum(report.target_calls.values())

    return run


def _loop(source: str, target: str, root: str, _state: str) -> Callable[[], int]:
    def run() -> int:
        one, other = (HiveClient(HiveAccess((uri,))) for uri in (source, target))
        with closing(one), closing(other):
            _copy_all(one, other, lambda place: place.replace(f"{root}/source", f"{root}/target"))
            return sum((one.calls + other.calls).values())

    return run


def _copy_all(source: HiveClient, target: HiveClient, moved: Callable[[str], str]) -> None:
    if DATABASE not in target.call("get_all_databases"):
        database = source.call("get_database", DATABASE)
        database.locationUri = moved(database.locationUri)
        target.call("create_database", database)
    there = set(target.call("get_all_tables", DATABASE))
    for name in source.call("get_all_tables", DATABASE):
        table = source.call("get_table", DATABASE, name)
        table.sd.location = moved(table.sd.location)
        if name not in there:
            target.call("create_table", table)
        elif target.call("get_table", DATABASE, name).parameters.get("changed") != table.parameters.get("changed"):
            target.call("alter_table", DATABASE, name, table)
        if table.partitionKeys:
            _copy_partitions(source, target, name, moved)


def _copy_partitions(source: HiveClient, target: HiveClient, table: str, moved: Callable[[str], str]) -> None:
    there = set(target.call("get_partition_names", DATABASE, table, -1))
    for name in source.call("get_partition_names", DATABASE, table, -1):
        if name not in there:
            partition = source.call("get_partition_by_name", DATABASE, table, name)
            partition.sd.location = moved(partition.sd.location)
            target.call("add_partition", partition)
