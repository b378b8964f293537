"""Masks of Ranger's Hive service in the SQL of Databricks, where they can be said exactly. Pure.

Ranger masks by functions of Hive: ``mask({col})``, ``mask_show_last_n({col}, 4, 'x', 'x', 'x', -1, '1')``, ``mask_show_first_n`` with the same, ``mask_hash``.
Hive counts UTF-16 units, Databricks characters: a text that has any of two units is masked as a whole.
Source: Ranger's definition of Hive services (``dataMaskDef``); Hive's GenericUDFMask; the reference of ``mask`` of Databricks.
"""

from __future__ import annotations

import re

from airflow_provider_livedata.engine.clients.quoting import quoted_text
from airflow_provider_livedata.engine.policies.filter_expressions import Unsayable
from airflow_provider_livedata.engine.policies.model import NOT_MASKED, Grant

_TEXT = "string"
_SIMPLE = re.compile(r"[a-z_]+(\(\d+(, ?\d+)?\))?")  # types that can stand in a statement as they are
_FIXED = re.compile(r"'([^'\\]*)'")
_WIDE = "c0 RLIKE '[\\\\x{10000}-\\\\x{10FFFF}]'"
_ALL = "mask(c0, 'x', 'x', 'x', NULL)"
_SHOWN = {
    "MASK_SHOW_LAST_4": "concat(mask(left(c0, length(c0) - 4), 'x', 'x', 'x', NULL), right(c0, 4))",
    "MASK_SHOW_FIRST_4": "concat(left(c0, 4), mask(substr(c0, 5), 'x', 'x', 'x', NULL))",
}
_TEXTS = {
    "MASK": "mask(c0, 'X', 'x', 'n', NULL)",
    "MASK_HASH": "sha2(c0, 256)",
    **{
        name: f"CASE WHEN {_WIDE} THEN {_ALL} WHEN length(c0) <= 4 THEN c0 ELSE {text} END"
        for name, text in _SHOWN.items()
    },
}


def masked(line: Grant, type_: str) -> str:
    """What a column of this type shows, as an expression of its value ``c0``.

    Raises:
        Unsayable: The mask has no exact counterpart for this type.
    """
    if line.mask_condition:
        raise Unsayable("a mask under a condition of its own has no counterpart")
    if not _SIMPLE.fullmatch(type_):
        raise Unsayable(f"columns of the type {type_} cannot be masked")
    expression = line.mask_expression.strip()
    if line.mask == NOT_MASKED:
        return "c0"
    if line.mask == "MASK_NULL" or (line.mask == "CUSTOM" and expression.upper() == "NULL"):
        return f"CAST(NULL AS {type_})"
    if type_ != _TEXT:
        raise Unsayable(f"{line.mask} of the type {type_} has no exact counterpart; of texts it has")
    if line.mask == "CUSTOM" and (found := _FIXED.fullmatch(expression)):
        return quoted_text(found[1])
    if line.mask not in _TEXTS:
        raise Unsayable(f"{line.mask} {expression} has no exact counterpart".replace("  ", " "))
    return _TEXTS[line.mask]
