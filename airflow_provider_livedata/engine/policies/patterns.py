"""Patterns as Ranger matches them: ``*`` is any text, slashes included, ``?`` any one character, nothing escapes. Pure.

What is left of a pattern once a prefix was read (its derivative, J. Brzozowski 1964) tells which names below a directory it takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

CASELESS = ("database", "table", "column", "udf")  # parts of resources of whose names case says nothing


def is_literal(pattern: str) -> bool:
    """Whether it takes one name alone."""
    return not ("*" in pattern or "?" in pattern)


def matches(pattern: str, text: str, *, ignores_case: bool = False) -> bool:
    """Whether a pattern takes a whole text."""
    if ignores_case:
        pattern, text = pattern.lower(), text.lower()
    if is_literal(pattern):  # most are
        return pattern == text
    return _compiled(pattern).fullmatch(text) is not None


def left_after(pattern: str, prefix: str) -> list[str]:
    """Patterns that together take exactly the texts ``rest`` for which ``pattern`` takes ``prefix + rest``; shortest first."""
    at = _reached(pattern, prefix)
    rests = {pattern[i:] for i in at if i == 0 or pattern[i - 1] != "*" or i - 1 not in at}
    return sorted(rests, key=lambda rest: (len(rest), rest))


def matches_any(patterns: Iterable[str], text: str, *, ignores_case: bool = False) -> bool:
    """Whether one of the patterns takes the text."""
    return any(matches(one, text, ignores_case=ignores_case) for one in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The same as a regular expression, which is much faster than to read it."""
    marks = {"*": ".*", "?": "."}
    return re.compile("".join(marks.get(one) or re.escape(one) for one in pattern), re.DOTALL)


def _reached(pattern: str, text: str) -> set[int]:
    """Positions in the pattern at which one may be after having read the text."""
    at = _with_skipped(pattern, {0})
    for character in text:
        if not at:  # as for most pairs of a path and a pattern
            break
        on = {i for i in at if i < len(pattern) and pattern[i] == "*"}
        on |= {i + 1 for i in at if i < len(pattern) and pattern[i] in ("?", character) and pattern[i] != "*"}
        at = _with_skipped(pattern, on)
    return at


def _with_skipped(pattern: str, at: set[int]) -> set[int]:
    found = set(at)
    for start in at:
        end = start
        while end < len(pattern) and pattern[end] == "*":
            end += 1
            found.add(end)
    return found
