"""Which runs share a zone's bandwidth, and what each of them gets: its weight, as a part of the weights of all. Pure.

Runs never compare their clocks. Each looks at the files of all, and takes one for alive until that has not changed for ``silence_s`` on its own clock.
So nobody counts on more than is left to it:

    who comes     writes its file, then looks; where others are, it takes nothing for two beats: by then each of them has seen it, or holds still
    who stays     looks at every beat, and takes less at once where somebody came; without a good look for two beats it takes nothing
    who goes      removes its file; who dies counts on for ``silence_s``
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

MOST_WEIGHT = 1000
_NAME = re.compile(r"[0-9a-f]{16}-(\d{1,4})\.json")


@dataclass(frozen=True, slots=True)
class ShareTimes:
    """Seconds: between beats, until a run that shows no life counts no more, and how long a run waits for its share at most."""

    beat_s: float = 10
    silence_s: float = 60
    patience_s: float = 120

    @property
    def notice_s(self) -> float:
        """After which each run has looked, or holds still."""
        return 2 * self.beat_s


class Sight(NamedTuple):
    """What was seen of a run: what its last beat left, and when on our clock that was first seen."""

    mark: str
    since_s: float


def name_of(member: str, weight: int) -> str:
    """The file of a run: the name tells the weight, so that a listing tells all."""
    return f"{member}-{weight}.json"


def weight_in(name: str) -> int:
    """The weight that a file's name tells; 0 of a file that is no run's."""
    match = _NAME.fullmatch(name)
    return min(int(match[1]), MOST_WEIGHT) if match else 0


def looked(before: Mapping[str, Sight], marks: Mapping[str, str], now_s: float) -> dict[str, Sight]:
    """What is known after a look that found the files ``marks``, by name."""
    return {
        name: before[name] if name in before and before[name].mark == mark else Sight(mark, now_s)
        for name, mark in marks.items()
        if weight_in(name)
    }


def alive(sights: Mapping[str, Sight], now_s: float, silence_s: float) -> list[str]:
    """The files of runs that count."""
    return [name for name, sight in sights.items() if now_s - sight.since_s <= silence_s]


def share(weight: int, others: Iterable[int]) -> float:
    """The part of the bandwidth that a run may take, above 0 up to 1."""
    return weight / (weight + sum(others))
