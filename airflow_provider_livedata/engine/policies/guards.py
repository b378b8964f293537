"""Row filters and masks as functions that a table asks whenever it is read, where a target takes such: which, and of which policies. Pure.

    the row filter of sales.pay     bi: country = 'EU'; public: no filter
    its function (c0 STRING)        CASE WHEN is_account_group_member('bi') OR is_member('bi') THEN coalesce((c0 = 'EU'), FALSE) ELSE TRUE END

The first line that fits holds, as in Ranger, and who is in none sees all. Which of two policies Ranger asks first is not known here: of row filters all have to let a
row through, which shows no more than either; two masks of one column are not said. A policy is said on a table as a whole or not at all; to whom
one that is not said may hit, nothing is granted there (``grants``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar

from airflow_provider_livedata.engine.clients.quoting import quoted_text
from airflow_provider_livedata.engine.policies.filter_expressions import Expression, Unsayable, columns_of, parsed
from airflow_provider_livedata.engine.policies.filter_texts import Words, written
from airflow_provider_livedata.engine.policies.masks import masked
from airflow_provider_livedata.engine.policies.model import NOT_MASKED, Grant, Policy, Values, Who, as_json
from airflow_provider_livedata.engine.policies.patterns import is_literal
from airflow_provider_livedata.engine.policies.permissions import Place
from airflow_provider_livedata.engine.policies.verdicts import READ, crowd_of, implied, levels_at

_T = TypeVar("_T")
PREFIX = "livedata_"  # of the names of functions of ours


@dataclass(frozen=True, slots=True, order=True)
class Guard:
    """What stands before a table (rows) or a column of it.

    Args:
        place: The table, or the column.
        uses: The columns that the function is given, each with its type; of a mask its own.
        body: An expression of these, called ``c0``, ``c1``, ...
        policies: Which policies it says.
    """

    place: Place
    uses: tuple[tuple[str, str], ...]
    body: str
    policies: tuple[str, ...] = ()

    @property
    def is_mask(self) -> bool:
        """Of a column."""
        return bool(self.place.column)

    def function(self, sync: str) -> str:
        """The name of its function, or of its rows: another one for all that differs."""
        if self.place.rows:
            return rows_name(self, sync)
        text = as_json([sync, self.place.database, self.place.table, self.place.column, self.uses, self.body])
        return f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:24]}"

    def __str__(self) -> str:
        columns = f" ({', '.join(name for name, _ in self.uses)})" if self.place.rows and self.uses else ""
        return f"{'mask' if self.is_mask else 'row filter'} of {self.place}{columns}: {self.body}"


def rows_name(guard: Guard, sync: str) -> str:
    """What rows of a table are called that a sync made."""
    said = as_json([guard.place.database, guard.place.table, guard.uses, guard.body])
    return f"{rows_prefix(sync)}{hashlib.sha256(said.encode()).hexdigest()[:24]}"


def rows_prefix(sync: str) -> str:
    """How the names of all rows of a sync begin."""
    return f"{PREFIX}{hashlib.sha256(sync.encode()).hexdigest()[:8]}_"


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of a table. ``refuses``: why it takes no filter and no mask; ``theirs``: columns (``""``: the rows) that have one of somebody else's."""

    columns: tuple[tuple[str, str], ...] = ()  # each with its type
    refuses: str = ""
    theirs: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()  # columns that it is partitioned by, in small letters

    def types(self) -> dict[str, str]:
        """Of all columns, by their names in small letters."""
        return {name.lower(): type_ for name, type_ in self.columns}


