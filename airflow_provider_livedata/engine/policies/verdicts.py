"""Whether policies allow something to whoever has a name, when nobody knows who is in which group. Pure.

A grant to a group is one to all in it, and each of them may be denied by name, or as a member of another group. So an answer is "yes" where
every user that the name may stand for is allowed, "no" where none is, and "doubtful" else. What is denied to a group may hit any user and any
other group; what is denied to a user hits that user, and any group. Of resources the same: a table to come may have any name.

Answers follow Ranger's order, see ``model``: policies that override first; a denial beats an allowance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from airflow_provider_livedata.engine.policies.model import EVERYBODY, Grant, Policy, Resource, Values
from airflow_provider_livedata.engine.policies.patterns import matches_any

LEVELS = ("database", "table", "column")
READ = "select"
MACRO, USER = "{", "{USER}"
# Of Ranger's definition of Hive services: what "all" implies.
IMPLIED = {
    "all": frozenset({
        "select", "update", "create", "drop", "alter", "index", "lock", "read", "write", "repladmin", "serviceadmin", "refresh",
    }),
}  # fmt: skip
Question = Sequence[str | None]  # a database, a table in it, a column of that; None: one to come, whatever it is called
Answer = Literal["yes", "no", "doubtful"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and the policies that stand against it."""

    answer: Answer
    because_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """Of a principal. ``is_many``: it may stand for more than one user."""

    name: str
    is_many: bool


@dataclass(frozen=True, slots=True)
class Crowd:
    """All who are in some lines. ``is_open``: anybody may be, for all that is known; ``has_users``: a user is named."""

    names: frozenset[str]
    is_everybody: bool
    is_open: bool
    has_users: bool

    def has(self, name: Name) -> bool:
        """Whether all users of this name surely are in it."""
        return self.is_everybody or name.name in self.names

    def may_have(self, name: Name) -> bool:
        """Whether one of them may be."""
        return self.has(name) or self.is_open or (name.is_many and self.has_users)


def crowd_of(lines: Iterable[Grant]) -> Crowd:
    """All who are in them. Names that are only known when the question is asked are nobody's surely, and may be anybody's."""
    who = [line.who for line in lines]
    users = {name for one in who for name in one.users}
    groups = {name for one in who for name in one.groups}
    is_everybody = EVERYBODY in groups or USER in users
    is_open = bool(groups) or any(one.roles for one in who) or any(MACRO in name for name in users)
    names = frozenset(name for name in users | groups if MACRO not in name)
    return Crowd(names | {EVERYBODY} if is_everybody else names, is_everybody, is_open, bool(users))


def spoken_of(resource: Resource, question: Question) -> tuple[bool, bool]:
    """Whether a resource surely, and whether it possibly, holds what is asked for; for denials all that lies around it counts."""
    parts = dict(resource)
    depth = len(parts)
    if set(parts) != set(LEVELS[:depth]):  # functions, URLs
        return False, False
    is_sure, is_possible = depth >= len(question), True
    for level, asked in zip(LEVELS, question, strict=False):
        if level in parts:
            sure, possible = _has(parts[level], asked)
            is_sure, is_possible = is_sure and sure, is_possible and possible
    below = (parts[level] for level in LEVELS[len(question) : depth])
    return is_sure and is_possible and all(_is_any(values) for values in below), is_possible


def levels_at(resource: Resource, question: Question) -> tuple[bool, bool]:
    """The same of the levels that are asked for alone, whatever the resource says of what lies below."""
    parts = dict(resource)
    if not set(parts) <= set(LEVELS):
        return False, False
    said = [_has(parts[level], asked) for level, asked in zip(LEVELS, question, strict=False) if level in parts]
    return all(sure for sure, _ in said), all(possible for _, possible in said)


