"""A row filter in the words of an engine, of columns whose types are known. Pure.

A literal is compared with columns of its own kind alone: engines differ in how they turn one kind into another (``'1.5' = 1``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_livedata.engine.policies.filter_expressions import (
    Among,
    Both,
    Column,
    Compared,
    Expression,
    Literal,
    Me,
    Missing,
    Not,
    Operand,
    Unsayable,
)

_KINDS = {"string": "text", "boolean": "truth"} | dict.fromkeys(
    ("tinyint", "smallint", "int", "integer", "bigint", "byte", "short", "long"), "whole"
)
_SIZED = re.compile(r"(varchar|decimal)\(\d+(?:, ?\d+)?\)")


@dataclass(frozen=True, slots=True)
class Words:
    """How an engine writes what differs.

    Args:
        text: A text as a literal.
        column: A column, by the name that it has there.
        me: Who asks, where the engine can tell; else empty.
        compares_columns: Whether two columns may be compared.
        compares_constants: Whether a filter may speak of no column.
        orders_texts: Whether texts come in the order of their bytes.
        tells_missing: Whether a column can be asked whether it is NULL.
    """

    text: Callable[[str], str]
    column: Callable[[str], str]
    me: str = ""
    compares_columns: bool = True
    compares_constants: bool = True
    orders_texts: bool = True
    tells_missing: Callable[[str], bool] = lambda name: True


def kind_of(type_: str) -> str:
    """What literals of a column of this type are; empty: none are safe."""
    lowered = type_.strip().lower()
    if found := _SIZED.fullmatch(lowered):
        return "text" if found[1] == "varchar" else "whole"
    return _KINDS.get(lowered, "")


def written(expression: Expression, types: Mapping[str, str], words: Words) -> str:
    """The filter as a text, each part in brackets.

    Args:
        expression: What it says.
        types: Of all columns, by their names in small letters.
        words: Those of the engine.

    Raises:
        Unsayable: A part of it would, or might, mean something else there.
    """
    return _Writer(types, words).say(expression, is_plain=True)


class _Writer:
    def __init__(self, types: Mapping[str, str], words: Words) -> None:
        self._types, self._words = types, words

    def say(self, expression: Expression, *, is_plain: bool) -> str:
        """``is_plain``: below no NOT, so that what is not true shows no row."""
        if isinstance(expression, Literal):
            self._refuse_constant()
            return "(1 = 1)" if expression.value == "true" else "(1 = 0)"
        if isinstance(expression, Compared):
            return self._compared(expression, is_plain=is_plain)
        if isinstance(expression, Among):
            kind = self._kind(expression.column)
            for value in expression.values:
                self._same(kind, value.kind)
            values = ", ".join(self._operand(value) for value in expression.values)
            return f"({self._operand(expression.column)} IN ({values}))"
        if isinstance(expression, Missing):
            return self._missing(expression.column)
        if isinstance(expression, Not):
            return f"(NOT {self.say(expression.part, is_plain=False)})"
        return self._joined(expression, is_plain=is_plain)

    def _joined(self, expression: Both, *, is_plain: bool) -> str:
        return f"({f' {expression.word} '.join(self.say(part, is_plain=is_plain) for part in expression.parts)})"

    def _missing(self, column: Column) -> str:
        self._type(column)
        if not self._words.tells_missing(column.name.lower()):
            raise Unsayable(f"it cannot be asked there whether {column.name} is NULL")
        return f"({self._operand(column)} IS NULL)"

    def _compared(self, one: Compared, *, is_plain: bool) -> str:
        sides = (one.left, one.right)
        columns = [side for side in sides if isinstance(side, Column)]
        if any(isinstance(side, Me) for side in sides):
            # Names differ in case, or have no counterpart: what is equal by mistake cannot be, what is unequal by mistake could show more.
            if not self._words.me or one.sign != "=" or not is_plain or len(columns) != 1:
                raise Unsayable("who asks is known there by another name, or is compared otherwise than by =")
            self._same(self._kind(columns[0]), "text")
        else:
            self._same(*(self._kind(side) for side in sides))
        if not columns:
            self._refuse_constant()
        if not self._words.orders_texts and one.sign not in ("=", "<>") and self._kind(one.left) == "text":
            raise Unsayable("texts come in another order there")
        if len(columns) == 2 and not self._words.compares_columns:
            raise Unsayable("two columns cannot be compared there")
        return f"({self._operand(one.left)} {one.sign} {self._operand(one.right)})"

    def _refuse_constant(self) -> None:
        if not self._words.compares_constants:
            raise Unsayable("a filter there has to speak of columns")

    def _operand(self, one: Operand) -> str:
        if isinstance(one, Column):
            return self._words.column(one.name.lower())
        if isinstance(one, Me):
            return self._words.me
        return self._words.text(one.value) if one.kind == "text" else one.value.upper()

    def _kind(self, one: Operand) -> str:
        if not isinstance(one, Column):
            return one.kind if isinstance(one, Literal) else "text"
        kind = kind_of(self._type(one))
        if not kind:
            raise Unsayable(f"{one.name} is of the type {self._type(one)}, which engines compare differently")
        return kind

    def _type(self, column: Column) -> str:
        if column.name.lower() not in self._types:
            raise Unsayable(f"there is no column {column.name}")
        return self._types[column.name.lower()]

    @staticmethod
    def _same(left: str, right: str) -> None:
        if left != right:
            raise Unsayable("it compares what is not of one kind, which engines do differently")
