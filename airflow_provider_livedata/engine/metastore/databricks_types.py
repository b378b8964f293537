"""Types of columns: from the words of Hive, and from what Databricks tells of a table, to the words of both. Pure.

struct<a b:decimal(5,2)>      in a metastore
struct<`a b`:decimal(5,2)>    in a statement
{"name": "struct", "fields": [{"name": "a b", "type": {"name": "decimal", "precision": 5, "scale": 2}}]}     in DESCRIBE ... AS JSON
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_livedata.engine.clients.quoting import quoted_name

_PLAIN = frozenset({
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary", "date", "timestamp", "decimal", "char", "varchar",
})  # fmt: skip
_SAME = {
    "integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "real": "float", "double precision": "double", "dec": "decimal",
    "numeric": "decimal", "timestamp_ltz": "timestamp", "timestamp with local time zone": "timestamp", "timestamplocaltz": "timestamp",
}  # fmt: skip
_WORD = re.compile(r"[a-z_][a-z0-9_ ]*", re.IGNORECASE)
_NUMBERS = re.compile(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


class UnknownType(ValueError):
    """Databricks has no such type."""


@dataclass(frozen=True, slots=True)
class Type:
    """``numbers``: of decimal(5,2), char(3); ``parts``: the types inside; ``fields``: the names of a struct's parts."""

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple[Type, ...] = ()
    fields: tuple[str, ...] = ()


def parsed(text: str) -> Type:
    """A type in the words of Hive.

    Raises:
        UnknownType: Databricks has none like it (uniontype, intervals), or it cannot be read.
    """
    found, rest = _parsed(text.strip())
    if rest.strip():
        raise UnknownType(text)
    return found


def in_hive(kind: Type) -> str:
    """In the words of Hive, in one form for each type."""
    return _written(kind, lambda name: name)


def in_sql(kind: Type) -> str:
    """In the words of a statement."""
    return _written(kind, quoted_name)


def without_lengths(kind: Type) -> Type:
    """The type with string for char and varchar: Databricks describes them so, and what cannot be read back cannot be compared."""
    if kind.name in {"char", "varchar"}:
        return Type("string")
    return Type(kind.name, kind.numbers, tuple(map(without_lengths, kind.parts)), kind.fields)


def from_json(told: Mapping[str, Any]) -> Type:
    """Of DESCRIBE TABLE ... AS JSON; what is unknown keeps its name, so that it is seen to differ."""
    name = str(told["name"]).lower()
    if name == "array":
        return Type("array", (), (from_json(told["element_type"]),))
    if name == "map":
        return Type("map", (), (from_json(told["key_type"]), from_json(told["value_type"])))
    if name == "struct":
        fields = told["fields"]
        parts = tuple(from_json(one["type"]) for one in fields)
        return Type("struct", (), parts, tuple(str(one["name"]) for one in fields))
    numbers = tuple(int(told[key]) for key in ("precision", "scale", "length") if key in told)
    return Type(_SAME.get(name, name), numbers)


def _parsed(text: str) -> tuple[Type, str]:
    word = _WORD.match(text)
    if not word:
        raise UnknownType(text)
    name, rest = word[0].strip().lower(), text[word.end() :]
    name = _SAME.get(name, name)
    if name in {"array", "map", "struct"} and rest.startswith("<"):
        return _nested(name, rest[1:])
    if name not in _PLAIN:
        raise UnknownType(text)
    numbers = _NUMBERS.match(rest)
    given = tuple(int(one) for one in numbers.groups() if one is not None) if numbers else ()
    if name == "decimal":
        given = (given or (10,)) + (0,) * (len(given or (10,)) < 2)
    return Type(name, given), rest[numbers.end() :] if numbers else rest


def _nested(name: str, rest: str) -> tuple[Type, str]:
    parts: list[Type] = []
    fields: list[str] = []
    while True:
        if name == "struct":
            field, colon, rest = rest.partition(":")
            if not colon:
                raise UnknownType(field)
            fields.append(field.strip())
        part, rest = _parsed(rest.strip())
        parts.append(part)
        rest = rest.strip()
        if rest.startswith(">"):
            break
        if not rest.startswith(","):
            raise UnknownType(rest)
        rest = rest[1:]
    if len(parts) != {"array": 1, "map": 2}.get(name, len(parts)):
        raise UnknownType(name)
    return Type(name, (), tuple(parts), tuple(fields)), rest[1:]


def _written(kind: Type, name: Callable[[str], str]) -> str:
    if kind.fields:
        shown = (f"{name(field)}:{_written(part, name)}" for field, part in zip(kind.fields, kind.parts, strict=True))
        return f"struct<{','.join(shown)}>"
    if kind.parts:
        return f"{kind.name}<{','.join(_written(part, name) for part in kind.parts)}>"
    return f"{kind.name}({','.join(map(str, kind.numbers))})" if kind.numbers else kind.name
