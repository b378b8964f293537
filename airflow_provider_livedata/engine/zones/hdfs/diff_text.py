r"""What ``hdfs snapshotDiff`` prints, read. Pure.

    Difference between snapshot s1 and snapshot s2 under directory /data:
    M\t.                   the directory itself
    +\t./new               created
    -\t./gone              deleted
    M\t./dir/f             modified
    R\t./a -> ./b          renamed

Nothing in it is escaped. So what may mean something else than it says is refused, and changes are then found by listings: a line
that has none of these forms (a name with a line break), a rename with two arrows, and names with characters that the
command could not print. Source: Hadoop, SnapshotDiffReport.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from airflow_provider_livedata.engine.errors import Unsupported
from airflow_provider_livedata.engine.model import Change

HEADER = "Difference between snapshot "
_KINDS: dict[str, Any] = {"+": "create", "-": "delete", "M": "modify", "R": "rename"}
_ARROW = " -> "
_UNPRINTED = frozenset(
    "?\ufffd"
)  # what Java prints for a character that its output cannot have, or a name that is not UTF-8


def changes_in(lines: Iterable[bytes]) -> Iterator[Change]:
    """Yield the changes, by paths relative to the snapshottable directory; "" is that directory.

    Args:
        lines: Of standard output, with or without their line ends. What comes before the header is passed over.

    Raises:
        Unsupported: There is no header, or a line may mean something else than it says.
    """
    is_begun = False
    for raw in lines:
        line = _text(raw.removesuffix(b"\n"))
        if is_begun and line:
            yield _change(line)
        is_begun = is_begun or line.startswith(HEADER)
    if not is_begun:
        raise Unsupported("hdfs snapshotDiff printed no difference")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _refused(ascii(raw), "it is not UTF-8") from None


def _change(line: str) -> Change:
    label, tab, rest = line.partition("\t")
    if not tab or label not in _KINDS:
        raise _refused(line, "a name may hold a line break")
    if _UNPRINTED & set(rest):
        raise _refused(line, "it may hold a character that the command cannot print")
    paths = rest.split(_ARROW) if label == "R" else [rest]
    if len(paths) != (2 if label == "R" else 1):
        raise _refused(line, "a name holds ' -> '")
    return Change(_KINDS[label], *(_path(one, line) for one in paths))


def _path(shown: str, line: str) -> str:
    if shown == ".":
        return ""
    if not shown.startswith("./") or shown == "./":
        raise _refused(line, "a name may hold a line break")
    return shown[2:]


def _refused(line: str, why: str) -> Unsupported:
    return Unsupported(f"hdfs snapshotDiff printed a line that cannot be relied on: {why}", line=line)
