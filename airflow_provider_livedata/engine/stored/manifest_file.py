"""Names of the files that a manifest consists of. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One Parquet file of a manifest: its name below ``.livedata``, rows, first key and SHA-256."""

    name: str
    rows: int
    first: str
    digest: str


# The base, then the deltas, each in key order.
Generations = tuple[tuple[ManifestFile, ...], ...]
