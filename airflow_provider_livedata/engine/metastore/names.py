"""Names of partitions, as Hive makes them of values: ``year=2024/what=a%2Fb``. Pure.

Source: Hive's FileUtils.escapePathName and unescapePathName, Warehouse.makePartName.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"  # stands for null, and for an empty text
_ESCAPED = frozenset({*map(chr, range(1, 32)), *"\"#%'*/:=?\\\x7f{[]^"})


def partition_name(values: Mapping[str, str]) -> str:
    """The name of a partition by its values, in the order of the columns."""
    return "/".join(
        f"{_escaped(column.lower())}={_escaped(value) or DEFAULT_PARTITION}" for column, value in values.items()
    )


def values_of(name: str) -> tuple[str, ...]:
    """The values in a name: ``a=1%2F2/b=x`` gives ("1/2", "x")."""
    return tuple(_unescaped(part.partition("=")[2]) for part in name.split("/"))


def _escaped(text: str) -> str:
    return "".join(f"%{ord(one):02X}" if one in _ESCAPED else one for one in text)


def _unescaped(text: str) -> str:
    # Not urllib's: Hive unescapes one character a code, not bytes of UTF-8, and leaves what is no code as it is.
    first, *pieces = text.split("%")
    return first + "".join(map(_decoded, pieces))


def _decoded(piece: str) -> str:
    code = piece[:2]
    is_code = len(code) == 2 and all(one in "0123456789abcdefABCDEF" for one in code)
    return chr(int(code, 16)) + piece[2:] if is_code else "%" + piece
