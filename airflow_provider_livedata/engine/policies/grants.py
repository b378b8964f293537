"""Which grants say what policies say: never more, and what is less is told. Pure.

sales.*  select  to bi                       SELECT on all tables of sales, those to come included: nobody who may be in bi is denied anything there
sales.*  select  to bi, not sales.pay        SELECT on each other table that is there now; again at each sync
sales.orders without ssn                     SELECT on its other columns, or, where the target grants none, nothing on the table
masks, row filters                           nothing to whom they may hit; no grant can say them
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

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
    Name,
    Question,
    Verdict,
    by_table,
    changed_by,
    implied,
    may_pass_on,
    names_in,
    spoken_of,
    verdict,
)

READ = "select"
_SHOWN = 3


def granted(
    policies: Iterable[Policy], existing: Existing, language: Language, zones: Sequence[SecurityZone] = ()
) -> Granted:
    """What a target has to have.

    Args:
        policies: Those of the source, narrowed to databases of the target and with its names, roles replaced by who is in them.
        existing: What is there.
        language: What the target can say.
        zones: Security zones of the source, with the target's names.
    """
    work = _Work(list(policies), language, zones)
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


class _Work:
    """The grants of all databases, as they are found."""

    def __init__(self, policies: Sequence[Policy], language: Language, zones: Sequence[SecurityZone]) -> None:
        self.found: set[Permission] = set()
        self.lost: set[Lost] = set()
        self.notes: list[str] = []
        self._language, self._zones = language, zones
        self._policies = [self._sayable(one) for one in policies if one.is_enabled]
        lines = [
            line for one in self._policies for line in (*one.allow, *one.deny, *one.allow_except, *one.deny_except)
        ]
        self._many = {name for line in lines for name in line.who.groups} | {EVERYBODY}

    def database(self, database: str, tables: Mapping[str, tuple[str, ...]]) -> None:
        """Find those of one database."""
        named, others = by_table(self._policies, database)
        every = [policy for found in (others, *named.values()) for policy in found]
        every = list({id(one): one for one in every}.values())
        zone = self._zone_at((database,))
        for name in self._names(every):
            self._on_database(name, every, database, zone)
        whole = (
            set() if zone else {(n.name, a) for n in self._names(others) for a in self._all_tables(n, every, database)}
        )
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

    def _names(self, policies: Iterable[Policy]) -> list[Name]:
        names = names_in(line for one in policies if one.kind == "access" for line in one.allow)
        return [Name(name, name in self._many) for name in sorted(names)]

    def _zone_at(self, question: Question) -> str:
        """The security zone that holds what is asked for, or some of it: policies of others do not hold there."""
        for zone in self._zones:
            if any(spoken_of(resource, question)[1] for resource in zone.resources):
                return zone.name
        return ""

    # ---- places, from the outside in

    def _on_database(self, name: Name, policies: Sequence[Policy], database: str, zone: str) -> None:
        for privileges, question in (
            (self._language.databases, (database,)), (self._language.inside, (database, None)),
        ):  # fmt: skip
            for access, said in privileges.items():
                answer = verdict(policies, name, access, question)
                if zone and answer.answer == "yes":
                    answer = Verdict("doubtful", (f"the security zone {zone}",))
                if self._is_asked_for(name, access, question, policies):
                    self._give(name, access, Place(database), said, answer, policies, question)

    def _is_asked_for(self, name: Name, access: str, question: Question, policies: Iterable[Policy]) -> bool:
        """Whether somebody allows it on what is asked for, and not but on tables in it."""
        return any(
            access in implied(line.accesses) and name.is_in(line.who) and spoken_of(resource, question)[0]
            for one in policies if one.kind == "access" for line in one.allow for resource in one.resources
        )  # fmt: skip

    def _all_tables(self, name: Name, policies: Sequence[Policy], database: str) -> Iterator[str]:
        """Accesses to all tables of a database, those to come included, that surely nobody of this name is denied."""
        for access, privileges in self._language.tables.items():
            question = (database, None, None) if access == READ else (database, None)
            is_changed = any(changed_by(kind, policies, name, (database, None)) for kind in ("mask", "row filter"))
            if not is_changed and verdict(policies, name, access, question).answer == "yes" and self._who(name, access):
                self._give(name, access, Place(database, EVERY), privileges, Verdict("yes"), policies, question)
                yield access

    def _on_table(
        self, table: Place, columns: Sequence[str], policies: Sequence[Policy], whole: set[tuple[str, str]]
    ) -> None:
        at = (table.database, table.table)
        zone = self._zone_at(at)
        for name in self._names(policies):
            whole_table = (zone and f"the security zone {zone}") or changed_by("row filter", policies, name, at)
            why = whole_table or changed_by("mask", policies, name, (*at, None))
            for access, privileges in self._language.tables.items():
                if (name.name, access) in whole:
                    continue
                question: Question = (*at, None) if access == READ else at
                answer = verdict(policies, name, access, question)
                if why and answer.answer == "yes":  # Hive lets nobody write either to what is changed when they read it
                    answer = Verdict("doubtful", (why,))
                is_by_column = access == READ and self._language.grants_columns and answer.answer == "doubtful"
                if is_by_column and not whole_table:
                    self._on_columns(name, table, columns, policies, privileges)
                else:
                    self._give(name, access, table, privileges, answer, policies, question)

    def _on_columns(
        self,
        name: Name,
        table: Place,
        columns: Iterable[str],
        policies: Sequence[Policy],
        privileges: tuple[str, ...],
    ) -> None:
        for column in columns:
            question = (table.database, table.table, column)
            answer = verdict(policies, name, READ, question)
            mask = changed_by("mask", policies, name, question)
            if mask and answer.answer == "yes":
                answer = Verdict("doubtful", (mask,))
            self._give(name, READ, replace(table, column=column), privileges, answer, policies, question)

    # ---- saying it

    def _give(
        self, name: Name, access: str, place: Place, privileges: tuple[str, ...], answer: Verdict, policies: Iterable[Policy],
        question: Question,
    ) -> None:  # fmt: skip
        who = self._who(name, access)
        if answer.answer == "doubtful":
            self.lost.add(Lost(name.name, access, place, _why(answer)))
        elif answer.answer == "yes" and not who:
            self.lost.add(Lost(name.name, access, place, self._nobody(name)))
        elif answer.answer == "yes":
            passes_on = may_pass_on(policies, name, access, question)
            if passes_on and not self._language.passes_on:
                self.lost.add(Lost(name.name, f"grant option of {access}", place, f"{self._language.name} has none"))
            may_grant = passes_on and self._language.passes_on
            self.found |= {Permission(place, who, privilege, may_grant) for privilege in privileges}

    def _who(self, name: Name, access: str) -> str:
        if name.name == EVERYBODY:
            return self._language.everybody
        return "" if self._language.problem_with(name.name) else name.name

    def _nobody(self, name: Name) -> str:
        if name.name == EVERYBODY:
            return f"{self._language.name} has no name for everybody"
        return self._language.problem_with(name.name)


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
