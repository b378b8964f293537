"""From the second sync on: by the notification log, at a cost that follows the changes, and never ahead of the data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import replicate
from airflow_provider_livedata.engine.errors import BadOption, ChangesLost
from airflow_provider_livedata.engine.metastore.model import Column, Constraint
from airflow_provider_livedata.engine.zones.registry import open_zone
from tests.services.hive import Metastore
from tests.system.catalogue_common import ID, NAME, Pair, again, pair_of

DAYS = tuple(f"2024-01-{number:02d}" for number in range(1, 29))


@pytest.fixture
def pair(metastore: Metastore, other_metastore: Metastore, tmp_path: Path) -> Iterator[Pair]:
    """Two metastores, with nothing synced yet."""
    yield from pair_of(metastore.uri, other_metastore.uri, tmp_path)


def stored(pair: Pair) -> dict[str, Any]:
    return dict(json.loads((pair.root / "state/.livedata/metastore/state.json").read_text()))


def store(pair: Pair, **changes: Any) -> None:
    (pair.root / "state/.livedata/metastore/state.json").write_text(json.dumps({**stored(pair), **changes}))


def test_ten_changes_cost_calls_in_the_order_of_ten_however_much_there_is(pair: Pair) -> None:
    tables = [pair.create(f"t{number}", days=DAYS) for number in range(12)]
    pair.sync()
    for table in tables[:5]:
        pair.source.add_partitions(table, [pair.partition(table, "2024-02-01")])
        found = pair.found(table.name, at="source")
        assert found is not None
        pair.source.alter_table(replace(found, storage=replace(found.storage, columns=(ID, NAME, Column("n", "int")))))
    few = pair.sync(details="changed", compare_every_h=0)
    assert few.found_by == "10 events of the source's log"
    assert few.done == {"altered tables": 5, "added partitions": 5}
    for table in tables[6:]:
        pair.source.add_partitions(table, [pair.partition(table, day) for day in ("2024-02-01", "2024-02-02")])
    by_partition = pair.sync()
    assert by_partition.done == {"added partitions": 12}
    assert by_partition.compared["partitions"] == 12  # not those that were there
    calls = sum(by_partition.source_calls.values()) + sum(by_partition.target_calls.values())
    assert calls <= 10 * 6  # six tables


def test_altering_ten_tables_costs_a_call_each_and_constraints_are_asked_for_where_the_log_names_them(
    pair: Pair,
) -> None:
    tables = [pair.create(f"t{number}") for number in range(10)]
    pair.sync()
    for table in tables:
        pair.source.alter_table(replace(table, parameters={**table.parameters, "new": "1"}))
    altered = pair.sync()
    assert altered.done == {"altered tables": 10}
    assert "get_primary_keys" not in {**altered.source_calls, **altered.target_calls}
    assert sum(altered.source_calls.values()) + sum(altered.target_calls.values()) < 10 + 10
    pair.source.add_constraints(tables[3], [Constraint("primary key", f"pk_{pair.database}", ("id",))])
    assert pair.sync().done == {"constraints set": 1}
    assert pair.target.constraints(tables[3]) == pair.source.constraints(tables[3])
    pair.source.drop_constraint(tables[3], f"pk_{pair.database}")
    pair.sync()
    assert pair.target.constraints(tables[3]) == []


def test_comparing_everything_takes_a_call_a_hundred_tables_on_either_side_besides_the_listing(pair: Pair) -> None:
    for number in range(250):
        pair.create(f"t{number}")
    pair.sync()
    report = pair.sync(find_by="full")
    assert report.planned == {}
    for calls in (report.source_calls, report.target_calls):
        assert calls["get_table_objects_by_name_req"] == 3
        assert set(calls) <= {
            "get_table_objects_by_name_req", "set_ugi", "get_all_databases", "get_database", "get_all_tables", "get_all_functions",
            "get_current_notificationEventId",
        }  # fmt: skip
        assert sum(calls.values()) <= 8


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"position": 10**9}, "begun anew"),
        ({"options": "others"}, "options"),
        ({"source": "thrift://another:9083"}, "other ones"),
        ({"position": -1}, "tells no changes"),
        ({"compared_ms": 0}, "it is due"),
    ],
)
def test_where_the_log_cannot_be_gone_by_everything_is_compared_and_the_report_says_why(
    pair: Pair, change: dict[str, Any], why: str
) -> None:
    pair.create("plain")
    pair.sync()
    pair.create("second")
    store(pair, **change)
    report = pair.sync()
    assert report.found_by.startswith("comparing everything: ")
    assert why in report.found_by
    assert report.done == {"created tables": 1}
    assert stored(pair)["position"] == pair.source.position()


def test_a_log_that_was_purged_leads_to_a_full_comparison(pair: Pair, tmp_path: Path) -> None:
    briefly = {"metastore.event.db.listener.timetolive": "1s", "hive.metastore.event.db.listener.timetolive": "1s"}
    with Metastore(properties=briefly) as forgetful:
        for one in pair_of(forgetful.uri, pair.target.name, tmp_path / "purged"):
            one.create("plain")
            one.sync()
            one.create("second")
            position = one.source.position()
            _purge(forgetful)
            with closing(again(one.source)) as source, pytest.raises(ChangesLost):
                list(source.changes(stored(one)["position"], position))
            report = one.sync()
            assert "purged" in report.found_by
            assert report.done == {"created tables": 1}
            assert one.sync().found_by == "0 events of the source's log"


def test_only_what_the_checkpoint_of_the_data_holds_is_registered(pair: Pair) -> None:
    source, target = f"file://{pair.root}/source", f"file://{pair.root}/target"
    data: dict[str, Any] = {"after_data": True, "data": {f"file:{pair.root}/source": target}}
    pair.create("plain")
    by_day = pair.create("by_day", days=DAYS[:2])
    with pytest.raises(BadOption, match="replications"):
        pair.sync(after_data=True)
    assert pair.sync(**data).waiting == [
        f"{pair.database}.{name}: its data have not arrived" for name in ("by_day", "plain")
    ]
    replicate(open_zone(source), open_zone(target))
    pair.create("late")
    pair.source.add_partitions(by_day, [pair.partition(by_day, DAYS[2])])
    report = pair.sync(**data)
    assert report.done == {"created tables": 2, "added partitions": 2}
    assert report.waiting == [
        f"{pair.database}.by_day/day={DAYS[2]}: its data have not arrived",
        f"{pair.database}.late: its data have not arrived",
    ]
    registered = [pair.found("plain"), *pair.partitions("by_day").values()]
    places = [one.storage.location.removeprefix("file:") for one in registered if one and one.storage.location]
    assert len(places) == 3
    assert all((Path(place) / "000000_0").is_file() for place in places)
    replicate(open_zone(source), open_zone(target))
    assert pair.sync(**data).done == {
        "created tables": 1,
        "added partitions": 1,
    }  # though the log says nothing of them any more
    assert pair.sync(**data).planned == {}


def test_what_changed_after_an_event_waits_for_the_next_sync(pair: Pair) -> None:
    pair.create("plain")
    by_day = pair.create("by_day", days=DAYS[:2])
    before = pair.source.position()
    pair.create("late")
    pair.source.add_partitions(by_day, [pair.partition(by_day, DAYS[2])])
    report = pair.sync(up_to=before)
    assert report.done == {"created databases": 1, "created tables": 2, "added partitions": 2}
    assert len(report.waiting) == 2
    assert stored(pair)["position"] == before
    assert pair.sync().done == {"created tables": 1, "added partitions": 1}


def test_drops_are_followed_by_the_log_a_dropped_database_too(pair: Pair) -> None:
    by_day = pair.create("by_day", days=DAYS[:3])
    plain = pair.create("plain")
    pair.sync()
    pair.source.drop_partitions(by_day, [f"day={DAYS[0]}"])
    assert pair.sync().done == {"dropped partitions": 1}
    pair.source.drop_table(plain)
    assert pair.sync().done == {"dropped tables": 1}
    pair.source._client.call("drop_database", pair.database, False, True)  # with CASCADE
    assert pair.sync(max_delete_ratio=1).done == {"dropped databases": 1, "dropped tables": 1}


def _purge(server: Metastore) -> None:
    """Have the server forget its events: its cleaner runs when it starts."""
    from tests.services.processes import wait_until

    server.kill()
    server.start()
    from airflow_provider_livedata.engine import open_catalogue

    def is_empty() -> bool:
        catalogue = open_catalogue("hive", uris=server.uri)
        try:
            from hive_metastore import ttypes

            return not catalogue._client.call("get_next_notification", ttypes.NotificationEventRequest(0)).events  # type: ignore[attr-defined]
        finally:
            catalogue.close()

    wait_until(is_empty, what="an empty log", seconds=90)
