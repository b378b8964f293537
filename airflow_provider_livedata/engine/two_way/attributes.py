"""Rights, owners and the like of one path, merged from two sides, each attribute on its own. Pure: values alone."""

from __future__ import annotations

from typing import Any

from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.two_way.changes import Common


def merged(
    left: Entry, right: Entry, common: Common | None, names: frozenset[str], *, prefers_left: bool
) -> tuple[Entry, Entry]:
    """Both entries, each with what the other side changed.

    Where both sides changed an attribute in different ways, or they differ and never agreed on anything, the preferred side's holds. Where
    neither changed it since they last agreed they may go on differing: one of the stores may be unable to have it as the other does.
    """
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for name in names:
        here, there = getattr(left, name), getattr(right, name)
        if here is None or there is None or here == there:
            continue
        changed_here = _is_changed(here, common.left if common else None, name)
        changed_there = _is_changed(there, common.right if common else None, name)
        if changed_here and (prefers_left or not changed_there):
            theirs[name] = here
        elif changed_there:
            ours[name] = there
    return left._replace(**ours), right._replace(**theirs)


def is_contested(left: Entry, right: Entry, common: Common | None, names: frozenset[str]) -> bool:
    """Whether both sides changed an attribute since they last agreed, to different values."""
    if common is None:
        return False
    return any(
        None not in (here := getattr(left, name), there := getattr(right, name))
        and here != there
        and _is_changed(here, common.left, name)
        and _is_changed(there, common.right, name)
        for name in names
    )


def given(entry: Entry, attributes_of: Entry, names: frozenset[str]) -> Entry:
    """An entry with the named attributes of another one, where that tells them."""
    told = {name: value for name in names if (value := getattr(attributes_of, name)) is not None}
    return entry._replace(**told)


def _is_changed(now: Any, then: Held | None, name: str) -> bool:
    before = None if then is None else getattr(then.entry, name)
    return then is None or (before is not None and before != now)
