"""Which grants say what policies say: never more, and what is less is told. Pure.

sales.*  select  to bi                       SELECT on all tables of sales, those to come included: nobody who may be in bi is denied anything there
sales.*  select  to bi, not sales.pay        SELECT on each other table that is there now; again at each sync
sales.orders without ssn                     SELECT on its other columns, or, where the target grants none, nothing on the table
masks, row filters                           nothing to whom they may hit, unless the target says them otherwise (``guards``); no grant can
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType

from airflow_provider_livedata.engine.policies.cells import cells_of, filter_for
from airflow_provider_livedata.engine.policies.filter_expressions import Unsayable
from airflow_provider_livedata.engine.policies.guards import Guard, Table
from airflow_provider_livedata.engine.policies.model import EVERYBODY, Policy, SecurityZone
from airflow_provider_livedata.engine.policies.permissions import (
    EVERY,
    Existing,
    Granted,
    Language,
    Lost,
    Permission,
    Place,
)
from airflow_provider_livedata.engine.policies.verdicts import (
    LEVELS,
    READ,
    Board,
    Name,
    Question,
    Rule,
    Verdict,
    by_table,
    changed_by,
    spoken_of,
)

_SHOWN = 3


def granted(
    policies: Iterable[Policy],
    existing: Existing,
    language: Language,
    zones: Sequence[SecurityZone] = (),
    said: Mapping[Place, Collection[Policy]] = MappingProxyType({}),
    rows: Rows | None = None,
) -> Granted:
    """What a target has to have.

    Args:
        policies: Those of the source, narrowed to databases of the target and with its names, roles replaced by who is in them.
        existing: What is there.
        language: What the target can say.
        zones: Security zones of the source, with the target's names.
        said: Masks and row filters that the target says otherwise, by table: who reads there sees what they leave.
        rows: What is known for grants on rows; gets those that have to be there.
    """
    work = _Work(list(policies), language, zones, said, rows or Rows())
    for database in sorted(existing):
        work.database(database, existing[database])
    return Granted(frozenset(work.found | _opening(work.found, language)), tuple(sorted(work.lost)), tuple(work.notes))


def told(lost: Iterable[Lost]) -> list[str]:
    """For people: what is lost for one reason, in one line."""
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in sorted(lost):
        places[one.principal, one.access, one.why].append(str(one.place))
    return [
        f"{principal} gets no {access} on {_shown(names)}: {why}" for (principal, access, why), names in places.items()
    ]


@dataclass(slots=True)
class Rows:
    """What is known for grants on rows: the tables that take such, and the sync's name. ``wanted``: those that have to be there."""

    tables: Mapping[Place, Table] = field(default_factory=dict)
    sync: str = ""
    wanted: set[Guard] = field(default_factory=set)