@dataclass(slots=True)
class Guarding:
    """``guards``: what has to stand; ``said``: the policies that they say, by table; ``unsaid``: policies that are not said, and why."""

    guards: set[Guard] = field(default_factory=set)
    said: dict[Place, frozenset[Policy]] = field(default_factory=dict)
    unsaid: dict[Place, list[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """The reasons, one a line."""
        return [f"{place}: {text}" for place, texts in sorted(self.unsaid.items()) for text in texts]


@dataclass(frozen=True, slots=True)
class Around:
    """``me``: who asks, by the name that they have at the source, as an expression; empty: that cannot be told. ``groups``: those that are there."""

    me: str
    groups: AbstractSet[str]
    nameless: AbstractSet[str] = frozenset()  # policies of which somebody has no name at the target


def guarded(policies: Iterable[Policy], tables: Mapping[Place, Table], around: Around) -> Guarding:
    """What has to stand before the tables."""
    found = Guarding()
    changing = [one for one in policies if one.is_enabled and one.kind != "access"]
    for place, table in sorted(tables.items()):
        there = [one for one in changing if _may_speak(one, (place.database, place.table))]
        if there:
            _Work(place, table, around, found).say(there)
    return found


class _Work:
    """The guards of one table."""

    def __init__(self, place: Place, table: Table, around: Around, found: Guarding) -> None:
        self._place, self._table, self._around, self._found = place, table, around, found
        self._at = (place.database, place.table)
        self._types = table.types()

    def say(self, policies: Sequence[Policy]) -> None:
        """Those of these policies that can be said."""
        masks = [one for one in policies if one.kind == "mask"]
        said: set[Policy] = set()
        masked_columns: set[str] = set()
        for policy in masks:
            if made := self._tried(policy, lambda one: self._masks(one, masks)):
                self._found.guards |= set(made)
                masked_columns |= {guard.place.column.lower() for guard in made}
                said.add(policy)
        # What a filter sees of a masked column is not told by the documentation.
        hidden = masked_columns | {name.lower() for name in self._table.theirs}
        parts: list[tuple[Policy, Mapping[str, Expression]]] = []
        for policy in policies:
            if policy.kind == "row filter" and (read := self._tried(policy, lambda one: [self._read(one, hidden)])):
                parts.append((policy, read[0]))
                said.add(policy)
        if parts:
            self._found.guards.add(self._rows(parts))
        self._found.said[self._place] = frozenset(said)

    def _tried(self, policy: Policy, does: Callable[[Policy], Sequence[_T]]) -> Sequence[_T]:
        try:
            self._refuse(policy)
            return does(policy)
        except Unsayable as error:
            self._found.unsaid.setdefault(self._place, []).append(
                f"the {policy.kind} of {policy.name} is not said: {error}"
            )
            return ()

    def _refuse(self, policy: Policy) -> None:
        if self._table.refuses:
            raise Unsayable(self._table.refuses)
        if not all(levels_at(resource, self._at)[0] for resource in self._resources(policy)):
            raise Unsayable("of which tables it speaks is known only when it is asked")
        if policy.name in self._around.nameless:
            raise Unsayable("somebody of whom it speaks has no name at the target")
        for line in _lines(policy):
            if any("{" in name and name != "{USER}" for name in line.who.users):
                raise Unsayable("whom it hits is known only when it is asked")
            missing = sorted(set(line.who.groups) - self._around.groups - {"public"})
            if missing:
                raise Unsayable(f"there is no group {', '.join(missing)} at the target, so nobody would be in it")
            if line.conditions:
                raise Unsayable("it holds under a condition")

    def _resources(self, policy: Policy) -> list[tuple[tuple[str, Values], ...]]:
        return [one for one in policy.resources if levels_at(one, self._at)[1]]

    # ---- masks

    def _masks(self, policy: Policy, all_masks: Sequence[Policy]) -> list[Guard]:
        columns = sorted({name for resource in self._resources(policy) for name in self._named(resource)})
        for name in columns:
            at = (*self._at, name)
            if any(_may_speak(one, at) for one in all_masks if one is not policy):
                raise Unsayable(f"another policy masks {name} as well")
            if name in {one.lower() for one in self._table.theirs}:
                raise Unsayable(f"{name} has a mask of somebody else's")
        return [self._mask(policy, name) for name in columns]

    def _named(self, resource: tuple[tuple[str, Values], ...]) -> list[str]:
        values = dict(resource).get("column")
        if values is None or values.excludes or not all(is_literal(one) and "{" not in one for one in values.values):
            raise Unsayable("it speaks of columns by a pattern, so of such that are still to come")
        names = [one.lower() for one in values.values]
        missing = sorted(set(names) - self._types.keys())
        if missing:
            raise Unsayable(f"there is no column {', '.join(missing)}, and it would be shown as it is when it comes")
        return names

    def _mask(self, policy: Policy, column: str) -> Guard:
        type_ = self._types[column].lower()
        cases = [(_who(line.who, spares=line.mask == NOT_MASKED), masked(line, type_)) for line in _lines(policy)]
        called = next(name for name, _ in self._table.columns if name.lower() == column)
        place = Place(self._place.database, self._place.table, called)
        return Guard(place, ((called, type_),), _chosen(cases, "c0"), (policy.name,))

    # ---- rows

    def _read(self, policy: Policy, hidden: AbstractSet[str]) -> dict[str, Expression]:
        if "" in self._table.theirs:
            raise Unsayable("the table has a row filter of somebody else's")
        found = {line.row_filter: parsed(line.row_filter) for line in _lines(policy) if line.row_filter.strip()}
        words = Words(quoted_text, lambda name: name, self._around.me)
        for one in found.values():
            written(one, self._types, words)
            if both := sorted(columns_of(one) & hidden):
                raise Unsayable(f"it reads {', '.join(both)}, which is masked itself")
        return found

    def _rows(self, parts: Sequence[tuple[Policy, Mapping[str, Expression]]]) -> Guard:
        used = sorted({name for _, read in parts for one in read.values() for name in columns_of(one)})
        called = {name: f"c{number}" for number, name in enumerate(used)}
        words = Words(quoted_text, called.__getitem__, self._around.me)

        def shown(line: Grant, read: Mapping[str, Expression]) -> str:
            return (
                f"coalesce({written(read[line.row_filter], self._types, words)}, FALSE)"
                if line.row_filter in read
                else "TRUE"
            )

        bodies = [
            _chosen(
                [(_who(line.who, spares=line.row_filter not in read), shown(line, read)) for line in _lines(policy)],
                "TRUE",
            )
            for policy, read in parts
        ]
        body = bodies[0] if len(bodies) == 1 else " AND ".join(f"({one})" for one in bodies)
        names = {name.lower(): name for name, _ in self._table.columns}
        uses = tuple((names[name], self._types[name].lower()) for name in used)
        return Guard(self._place, uses, body, tuple(policy.name for policy, _ in parts))


def _lines(policy: Policy) -> list[Grant]:
    """Those that speak of reading, in their order."""
    return [line for line in policy.allow if READ in implied(line.accesses)]


def _who(who: Who, *, spares: bool) -> str:
    """Whether who asks is one of them; the case of the names of users does not count at Databricks.

    A group may be one of the workspace alone, which the account does not know: such hides from its members what the line hides, and spares
    them nothing. Source: the reference of ``is_member`` and ``is_account_group_member``.
    """
    if crowd_of([Grant(who)]).is_everybody:
        return "TRUE"
    users = ", ".join(quoted_text(name.lower()) for name in who.users)
    found = [f"lower(session_user()) IN ({users})"] if users else []
    asked = ("is_account_group_member",) if spares else ("is_account_group_member", "is_member")
    return " OR ".join([*found, *(f"{function}({quoted_text(name)})" for name in who.groups for function in asked)])


def _chosen(cases: Sequence[tuple[str, str]], otherwise: str) -> str:
    if not cases:
        return otherwise
    return f"CASE {' '.join(f'WHEN {who} THEN {what}' for who, what in cases)} ELSE {otherwise} END"


def _may_speak(policy: Policy, question: Sequence[str | None]) -> bool:
    return any(levels_at(resource, question)[1] for resource in policy.resources)


def me_of(users: Mapping[str, str]) -> str:
    """Who asks at Databricks, by the name of the source; NULL for those who have none; empty where the mapping cannot be turned round."""
    if not users:
        return "session_user()"
    if any("*" in name for name in users) or len({name.lower() for name in users.values()}) != len(users):
        return ""
    cases = " ".join(
        f"WHEN {quoted_text(there.lower())} THEN {quoted_text(here)}" for here, there in sorted(users.items())
    )
    return f"CASE lower(session_user()) {cases} END"
