"""Names and texts in statements, so that none can end what it stands in. Pure.

Source: the rules for identifiers and for string literals of Databricks SQL and of Spark SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Backslash and quote end or change a literal; the rest is written as a code, so that no tool on the way changes it.
_CODED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def quoted_name(name: str) -> str:
    """A name in back-quotes."""
    return "`" + name.replace("`", "``") + "`"


def dotted(*names: str) -> str:
    """Names of which one holds the next: a catalogue, a schema, a table."""
    return ".".join(map(quoted_name, names))


def quoted_text(text: str) -> str:
    """A text as a literal. ``${name}`` would be replaced by Spark before it reads the statement, so its brace is coded."""
    safe = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "$\\u007b")
    return "'" + _CODED.sub(lambda found: f"\\u{ord(found[0]):04x}", safe) + "'"


def quoted_pairs(pairs: Mapping[str, str]) -> str:
    """Properties or options, sorted."""
    return "(" + ", ".join(f"{quoted_text(name)} = {quoted_text(value)}" for name, value in sorted(pairs.items())) + ")"