class _Work:
    """The grants of all databases, as they are found."""

    def __init__(
        self,
        policies: Sequence[Policy],
        language: Language,
        zones: Sequence[SecurityZone],
        said: Mapping[Place, Collection[Policy]],
        rows: Rows,
    ) -> None:
        self.found: set[Permission] = set()
        self.lost: set[Lost] = set()
        self.notes: list[str] = []
        self._language, self._zones, self._said, self._rows = language, zones, said, rows
        self._policies = [self._sayable(one) for one in policies if one.is_enabled]
        lines = [
            line for one in self._policies for line in (*one.allow, *one.deny, *one.allow_except, *one.deny_except)
        ]
        self._rules = {id(one): Rule(one) for one in self._policies if one.kind == "access"}
        self._many = {name for line in lines for name in line.who.groups} | {EVERYBODY}

    def database(self, database: str, tables: Mapping[str, tuple[str, ...]]) -> None:
        """Find those of one database."""
        named, others = by_table(self._policies, database)
        every = list({id(one): one for found in (others, *named.values()) for one in found}.values())
        zone = self._zone_at((database,))
        self._on_database(database, every, zone)
        whole = set() if zone else set(self._all_tables(database, every))
        for table, columns in sorted(tables.items()):
            self._on_table(Place(database, table), columns, [*others, *named.get(table.lower(), ())], whole)

    # ---- what a policy can have

    def _sayable(self, policy: Policy) -> Policy:
        if policy.zone and policy.allow:
            self.notes.append(f"{policy.name}: nothing is granted by policies of a security zone ({policy.zone})")
        if policy.validity and policy.allow and policy.kind == "access":
            self.notes.append(
                f"{policy.name}: what is allowed for a time is not granted; what is denied for a time is denied always"
            )
        unsaid = sorted({one for line in policy.allow for one in line.accesses} - self._language.accesses - {"all"})
        if unsaid and policy.kind == "access":
            self.notes.append(f"{policy.name}: {self._language.name} has no counterpart of {', '.join(unsaid)}")
        if any(not set(dict(resource)) <= set(LEVELS) for resource in policy.resources):
            self.notes.append(f"{policy.name}: {self._language.name} grants nothing on URLs and functions of Hive")
        if policy.kind == "access" and (policy.zone or policy.validity):
            return replace(policy, allow=())
        return policy

    def _board(self, policies: Iterable[Policy], question: Question) -> Board:
        return Board((self._rules[id(one)] for one in policies if id(one) in self._rules), question)

    def _names(self, board: Board) -> list[Name]:
        return [Name(name, name in self._many) for name in sorted(board.names)]

    def _zone_at(self, question: Question) -> str:
        """The security zone that holds what is asked for, or some of it: policies of others do not hold there."""
        for zone in self._zones:
            if any(spoken_of(resource, question)[1] for resource in zone.resources):
                return zone.name
        return ""

    # ---- places, from the outside in

    def _on_database(self, database: str, policies: Sequence[Policy], zone: str) -> None:
        language = self._language
        itself, inside = self._board(policies, (database,)), self._board(policies, (database, None))
        # Of the database itself only what rules of it say: those of tables in it are asked there.
        ahead = [
            (name, access, itself) for name, access in product(self._names(itself), language.databases)
            if itself.is_asked_for(name, access)
        ]  # fmt: skip
        ahead += [(name, access, inside) for name, access in product(self._names(inside), language.inside)]
        for name, access, board in ahead:
            answer = board.verdict(name, access)
            if zone and answer.answer == "yes":
                answer = Verdict("doubtful", (f"the security zone {zone}",))
            privileges = (language.databases if board is itself else language.inside)[access]
            self._give(name, access, Place(database), privileges, answer, board)

    def _all_tables(self, database: str, policies: Sequence[Policy]) -> Iterator[tuple[str, str]]:
        """Who has which access to all tables of a database, those to come included, that surely nobody of this name is denied."""
        boards = {deep: self._board(policies, (database, None, None)[:deep]) for deep in (2, 3)}
        changing = [one for one in policies if one.kind != "access"]
        for name in self._names(boards[2]):
            who = [
                access for access in self._language.tables if self._who(name) and boards[2].is_asked_for(name, access)
            ]
            if not who or changed_by(changing, name, (database, None)):
                continue
            for access in who:
                board = boards[3 if access == READ else 2]
                answer = board.verdict(name, access)
                if answer.answer == "yes":
                    self._give(name, access, Place(database, EVERY), self._language.tables[access], answer, board)
                    yield name.name, access

    def _on_table(
        self, table: Place, columns: Sequence[str], policies: Sequence[Policy], whole: set[tuple[str, str]]
    ) -> None:
        at = (table.database, table.table)
        zone = self._zone_at(at)
        boards = {
            access: self._board(policies, (*at, None) if access == READ else at) for access in self._language.tables
        }
        masks = [one for one in policies if one.kind == "mask"]
        filters = [one for one in policies if one.kind == "row filter"]
        ahead = ((name, access) for access, board in boards.items() for name in self._names(board))
        for name, access in ahead:
            answer = boards[access].verdict(name, access)
            if (name.name, access) in whole or answer.answer == "no":
                continue
            # Hive lets nobody write to what is changed when they read it, so what is said otherwise counts for reading alone.
            said = self._said.get(table, ()) if access == READ else ()
            unsaid = _without(filters, said)
            rows, filtered = (
                self._rows_of(name, table, unsaid) if access == READ else ("", changed_by(unsaid, name, at))
            )
            whole_table = (zone and f"the security zone {zone}") or filtered
            why = whole_table or changed_by(_without(masks, said), name, (*at, None))
            if why and answer.answer == "yes":
                answer = Verdict("doubtful", (why,))
            is_by_column = access == READ and self._language.grants_columns and answer.answer == "doubtful"
            if is_by_column and not whole_table:
                self._on_columns(name, table, columns, policies, masks, rows)
            elif rows and answer.answer == "yes":
                self._give_rows(name, table, (), rows, boards[access])
            else:
                self._give(name, access, table, self._language.tables[access], answer, boards[access])

    def _rows_of(self, name: Name, table: Place, filters: Sequence[Policy]) -> tuple[str, str]:
        """The filter of the rows that this name sees; or what may filter them, where that cannot be granted."""
        filtered = changed_by(filters, name, (table.database, table.table))
        known = self._rows.tables.get(table)
        if not filtered or known is None:
            return "", filtered
        try:
            return filter_for(name, filters, table, known), ""
        except Unsayable as error:
            return "", f"{filtered} ({error})"

    def _on_columns(
        self, name: Name, table: Place, columns: Iterable[str], policies: Sequence[Policy], masks: Sequence[Policy], rows: str
    ) -> None:  # fmt: skip
        shown: list[str] = []
        for column in columns:
            question = (table.database, table.table, column)
            board = self._board(policies, question)
            answer, mask = board.verdict(name, READ), changed_by(masks, name, question)
            if mask and answer.answer == "yes":
                answer = Verdict("doubtful", (mask,))
            if rows and answer.answer == "yes":
                shown.append(column)
            else:
                self._give(name, READ, Place(*question), self._language.tables[READ], answer, board)
        if shown:
            self._give_rows(name, table, shown, rows, self._board(policies, (table.database, table.table, shown[0])))

    def _give_rows(self, name: Name, table: Place, columns: Sequence[str], rows: str, board: Board) -> None:
        who = self._who(name)
        if not who:
            self.lost.add(Lost(name.name, READ, table, self._nobody(name)))
            return
        if board.may_pass_on(name, READ):
            self.lost.add(Lost(name.name, f"grant option of {READ}", table, f"{self._language.name} has none on rows"))
        cells = cells_of(table, columns, rows, self._rows.sync)
        self._rows.wanted.add(cells)
        self.found |= {Permission(cells.place, who, privilege) for privilege in self._language.tables[READ]}

    # ---- saying it

    def _give(
        self, name: Name, access: str, place: Place, privileges: tuple[str, ...], answer: Verdict, board: Board
    ) -> None:
        who = self._who(name)
        if answer.answer == "doubtful":
            self.lost.add(Lost(name.name, access, place, _why(answer)))
        elif answer.answer == "yes" and not who:
            self.lost.add(Lost(name.name, access, place, self._nobody(name)))
        elif answer.answer == "yes":
            passes_on = board.may_pass_on(name, access)
            if passes_on and not self._language.passes_on:
                self.lost.add(Lost(name.name, f"grant option of {access}", place, f"{self._language.name} has none"))
            may_grant = passes_on and self._language.passes_on
            self.found |= {Permission(place, who, privilege, may_grant) for privilege in privileges}

    def _who(self, name: Name) -> str:
        if name.name == EVERYBODY:
            return self._language.everybody
        return "" if self._language.problem_with(name.name) else name.name

    def _nobody(self, name: Name) -> str:
        if name.name == EVERYBODY:
            return f"{self._language.name} has no name for everybody"
        return self._language.problem_with(name.name)


def _without(policies: Iterable[Policy], said: Collection[Policy]) -> list[Policy]:
    return [one for one in policies if one not in said]


def _opening(found: Iterable[Permission], language: Language) -> set[Permission]:
    """What else is needed to come to what was granted."""
    inside = {(one.place.database, one.principal) for one in found}
    schemas = {Permission(Place(database), who, one) for database, who in inside for one in language.opens_database}
    return schemas | {Permission(Place(), who, one) for _, who in inside for one in language.opens_catalogue}


def _why(answer: Verdict) -> str:
    if not answer.because_of:
        return "the source allows it on parts, or in cases, alone"
    return f"it may be denied, or changed, to some of them by {_shown(answer.because_of)}"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
