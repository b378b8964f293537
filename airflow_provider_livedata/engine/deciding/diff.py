"""Line up what the source holds, what the target was left with and what it holds now. Pure: no I/O, no clock, no zone.

    source    a  b     d       each in key order, as Zone.scan and the manifest yield them
    known     a     c  d
    target    a     c  d'
    rows      a  b  c  d       one row a key; a side that has nothing there is None

Memory stays constant for any number of entries. What a row means for the target is decided in plan.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from airflow_provider_livedata.engine.errors import UnsortedListing
from airflow_provider_livedata.engine.model import Entry, Held


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


class Origin(NamedTuple):
    """A file that the source renamed: its new key, and the row of the manifest at its old one.

    ``is_contested``: something else may be at the old path by now. ``is_carried``: it comes there when the target moves the
    directory that it is in, or that it is; so do directories, and files that the source has no longer (``is_gone``).
    ``is_root``: that directory itself. ``is_unsure``: a run that was cut off may have moved it, or another one there.
    """

    key: str
    held: Held
    is_contested: bool
    is_carried: bool = False
    is_gone: bool = False
    is_root: bool = False
    is_unsure: bool = False


class Row(NamedTuple):
    """One key and what each side has there.

    ``planned``: an unfinished run of ours meant to act here, so that what the target holds may be ours although no
    record says so. ``holds_more``: a directory of the source that holds entries although no rows tell of them.
    ``origin``: what the source renamed to here. ``is_renamed``: what the target has here has another name at the source.
    ``is_other``: what the source has here is another file than before, even if its version is the same.
    """

    key: str
    source: Entry | None
    known: Held | None
    target: Entry | None
    planned: bool
    holds_more: bool = False
    origin: Origin | None = None
    is_renamed: bool = False
    is_other: bool = False


def line_up(
    source: Iterable[Entry],
    known: Iterable[Held],
    target: Iterable[Entry],
    planned: Iterable[str] = (),
    origins: Iterable[Origin] = (),
) -> Iterator[Row]:
    """Yield one row for every key that any side has or that comes with a moved directory, in key order.

    Raises:
        UnsortedListing: A side is not in strictly ascending key order.
    """
    s, k, t = in_order(source, "source"), in_order(known, "known"), in_order(target, "target")
    p = _keys(planned)
    o = in_order(origins, "origins")
    s_key, s_entry = next(s, _END)
    k_key, k_held = next(k, _END)
    t_key, t_entry = next(t, _END)
    p_key = next(p, None)
    o_key, o_one = next(o, _END)
    while True:
        key = s_key
        if k_key is not None and (key is None or k_key < key):
            key = k_key
        if t_key is not None and (key is None or t_key < key):
            key = t_key
        while o_key is not None and o_one is not None and not o_one.is_carried and (key is None or o_key < key):
            o_key, o_one = next(o, _END)
        if o_key is not None and (key is None or o_key < key):
            key = o_key
        if key is None:
            return
        while p_key is not None and p_key < key:
            p_key = next(p, None)
        yield Row(
            key,
            s_entry if s_key == key else None,
            k_held if k_key == key else None,
            t_entry if t_key == key else None,
            p_key == key,
            False,  # noqa: FBT003 - by name it would take twice as long, for each file
            o_one if o_key == key else None,
        )
        if o_key == key:
            o_key, o_one = next(o, _END)
        if s_key == key:
            s_key, s_entry = next(s, _END)
        if k_key == key:
            k_key, k_held = next(k, _END)
        if t_key == key:
            t_key, t_entry = next(t, _END)


def with_before(rows: Iterable[Row], before: Iterable[Held]) -> Iterator[tuple[Row, Held | None]]:
    """Each row with what ``before``, in key order like the rows, has at its key."""
    earlier = iter(before)
    was = next(earlier, None)
    for row in rows:
        while was is not None and was.key < row.key:
            was = next(earlier, None)
        yield row, was if was is not None and was.key == row.key else None


_END = (None, None)
_T = TypeVar("_T", bound=_Keyed)


def in_order(items: Iterable[_T], side: str) -> Iterator[tuple[str, _T]]:
    """Yield each item with its key.

    Raises:
        UnsortedListing: They are not in strictly ascending order of their keys.
    """
    # Out of order, entries would pair wrongly and look removed: a delete at the target.
    last = ""
    for item in items:
        key = item.key
        if key <= last:
            raise UnsortedListing(
                "listing out of path order; nothing was concluded from it", side=side, path=key, after=last
            )
        last = key
        yield key, item


def _keys(keys: Iterable[str]) -> Iterator[str]:
    last = ""
    for key in keys:
        if key < last:
            raise UnsortedListing("plan out of path order", side="planned", path=key, after=last)
        last = key
        yield key
