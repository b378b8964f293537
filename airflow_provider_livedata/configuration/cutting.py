"""A text that is not YAML because of one entry, without that entry: so that a slip in one does not take all others along. Pure.

backups:
  nightly:                 lines below a section that stand as deep as its first one begin an entry;
    source: [prod:/sales   the entry around the mistake is blanked, so that all other lines keep their numbers
  weekly:
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_livedata.configuration.problems import Path

SECTIONS = ("zones", "replications", "backups", "locations")
_SECTION = re.compile(rf"({'|'.join(SECTIONS)})\s*:\s*(#.*)?")
_TOP = re.compile(rf"({'|'.join(SECTIONS)})\s*:.*")
_SETTING = re.compile(r"[^:#]+:\s+[^\s{}&*!#].*")
_FAR = 1000


@dataclass(frozen=True, slots=True)
class Cut:
    """A text without one entry; ``line`` is where that began, counted from 1. ``more``: what else stood as deep and went along."""

    text: str
    path: Path
    line: int
    more: tuple[str, ...]


def cuts(text: str, lines: Iterable[int]) -> list[Cut]:
    """The text without the entry that each of ``lines`` stands in, where it can be told; each entry once."""
    rows = text.split("\n")
    found = {cut.line: cut for line in lines if (cut := _cut(rows, line)) is not None}
    return list(found.values())


def _cut(rows: list[str], line: int) -> Cut | None:
    at = min(max(line, 1), len(rows)) - 1
    top = next((n for n in range(at, -1, -1) if _depth(rows[n]) == 0), None)
    section = _SECTION.fullmatch(rows[top].rstrip()) if top is not None else None
    if top is None or section is None:
        return None
    depth = _depth_of_entries(rows)
    # "layout: tree" is no entry: it slipped out of the one above, which is not whole without it.
    begins = (n for n in range(at, top, -1) if _depth(rows[n]) == depth and not _is_setting(rows[n]))
    start = next(begins, None) or _first(rows, top)
    if start is None or start > at:
        return None
    end = next((n for n in range(max(start, at) + 1, len(rows)) if _begins(rows[n], depth)), len(rows))
    more = [_name(row) for row in rows[start + 1 : end] if _depth(row) == depth]
    kept = [*rows[:start], *[""] * (end - start), *rows[end:]]
    return Cut("\n".join(kept), (section[1], _name(rows[start])), start + 1, tuple(more))


def _depth_of_entries(rows: list[str]) -> int:
    """That of the first line of most sections: where the first of one slipped, the others tell."""
    tops = [n for n, row in enumerate(rows) if _SECTION.fullmatch(row.rstrip())]
    firsts = [_depth(rows[first]) or 0 for top in tops if (first := _first(rows, top)) is not None]
    return Counter(firsts).most_common(1)[0][0] if firsts else 0


def _first(rows: list[str], top: int) -> int | None:
    """The first line of a section that says something."""
    first = next((n for n in range(top + 1, len(rows)) if _depth(rows[n]) is not None), None)
    return first if first is not None and _depth(rows[first]) else None


def _name(row: str) -> str:
    return row.partition(":")[0].strip(" \t'\"")


def _begins(row: str, depth: int) -> bool:
    """Whether another entry or section begins here; what stands between their depths slipped out of the entry above."""
    return _depth(row) == 0 or (_depth(row) == depth and not _is_setting(row))


def _is_setting(row: str) -> bool:
    return _SETTING.fullmatch(row.rstrip()) is not None


def _depth(row: str) -> int | None:
    """How far a line is indented, very far where a tab does it or where it slipped to the edge; None where it says nothing."""
    said = row.strip()
    if not said or said.startswith("#"):
        return None
    indent = row[: len(row) - len(row.lstrip(" \t"))]
    return len(indent) if "\t" not in indent and (indent or _TOP.fullmatch(row.rstrip())) else _FAR
