"""What memory zones hold, as a zip file and back: states of earlier versions are kept so, with versions and snapshots as they were.

<store>.json        nodes by key, uploads that are open, snapshots
blobs/<sha256>      bytes of files, each once
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from itertools import count
from pathlib import Path
from typing import Any

from airflow_provider_livedata.engine.model import Attributes, Checksum, Part, Snapshot
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.store import MemoryStore, Node, Pending

FRESH = 100_000  # versions and inodes that are given from now on were never given before
_DATE = (2026, 1, 1, 0, 0, 0)


def save(path: Path, *names: str) -> None:
    """Write the stores of these names into one zip file."""
    blobs: dict[str, bytes] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            text = json.dumps(_of_store(memory._stores[name], blobs), indent=1, sort_keys=True)
            archive.writestr(zipfile.ZipInfo(f"{name}.json", _DATE), text, zipfile.ZIP_DEFLATED)
        for digest, data in sorted(blobs.items()):
            archive.writestr(zipfile.ZipInfo(f"blobs/{digest}", _DATE), data, zipfile.ZIP_DEFLATED)


def load(path: Path) -> list[str]:
    """Let memory zones hold what a zip file does; the names of the stores, to be forgotten in the end."""
    with zipfile.ZipFile(path) as archive:
        blobs = {name.removeprefix("blobs/"): archive.read(name) for name in archive.namelist() if "/" in name}
        names = [name.removesuffix(".json") for name in archive.namelist() if "/" not in name]
        for name in names:
            memory._stores[name] = _to_store(json.loads(archive.read(f"{name}.json")), blobs)
    return names


def _of_store(store: MemoryStore, blobs: dict[str, bytes]) -> dict[str, Any]:
    return {
        "has_directories": store.has_directories,
        "nodes": {key: _of_node(node, blobs) for key, node in store.nodes().items()},
        "uploads": {token: _of_upload(upload, blobs) for token, upload in store.uploads.items()},
        "snapshots": {
            root: [[*_fields(snapshot), _of_store(frozen, blobs)] for snapshot, frozen in taken]
            for root, taken in store.snapshots.items()
        },
    }


def _to_store(value: dict[str, Any], blobs: dict[str, bytes], *, is_frozen: bool = False) -> MemoryStore:
    nodes = {key: _to_node(node, blobs) for key, node in value["nodes"].items()}
    store = MemoryStore(has_directories=value["has_directories"], nodes=nodes, is_frozen=is_frozen)
    store.uploads = {token: _to_upload(upload, blobs) for token, upload in value["uploads"].items()}
    store.snapshots = {
        root: [(Snapshot(*told), _to_store(frozen, blobs, is_frozen=True)) for *told, frozen in taken]
        for root, taken in value["snapshots"].items()
    }
    store._versions, store._inodes = count(FRESH), count(FRESH)
    return store


def _fields(snapshot: Snapshot) -> list[Any]:
    return [snapshot.name, snapshot.root, snapshot.taken_ms]


def _of_node(node: Node, blobs: dict[str, bytes]) -> list[Any]:
    data = None if node.data is None else _blob(node.data, blobs)
    return [data, node.version, node.written_ms, _of_attributes(node.attributes), node.is_implied, node.inode]


def _to_node(value: list[Any], blobs: dict[str, bytes]) -> Node:
    data, version, written_ms, attributes, is_implied, inode = value
    return Node(None if data is None else blobs[data], version, written_ms, Attributes(**attributes), is_implied, inode)


def _of_upload(upload: Pending, blobs: dict[str, bytes]) -> list[Any]:
    parts = [
        [part.index, part.receipt, part.size_bytes, *part.checksum, _blob(data, blobs)]
        for part, data in upload.parts.values()
    ]
    return [upload.path, upload.size_bytes, _of_attributes(upload.attributes), upload.begun_ms, parts, upload.version]


def _to_upload(value: list[Any], blobs: dict[str, bytes]) -> Pending:
    path, size_bytes, attributes, begun_ms, parts, version = value
    told = {
        index: (Part(index, receipt, size, Checksum(*sums)), blobs[blob]) for index, receipt, size, *sums, blob in parts
    }
    return Pending(path, size_bytes, Attributes(**attributes), begun_ms, told, version)


def _of_attributes(attributes: Attributes) -> dict[str, Any]:
    assert not attributes.xattrs, "bytes are not JSON"
    return {name: value for name, value in attributes._asdict().items() if value not in (None, "", ())}


def _blob(data: bytes, blobs: dict[str, bytes]) -> str:
    digest = hashlib.sha256(data).hexdigest()[:16]
    blobs[digest] = data
    return digest
