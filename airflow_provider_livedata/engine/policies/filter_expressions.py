"""Row filters of Hive as far as every engine reads them alike: a small grammar, and a tree of what it says. Pure.

    predicate    column | TRUE | FALSE | operand compared operand | column [NOT] IN (literal, ...) | column [NOT] BETWEEN literal AND literal
                 | column IS [NOT] NULL | (expression)
    expression   predicates, joined by NOT, AND, OR, in this order
    operand      column | literal | current_user()        literal    a text without backslash, a whole number, TRUE, FALSE

All else (functions, subqueries, LIKE, macros, decimals, dates) is read differently somewhere, and is refused.
Source: the manual of Hive's query language, "Operators and User-Defined Functions"; SQL:2016 for what NULL does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

MOST_DIGITS = 18  # so that a whole number is one of 64 bits everywhere
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>\d+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|`(?P<quoted>[^`]+)`|(?P<sign><=>|==|<>|!=|<=|>=|[=<>(),-]))"
)
_SAME = {"==": "=", "!=": "<>"}
_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
# No names of columns unless quoted: what Hive reads as something else.
_RESERVED = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "between",
        "true",
        "false",
        "like",
        "rlike",
        "regexp",
        "case",
        "when",
        "then",
        "else",
        "end",
        "cast",
        "exists",
        "interval",
        "date",
        "timestamp",
        "current_date",
        "current_timestamp",
        "current_user",
        "select",
        "from",
        "where",
        "distinct",
        "all",
        "any",
        "some",
        "if",
        "extract",
        "floor",
        "array",
        "map",
    ]
)


class Unsayable(Exception):
    """What cannot be said exactly elsewhere."""


@dataclass(frozen=True, slots=True)
class Literal:
    """``value``: the text, the digits with their sign, or "true" and "false"."""

    kind: OneOf["text", "whole", "truth"]
    value: str


@dataclass(frozen=True, slots=True)
class Column:
    """By its name, whose case does not count."""

    name: str


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks."""


Operand = Literal | Column | Me


@dataclass(frozen=True, slots=True)
class Compared:
    """``sign``: one of = <> < <= > >=."""

    left: Operand
    sign: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a column has one of these values."""

    column: Column
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a column is NULL."""

    column: Column


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Both:
    """``word``: AND or OR."""

    word: OneOf["AND", "OR"]
    parts: tuple[Expression, ...]


Expression = Literal | Compared | Among | Missing | Not | Both


def parsed(text: str) -> Expression:
    """What a row filter says.

    Raises:
        Unsayable: It is not of this grammar.
    """
    return _Parser(text).whole()


def columns_of(expression: Expression) -> set[str]:
    """The columns that it reads, in small letters."""
    return {one.name.lower() for one in _operands(expression) if isinstance(one, Column)}


def _operands(expression: Expression) -> Iterator[Operand]:
    if isinstance(expression, Compared):
        yield from (expression.left, expression.right)
    elif isinstance(expression, Among | Missing):
        yield expression.column
    elif isinstance(expression, Not):
        yield from _operands(expression.part)
    elif isinstance(expression, Both):
        for part in expression.parts:
            yield from _operands(part)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Expression:
        found = self._either()
        if self._kind() != "end":
            raise self._wrong()
        return found

    # ---- expressions, the weakest first

    def _either(self) -> Expression:
        return self._joined("OR", self._all)

    def _all(self) -> Expression:
        return self._joined("AND", self._opposite)

    def _joined(self, word: OneOf["AND", "OR"], part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._takes(word.lower()):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Both(word, tuple(parts))

    def _opposite(self) -> Expression:
        if self._takes("not"):
            return Not(self._opposite())
        if self._takes("("):
            found = self._either()
            self._needs(")")
            return found
        return self._predicate()

    def _predicate(self) -> Expression:
        left = self._operand()
        if self._kind() == "sign" and self._value() in _COMPARISONS | _SAME.keys():
            sign = self._next()
            return Compared(left, _SAME.get(sign, sign), self._operand())
        if isinstance(left, Column):
            return self._of_column(left)
        if isinstance(left, Literal) and left.kind == "truth":
            return left
        raise self._wrong()

    def _of_column(self, column: Column) -> Expression:
        if self._takes("is"):
            is_not = self._takes("not")
            self._needs("null")
            return Not(Missing(column)) if is_not else Missing(column)
        is_not = self._takes("not")
        if self._takes("in"):
            found: Expression = Among(column, self._list())
        elif self._takes("between"):
            least = self._literal()
            self._needs("and")
            found = Both("AND", (Compared(column, ">=", least), Compared(column, "<=", self._literal())))
        elif is_not:
            raise self._wrong()
        else:
            return Compared(column, "=", Literal("truth", "true"))
        return Not(found) if is_not else found

    # ---- operands

    def _list(self) -> tuple[Literal, ...]:
        self._needs("(")
        found = [self._literal()]
        while self._takes(","):
            found.append(self._literal())
        self._needs(")")
        return tuple(found)

    def _operand(self) -> Operand:
        if self._kind() == "quoted":
            return Column(self._next())
        if self._kind() == "word" and self._value().lower() not in _RESERVED:
            return Column(self._next())
        if self._takes("current_user"):
            self._needs("(")
            self._needs(")")
            return Me()
        return self._literal()

    def _literal(self) -> Literal:
        for word in ("true", "false"):
            if self._takes(word):
                return Literal("truth", word)
        if self._kind() == "text":
            return Literal("text", self._next()[1:-1])
        sign = "-" if self._takes("-") else ""
        if self._kind() != "number" or len(self._value()) > MOST_DIGITS:
            raise self._wrong()
        return Literal("whole", f"{sign}{int(self._next())}")

    # ---- tokens

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _value(self) -> str:
        return self._tokens[self._at][1]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _takes(self, text: str) -> bool:
        is_there = self._kind() in ("word", "sign") and self._value().lower() == text
        self._at += is_there
        return is_there

    def _needs(self, text: str) -> None:
        if not self._takes(text):
            raise self._wrong()

    def _wrong(self) -> Unsayable:
        shown = self._value() or "its end"
        return Unsayable(f"the filter {self._text!r} is not of the few forms that mean the same everywhere, at {shown}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            raise Unsayable(
                f"the filter {text!r} is not of the few forms that mean the same everywhere, at {text[at : at + 20].strip()}"
            )
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
    yield "end", ""
