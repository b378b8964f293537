"""Ranger's answers by its written rules, for tests that need very many of them without a server; the real engine gives them in tests/system."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airflow_provider_livedata.engine.policies.model import EVERYBODY, Grant, Policy, Resource, Values, Who


@dataclass(frozen=True)
class Question:
    """May they?"""

    user: str
    groups: tuple[str, ...]
    resource: tuple[tuple[str, str], ...]
    access: str


def is_allowed(policies: Iterable[Policy], question: Question, roles: Mapping[str, Who], *, holds: bool = True) -> bool:
    """Overriding policies first; a denial beats an allowance. ``holds``: whether the conditions of policies do."""
    known = (one for one in policies if one.is_enabled and one.kind == "access" and (holds or not one.conditions))
    fitting = [one for one in known if fits(one, question.resource)]
    for overrides in (True, False):
        answers = {answer for one in fitting if one.overrides == overrides for answer in _answers(one, question, roles)}
        if answers:
            return False not in answers
    return False


def fits(policy: Policy, asked: tuple[tuple[str, str], ...]) -> bool:
    """Whether a policy speaks of what is asked for."""
    return any(_takes(resource, dict(asked)) for resource in policy.resources)


def _takes(resource: Resource, asked: Mapping[str, str]) -> bool:
    return set(dict(resource)) == set(asked) and all(_has(values, asked[part], part) for part, values in resource)


def _has(values: Values, name: str, part: str) -> bool:
    names = [name]
    if values.recursive:
        names += [name[:i] for i, letter in enumerate(name) if letter == "/"] + ["/"]
    found = any(regex(value, part).fullmatch(one) for value in values.values for one in names)
    return found != values.excludes


def regex(pattern: str, part: str = "path") -> re.Pattern[str]:
    """The pattern as a regular expression."""
    text = "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if part not in ("path", "url") else 0))


def _answers(policy: Policy, question: Question, roles: Mapping[str, Who]) -> Iterator[bool]:
    def says(lines: Iterable[Grant]) -> bool:
        return any(question.access in line.accesses and _is_in(line.who, question, roles) for line in lines)

    if says(policy.deny) and not says(policy.deny_except):
        yield False
    elif says(policy.allow) and not says(policy.allow_except):
        yield True
    elif policy.denies_all_else:
        yield False


def _is_in(who: Who, question: Question, roles: Mapping[str, Who], seen: frozenset[str] = frozenset()) -> bool:
    if {question.user, "{USER}"} & set(who.users) or EVERYBODY in who.groups or set(question.groups) & set(who.groups):
        return True
    ahead = [name for name in who.roles if name in roles and name not in seen]
    return any(_is_in(roles[name], question, roles, seen | {name}) for name in ahead)