class Rule:
    """An access policy, ready to be asked."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.restricts = bool(policy.deny or policy.denies_all_else)
        self.allowed = crowd_of(policy.allow).names
        self._crowds: dict[str, tuple[Crowd, ...]] = {}

    def crowds(self, access: str) -> tuple[Crowd, ...]:
        """Who is allowed, excepted from that, denied, and excepted from that."""
        if access not in self._crowds:
            policy = self.policy
            sides = (policy.allow, policy.allow_except, policy.deny, policy.deny_except)
            self._crowds[access] = tuple(
                crowd_of(line for line in lines if access in implied(line.accesses)) for lines in sides
            )
        return self._crowds[access]


class Board:
    """The rules that may speak of what is asked for, each with whether it surely does."""

    def __init__(self, rules: Iterable[Rule], question: Question) -> None:
        found = [(rule, [spoken_of(one, question) for one in rule.policy.resources]) for rule in rules]
        self._rules = [
            (rule, any(sure for sure, _ in said)) for rule, said in found if any(possible for _, possible in said)
        ]
        self._restricting = [one for one in self._rules if one[0].restricts]
        self._allowing: dict[str, list[tuple[Rule, bool]]] = {}
        for rule, is_sure in self._rules:
            for name in () if rule.restricts else rule.allowed:
                self._allowing.setdefault(name, []).append((rule, is_sure))

    @property
    def names(self) -> set[str]:
        """Who is named by what allows something."""
        return {name for rule, _ in self._rules for name in rule.allowed}

    def verdict(self, name: Name, access: str) -> Verdict:
        """The answer. Who is not named by what allows is told "no": what they have, they have as somebody who is."""
        rules = self._of(name)
        if not any(rule.crowds(access)[0].has(name) for rule, _ in rules):
            return Verdict("no")
        return _summed([_said(rule, name, access, is_sure=is_sure) for rule, is_sure in rules])

    def is_asked_for(self, name: Name, access: str) -> bool:
        """Whether a rule that surely holds here allows it to this name."""
        return any(is_sure and rule.crowds(access)[0].has(name) for rule, is_sure in self._of(name))

    def may_pass_on(self, name: Name, access: str) -> bool:
        """Whether a line that surely holds for all of this name has the grant option."""
        return any(
            is_sure and line.may_grant and access in implied(line.accesses) and crowd_of([line]).has(name)
            for rule, is_sure in self._of(name) for line in rule.policy.allow
        )  # fmt: skip

    def _of(self, name: Name) -> list[tuple[Rule, bool]]:
        everybody = () if name.name == EVERYBODY else self._allowing.get(EVERYBODY, ())
        return [*self._restricting, *self._allowing.get(name.name, ()), *everybody]


def _summed(said: Sequence[_Said]) -> Verdict:
    first, rest = [one for one in said if one.overrides], [one for one in said if not one.overrides]
    against = tuple(one.policy for one in said if one.may_deny)
    is_open = not any(one.may_deny for one in first)
    if is_open and any(one.allows for one in first):
        return Verdict("yes")
    if is_open and not against and any(one.allows for one in rest):
        return Verdict("yes")
    is_denied = any(one.denies for one in first) or (
        not any(one.may_allow for one in first) and any(one.denies for one in rest)
    )
    if is_denied or not any(one.may_allow for one in said):
        return Verdict("no", against)
    return Verdict("doubtful", against)


def changed_by(policies: Iterable[Policy], name: Name, question: Question) -> str:
    """The mask or row filter, of policies of one kind, by which what is read may be other than what is kept; empty: none."""
    for policy in policies:
        found = [spoken_of(resource, question) for resource in policy.resources]
        is_everywhere, is_possible = any(sure for sure, _ in found), any(possible for _, possible in found)
        if is_possible and _may_change(policy, name, is_everywhere=is_everywhere):
            return f"the {policy.kind} of {policy.name}"
    return ""


def implied(accesses: Iterable[str]) -> set[str]:
    """These, and those that they imply."""
    found = set(accesses)
    return found.union(*(IMPLIED.get(one, frozenset()) for one in found))


@dataclass(frozen=True, slots=True)
class _Said:
    """What one policy says to all users of a name (``allows``, ``denies``), or may say to one of them."""

    policy: str
    overrides: bool
    allows: bool
    may_allow: bool
    denies: bool
    may_deny: bool


def _said(rule: Rule, name: Name, access: str, *, is_sure: bool) -> _Said:
    allow, allow_except, deny, deny_except = rule.crowds(access)
    policy = rule.policy
    is_denied, may_be_denied = (
        deny.has(name) and not deny_except.may_have(name),
        deny.may_have(name) and not deny_except.has(name),
    )
    is_allowed = allow.has(name) and not allow_except.may_have(name)
    may_be_allowed = allow.may_have(name) and not allow_except.has(name)
    else_denied, else_may = (policy.denies_all_else and not one for one in (may_be_allowed, is_allowed))
    return _Said(
        policy.name, policy.overrides, allows=is_sure and is_allowed and not may_be_denied, may_allow=may_be_allowed and not is_denied,
        denies=is_sure and (is_denied or else_denied), may_deny=may_be_denied or else_may,
    )  # fmt: skip


def _may_change(policy: Policy, name: Name, *, is_everywhere: bool) -> bool:
    for line in policy.allow:  # the first that fits holds
        if READ not in implied(line.accesses):
            continue
        is_plain = line.changes_nothing(policy.kind)
        if is_plain and is_everywhere and crowd_of([line]).has(name):
            return False
        if not is_plain and crowd_of([line]).may_have(name):
            return True
    return False


def _has(values: Values, asked: str | None) -> tuple[bool, bool]:
    if any(MACRO in value for value in values.values):
        return False, True
    if asked is None:
        is_any = any(not value.strip("*") for value in values.values)
        return is_any and not values.excludes, not (is_any and values.excludes)
    found = matches_any(values.values, asked, ignores_case=True) != values.excludes
    return found, found


def _is_any(values: Values) -> bool:
    return _has(values, None)[0]


def by_table(policies: Iterable[Policy], database: str) -> tuple[Mapping[str, list[Policy]], list[Policy]]:
    """Policies that may speak of a database: those of tables that they name, by their name, and all others."""
    named: dict[str, list[Policy]] = {}
    others: list[Policy] = []
    for policy in policies:
        if not any(spoken_of(resource, (database,))[1] for resource in policy.resources):
            continue
        tables = _named_tables(policy)
        for table in tables:
            named.setdefault(table, []).append(policy)
        if not tables:
            others.append(policy)
    return named, others


def _named_tables(policy: Policy) -> set[str]:
    """The tables of which alone a policy speaks, in small letters; empty: it may speak of any."""
    found: set[str] = set()
    for resource in policy.resources:
        values = dict(resource).get("table")
        if values is None or values.excludes or any(set("*?{") & set(value) for value in values.values):
            return set()
        found.update(value.lower() for value in values.values)
    return found
