"""What is wrong with a configuration, and where."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``line`` counts from 1, 0 is the file as a whole; ``path`` leads to it, from the top of the file."""

    file: str
    line: int
    path: Path
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, dotted(self.path), self.message) if part)


def dotted(path: Path) -> str:
    """``backups.nightly.exclude[2]``, on one line whatever the names hold."""
    said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return said if said.isprintable() else repr(said)[1:-1]
