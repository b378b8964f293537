"""A follower of the old home becomes one of the new home: its manifest is written from those of both. Pure.

old home at version v -> new home has it as w, the follower as f      the follower's f is the new home's w, so nothing is copied
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_provider_livedata.engine.model import Held

UNKNOWN = "of a home before"  # no store gives such a version: what has it is copied again


def rejoined(follower: Iterable[Held], home: Iterable[Held]) -> Iterator[Held]:
    """The follower's rows with versions of the new home.

    Args:
        follower: Its manifest as a copy of the old home, in key order.
        home: The manifest of the new home as a copy of the old one, in key order.

    Returns:
        A row a key of the follower. Where both were made of one version of a file, its version is the new home's; any other file
        is to be copied again, and none is anybody else's.
    """
    others = iter(home)
    other = next(others, None)
    for held in follower:
        while other is not None and other.key < held.key:
            other = next(others, None)
        yield _row(held, other if other is not None and other.key == held.key else None)


def _row(held: Held, other: Held | None) -> Held:
    if held.entry.kind == "directory":
        return held
    version = other.target_version if other is not None and _is_same(held, other) else UNKNOWN
    return held._replace(
        entry=held.entry._replace(version=version)
    )  # the attributes stay those that the follower was given


def _is_same(held: Held, other: Held) -> bool:
    ours, theirs = (
        (one.entry.version, one.entry.size_bytes, one.entry.crc32c, one.entry.crc64nvme) for one in (held, other)
    )
    return held.is_settled and other.is_settled and ours == theirs and held.entry.version != ""
