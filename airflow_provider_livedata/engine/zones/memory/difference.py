"""What changed between two frozen memory stores, told as HDFS tells it: below a moved directory by its old path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from airflow_provider_livedata.engine.model import Change
from airflow_provider_livedata.engine.zones.memory.store import Node


class _Place(NamedTuple):
    path: str
    parent: int  # inode of the directory that it lies in; 0 is the root
    node: Node

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def changes(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    """Yield the changes from ``old`` to ``new``, both by key relative to the location."""
    before, after = _places(old), _places(new)
    for inode, was in before.items():
        now = after.get(inode)
        if now is None:
            if was.parent in after or not was.parent:
                yield Change("delete", was.path)
        elif (now.parent, now.name) != (was.parent, was.name):
            yield Change("rename", was.path, now.path)
    for inode, now in after.items():
        if inode not in before and (now.parent in before or not now.parent):
            above = before[now.parent].path + "/" if now.parent else ""
            yield Change("create", above + now.name)
    yield from _modified(before, after)


def _modified(before: Mapping[int, _Place], after: Mapping[int, _Place]) -> Iterator[Change]:
    for inode, was in before.items():
        now = after.get(inode)
        if now is not None and (now.node != was.node or _children(before, inode) != _children(after, inode)):
            yield Change("modify", was.path)


def _places(nodes: Mapping[str, Node]) -> dict[int, _Place]:
    found: dict[int, _Place] = {}
    for key, node in nodes.items():
        path = key.rstrip("/")
        above = nodes.get(f"{path.rpartition('/')[0]}/")
        found[node.inode] = _Place(path, above.inode if above is not None else 0, node)
    return found


def _children(places: Mapping[int, _Place], inode: int) -> set[tuple[str, int]]:
    return {(place.name, number) for number, place in places.items() if place.parent == inode}
