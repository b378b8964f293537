"""Random trees: what was put is what is listed and read."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.deciding.refusal import unholdable
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.strategies import Tree, trees
from airflow_provider_livedata.testing.suite.common import keys, put, read, read_all, upload_whole

_fresh = itertools.count()
_on_a_zone = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


class Trees:
    """Properties; each example has a directory of its own below the zone's root."""

    @_on_a_zone
    @given(tree=trees(), in_parts=st.booleans())
    def test_a_tree_that_was_put_is_listed_in_order_and_read_back(
        self, zone: Zone, tree: Tree, *, in_parts: bool
    ) -> None:
        top, tree = f"tree-{next(_fresh)}", held_by(zone, tree)
        write(zone, top, tree, in_parts=in_parts)
        assert keys(zone, top) == sorted(
            f"{top}/{path}/" if data is None else f"{top}/{path}" for path, data in tree.items()
        )
        for path, data in tree.items():
            if data is not None:
                assert read_all(zone, f"{top}/{path}") == data

    @_on_a_zone
    @given(tree=trees())
    def test_a_tree_deleted_in_reverse_order_is_gone(self, zone: Zone, tree: Tree) -> None:
        top, tree = f"tree-{next(_fresh)}", held_by(zone, tree)
        write(zone, top, tree)
        entries = sorted(zone.scan(top), key=lambda entry: entry.key, reverse=True)
        assert zone.delete(entries) == []
        assert keys(zone, top) == []

    @_on_a_zone
    @given(data=st.binary(max_size=300), offset=st.integers(0, 400), size=st.integers(0, 400))
    def test_any_range_of_a_file_is_what_was_put_there(self, zone: Zone, data: bytes, offset: int, size: int) -> None:
        put(zone, "f", data)
        assert read(zone, "f", offset, size) == data[offset : offset + size]


def held_by(zone: Zone, tree: Tree) -> Tree:
    """What of a tree has names that the zone's store can hold."""
    return {path: data for path, data in tree.items() if not unholdable(path, path, zone.facts)}


def write(zone: Zone, top: str, tree: Tree, *, in_parts: bool = False) -> None:
    """Write a tree below the directory ``top``."""
    for path, data in tree.items():
        if data is None:
            zone.make_directory(f"{top}/{path}")
        elif in_parts and not (zone.facts.puts_publish and not data):
            upload_whole(zone, f"{top}/{path}", data)
        else:
            put(zone, f"{top}/{path}", data)
