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

from airflow_provider_livedata.engine.policies.model import EVERYBODY, Grant, Kind, Policy, Resource, Values, Who
from airflow_provider_livedata.engine.policies.patterns import matches_any

LEVELS = ("database", "table", "column")
NOT_MASKED = "MASK_NONE"
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
    """The answer, and the policies for which it is not "yes"."""

    answer: Answer
    because_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """Of a principal. ``is_many``: it may stand for more than one user."""

    name: str
    is_many: bool

    def is_in(self, who: Who) -> bool:
        """Whether all users of this name surely are."""
        return everybody_in(who) or self.name in who.users or self.name in who.groups

    def may_be_in(self, who: Who) -> bool:
        """Whether one of them may be."""
        is_open = bool(who.groups or who.roles) or any(MACRO in name for name in who.users)
        return is_open or self.name in who.users or (self.is_many and bool(who.users))


def everybody_in(who: Who) -> bool:
    """Whether every user is."""
    return EVERYBODY in who.groups or USER in who.users


def names_in(lines: Iterable[Grant]) -> set[str]:
    """Names of lines, that of everybody included; without those that are only known when the question is asked."""
    found = {name for line in lines for name in (*line.who.users, *line.who.groups)}
    if USER in found:
        found.add(EVERYBODY)
    return {name for name in found if MACRO not in name}


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


def verdict(policies: Iterable[Policy], name: Name, access: str, question: Question) -> Verdict:
    """What access policies answer."""
    said = [_said(one, name, access, question) for one in policies if one.kind == "access"]
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


def changed_by(kind: Kind, policies: Iterable[Policy], name: Name, question: Question) -> str:
    """The mask of columns, or row filter of tables, by which what is read may be other than what is kept; empty: none."""
    for policy in policies:
        if policy.kind == kind and any(spoken_of(resource, question)[1] for resource in policy.resources):
            is_everywhere = any(spoken_of(resource, question)[0] for resource in policy.resources)
            if _may_change(policy, name, is_everywhere=is_everywhere):
                return f"the {policy.kind} of {policy.name}"
    return ""


def may_pass_on(policies: Iterable[Policy], name: Name, access: str, question: Question) -> bool:
    """Whether a line that surely holds for all of this name has the grant option."""
    return any(
        line.may_grant and access in implied(line.accesses) and name.is_in(line.who)
        for policy in policies
        if policy.kind == "access" and any(spoken_of(resource, question)[0] for resource in policy.resources)
        for line in policy.allow
    )


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


def _said(policy: Policy, name: Name, access: str, question: Question) -> _Said:
    found = [spoken_of(resource, question) for resource in policy.resources]
    is_sure, is_possible = any(sure for sure, _ in found), any(possible for _, possible in found)
    deny, may_deny = _fit(policy.deny, access, name)
    spared, may_be_spared = _fit(policy.deny_except, access, name)
    allow, may_allow = _fit(policy.allow, access, name)
    excepted, may_be_excepted = _fit(policy.allow_except, access, name)
    is_denied, may_be_denied = deny and not may_be_spared, may_deny and not spared
    is_allowed, may_be_allowed = allow and not may_be_excepted, may_allow and not excepted
    else_denied, else_may = (policy.denies_all_else and not one for one in (may_be_allowed, is_allowed))
    return _Said(
        policy.name, policy.overrides,
        allows=is_sure and is_allowed and not may_be_denied, may_allow=is_possible and may_be_allowed and not is_denied,
        denies=is_sure and (is_denied or else_denied), may_deny=is_possible and (may_be_denied or else_may),
    )  # fmt: skip


def _fit(lines: Iterable[Grant], access: str, name: Name) -> tuple[bool, bool]:
    """Whether one of the lines surely, and whether one possibly, speaks of the name."""
    of_access = [line.who for line in lines if access in implied(line.accesses)]
    return any(name.is_in(who) for who in of_access), any(name.is_in(who) or name.may_be_in(who) for who in of_access)


def _may_change(policy: Policy, name: Name, *, is_everywhere: bool) -> bool:
    for line in policy.allow:  # the first that fits holds
        is_plain = line.mask == NOT_MASKED if policy.kind == "mask" else not line.row_filter.strip()
        if is_plain and is_everywhere and name.is_in(line.who):
            return False
        if not is_plain and (name.is_in(line.who) or name.may_be_in(line.who)):
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
