"""Items that are counted as they pass, since there are too many to keep them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Counted(Generic[Item]):
    """Iterates over ``items`` once; ``count`` tells how many have passed so far."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.count, self._items = 0, items

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            self.count += 1
            yield item
