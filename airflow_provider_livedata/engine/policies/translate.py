"""A policy of the source as the target has to have it: narrowed to what is replicated, with the target's names. Pure.

Never wider: what cannot be said exactly allows less or denies more. So of lines that widen (allow, and exceptions from a denial) goes what
has no counterpart; of lines that narrow (deny, exceptions from an allowance, masks, filters) nothing goes, but for conditions that the
target does not know, without which they narrow more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from airflow_provider_livedata.engine.policies.model import EVERYBODY, Facts, Grant, Policy, Resource, Who
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.scope import MACRO, Untold


class Inexpressible(Exception):
    """The target cannot have this policy."""


@dataclass(slots=True)
class Translation:
    """``policy``: what the target has to have, None for nothing; ``lost``: what is less than at the source, and why."""

    policy: Policy | None = None
    lost: list[str] = field(default_factory=list)


class Translator:
    """From one service to another of the same kind.

    ``roles``: who is in each; ``zones``: the target's security zones; ``mirrored``: roles that the target has as roles, with their names.
    """

    def __init__(
        self, options: PolicySyncOptions, facts: Facts, roles: Mapping[str, Who], zones: Iterable[str],
        mirrored: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._options, self._facts, self._roles, self._zones = options, facts, roles, frozenset(zones)
        self._mirrored = mirrored
        self.flattened: set[str] = set()  # roles that were replaced by who is in them
        self._lost: list[str] = []
        self._is_nameless = False
        self.nameless: set[str] = set()  # policies that mask or filter for somebody who has no name at the target

    def translate(self, policy: Policy) -> Translation:
        """What the target has to have of one policy.

        Raises:
            Inexpressible: It speaks of what is replicated, and cannot be said there.
        """
        self._lost, self._is_nameless = [], False
        resources, is_sure = self._resources(policy)
        if not resources or not policy.is_enabled:
            return Translation()
        self._refuse(policy, resources)
        conditions = tuple(one for one in policy.conditions if one.kind in self._facts.conditions)
        if conditions != policy.conditions:
            self._lose(
                "a condition that the target does not know: what it allows is left out, what it denies holds without it"
            )
            is_sure = False
        made = replace(self._lines(policy, is_sure=is_sure), resources=resources, conditions=conditions)
        if not (made.allow or made.deny or made.denies_all_else):
            self._lose("nothing of it is left")
            return Translation(None, self._lost)
        if policy.kind != "access" and (self._is_nameless or not is_sure):
            self.nameless.add(policy.name)
        return Translation(replace(made, name=f"{self._options.prefix}{policy.name}"), self._lost)

    # ---- what it speaks of

    def _resources(self, policy: Policy) -> tuple[tuple[Resource, ...], bool]:
        found: list[Resource] = []
        is_sure = True
        for resource in policy.resources:
            try:
                narrowed = self._options.scope.narrowed(resource)
            except Untold as error:
                self._lose(f"{error}: what it allows is left out, what it denies holds for all that is replicated")
                narrowed, is_sure = self._options.scope.everything(resource), False
            if narrowed is not None and narrowed not in found:
                found.append(narrowed)
        return tuple(found), is_sure

    def _refuse(self, policy: Policy, resources: Iterable[Resource]) -> None:
        unknown = sorted({part for resource in resources for part, _ in resource} - self._facts.parts)
        masks = sorted({line.mask for line in policy.allow if policy.kind == "mask"} - self._facts.masks)
        reasons = {
            f"the target knows no {', '.join(unknown)}": unknown,
            f"the target knows no mask {', '.join(masks)}": masks,
            f"the target has no security zone {policy.zone}": policy.zone and policy.zone not in self._zones,
        }
        why = [text for text, holds in reasons.items() if holds]
        if why:
            raise Inexpressible("; ".join(why))

    # ---- its lines

    def _lines(self, policy: Policy, *, is_sure: bool) -> Policy:
        narrow, widen = self._narrowing, self._widening
        if policy.kind != "access":
            return replace(policy, allow=self._changing(policy))
        return replace(
            policy, allow=widen(policy.allow) if is_sure else (), deny=narrow(policy.deny),
            allow_except=narrow(policy.allow_except), deny_except=widen(policy.deny_except),
        )  # fmt: skip

    def _widening(self, lines: Iterable[Grant]) -> tuple[Grant, ...]:
        made = (
            replace(line, who=self._named(line.who, is_narrowing=False), accesses=self._accesses(line))
            for line in lines
        )
        return tuple(line for line in made if line.who and line.accesses and not self._lacks(line))

    def _narrowing(self, lines: Iterable[Grant]) -> tuple[Grant, ...]:
        made = []
        for line in lines:
            known = tuple(one for one in line.conditions if one.kind in self._facts.conditions)
            if known != line.conditions:
                self._lose("a condition that the target does not know: it denies, masks or filters without it")
            who = self._named(line.who, is_narrowing=True)
            made.append(replace(line, who=who, conditions=known, accesses=self._accesses(line)))
        return tuple(line for line in made if line.who and line.accesses)

    def _changing(self, policy: Policy) -> tuple[Grant, ...]:
        """Lines of a mask or filter. The first that fits holds: without its condition, or for somebody else, one that leaves more would stand before the others."""
        made: list[Grant] = []
        for number, line in enumerate(policy.allow):
            unknown = sorted({one.kind for one in (*line.conditions, *policy.conditions)} - self._facts.conditions)
            if unknown and (number + 1 < len(policy.allow) or line.changes_nothing(policy.kind)):
                raise Inexpressible(
                    f"the target knows no condition {', '.join(unknown)}, and the lines of a {policy.kind} hold in their order"
                )
            if line.changes_nothing(policy.kind):
                who = self._named(line.who, is_narrowing=False)
                made += [replace(line, who=who, accesses=self._accesses(line))]
            else:
                made += self._narrowing([line])
        return tuple(line for line in made if line.who and line.accesses)

    def _lacks(self, line: Grant) -> bool:
        unknown = sorted({one.kind for one in line.conditions} - self._facts.conditions)
        for kind in unknown:
            self._lose(f"the target knows no condition {kind}: what is allowed under it is left out")
        return bool(unknown)

    def _accesses(self, line: Grant) -> tuple[str, ...]:
        for access in sorted(set(line.accesses) - self._facts.accesses):
            self._lose(f"the target knows no access {access}")
        return tuple(one for one in line.accesses if one in self._facts.accesses)

    # ---- its people

    def _named(self, who: Who, *, is_narrowing: bool) -> Who:
        users, groups, roles = set(who.users), set(who.groups), set(who.roles)
        mirrored = {self._mirrored[name] for name in roles if name in self._mirrored}
        if self._options.roles_as != "keep":
            flat = roles - set(self._mirrored)
            users, groups = self._members(flat, users, groups)
            self.flattened |= flat
            roles = set()
        found = {
            kind: self._mapped(kind, names, is_narrowing=is_narrowing)
            for kind, names in (("users", users), ("groups", groups), ("roles", roles))
        }
        return Who(found["users"], found["groups"], tuple(sorted({*found["roles"], *mirrored})))

    def _members(self, roles: set[str], users: set[str], groups: set[str]) -> tuple[set[str], set[str]]:
        """All users and groups, with those of roles and of roles in them."""
        seen: set[str] = set()
        ahead = set(roles)
        while ahead:
            name = ahead.pop()
            seen.add(name)
            role = self._roles.get(name)
            if role is None:
                raise Inexpressible(f"who is in the role {name} is not known")
            users, groups = users | set(role.users), groups | set(role.groups)
            ahead |= set(role.roles) - seen
        return users, groups

    def _mapped(self, kind: str, names: set[str], *, is_narrowing: bool) -> tuple[str, ...]:
        found = set()
        for name in sorted(names):
            is_fixed = MACRO in name or (kind == "groups" and name == EVERYBODY)
            target = name if is_fixed else self._options.names[kind].target_of(name)
            if target is None:
                self._is_nameless |= is_narrowing
                what = "what is denied to them is denied to that name" if is_narrowing else "they get nothing"
                self._lose(f"{kind[:-1]} {name} has no name at the target: {what}")
            if target is not None or is_narrowing:
                found.add(target or name)
        return tuple(sorted(found))

    def _lose(self, text: str) -> None:
        if text not in self._lost:
            self._lost.append(text)
