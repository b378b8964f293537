"""Pieces of a list, as large as one call may carry. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Pieces of at most ``size``, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
