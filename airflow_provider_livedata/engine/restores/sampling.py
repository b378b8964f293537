"""Choose files of a backup at random in one pass, whatever their number. Pure: the same seed, the same choice.

Source: algorithm R, J. S. Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985): every file has the same chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_livedata.engine.model import Entry


@dataclass(frozen=True, slots=True)
class Sample:
    """The files chosen, in key order, and what they were chosen from."""

    files: tuple[Entry, ...]
    of_files: int
    of_bytes: int

    @property
    def size_bytes(self) -> int:
        """Of the files chosen."""
        return sum(file.size_bytes for file in self.files)


def sample(entries: Iterable[Entry], *, most_files: int, most_bytes: int, seed: int) -> Sample:
    """Choose up to ``most_files`` files of ``most_bytes`` together, but one file whatever its size.

    Memory holds ``most_files`` entries.
    """
    chance, kept = random.Random(seed), list[Entry]()
    count = size_bytes = 0
    for entry in entries:
        if entry.kind != "file":
            continue
        count, size_bytes = count + 1, size_bytes + entry.size_bytes
        if len(kept) < most_files:
            kept.append(entry)
        elif (place := chance.randrange(count)) < most_files:
            kept[place] = entry
    chance.shuffle(kept)
    chosen = _within(kept, most_bytes)
    return Sample(tuple(sorted(chosen, key=lambda entry: entry.key)), count, size_bytes)


def _within(files: list[Entry], most_bytes: int) -> list[Entry]:
    chosen, left = files[:1], most_bytes - sum(file.size_bytes for file in files[:1])
    for file in files[1:]:
        if file.size_bytes <= left:
            chosen.append(file)
            left -= file.size_bytes
    return chosen
