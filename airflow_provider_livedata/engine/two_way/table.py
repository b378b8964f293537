r"""What is done about one path, by what happened to it on each side: the table of cases. Pure: values alone.

    left \ right   same           attributes     changed        gone
    same           nothing        attributes     to left        delete left
    attributes     attributes     attributes     to left        to right
    changed        to right       to right       compare        to right
    gone           delete right   to left        to left        forget

    left \ right   absent         new
    absent         nothing        to left
    new            to right       compare

"to right": the right side gets what the left one has. A delete against any change keeps the change. "attributes": each side gets those that the
other one changed. "compare": the same bytes on both sides are "attributes", other ones a conflict. A rename is a delete and something
new, whose bytes the other side brings by itself. Of a directory nothing is compared, and it goes only when nothing is left in it.
"""

from __future__ import annotations

from typing import Literal

from airflow_provider_livedata.engine.two_way.changes import Change

Verdict = Literal["nothing", "attributes", "to left", "to right", "delete left", "delete right", "forget", "compare"]

_SIDES: tuple[Change, ...] = ("same", "attributes", "changed", "gone")
_KNOWN: tuple[tuple[Verdict, ...], ...] = (
    ("nothing", "attributes", "to left", "delete left"),
    ("attributes", "attributes", "to left", "to right"),
    ("to right", "to right", "compare", "to right"),
    ("delete right", "to left", "to left", "forget"),
)
TABLE: dict[tuple[Change, Change], Verdict] = {
    (left, right): verdict
    for left, row in zip(_SIDES, _KNOWN, strict=True)
    for right, verdict in zip(_SIDES, row, strict=True)
} | {
    ("absent", "absent"): "nothing",
    ("absent", "new"): "to left",
    ("new", "absent"): "to right",
    ("new", "new"): "compare",
}


def is_rescued(left: Change, right: Change) -> bool:
    """Whether one side deleted what the other one changed."""
    return "gone" in (left, right) and bool({"attributes", "changed"} & {left, right})
