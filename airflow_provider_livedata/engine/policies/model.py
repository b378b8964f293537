"""Who may do what on what, whatever system keeps it: the neutral model of policies. Pure.

A policy allows, denies, masks or filters. Its answer to a question (user, groups, resource, access) is that of Apache Ranger's model:
denied where a ``deny`` fits and no ``deny_except`` does, else allowed where an ``allow`` fits and no ``allow_except`` does.
Source: https://ranger.apache.org, "Deny-conditions and excludes in Ranger policies".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar

Kind = Literal["access", "mask", "row filter"]
EVERYBODY = "public"  # the group that every user is in
NOT_MASKED = "MASK_NONE"  # a mask that shows what is kept
OURS = "livedata"  # the label of policies that a sync has written


@dataclass(frozen=True, slots=True)
class Who:
    """Names of users, groups and roles, each sorted."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.roles)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something besides who and what that must hold, such as a range of addresses."""

    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of a policy. ``may_grant``: they may pass it on; ``mask``: a kind of mask, of which CUSTOM has an expression."""

    who: Who
    accesses: tuple[str, ...] = ()
    may_grant: bool = False
    conditions: tuple[Condition, ...] = ()
    mask: str = ""
    mask_expression: str = ""
    mask_condition: str = ""
    row_filter: str = ""

    def changes_nothing(self, kind: Kind) -> bool:
        """Of a mask or filter: whom it fits, sees what is kept."""
        return self.mask == NOT_MASKED if kind == "mask" else not self.row_filter.strip()


@dataclass(frozen=True, slots=True)
class Values:
    """Patterns (``*``, ``?``) of one part of a resource; ``excludes``: everything but them; ``recursive``: and all that lies below."""

    values: tuple[str, ...]
    excludes: bool = False
    recursive: bool = False


Resource = tuple[tuple[str, Values], ...]  # by name, such as database, table, column; or path; sorted


@dataclass(frozen=True, slots=True)
class Origin:
    """What a policy that a sync wrote was made from: the sync's name, the source's policy, and the digest of what was written."""

    sync: str
    policy: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. ``number`` and ``version`` are those of the system that keeps it; 0 before it is kept."""

    name: str
    kind: Kind = "access"
    resources: tuple[Resource, ...] = ()  # it holds for each of them
    allow: tuple[Grant, ...] = ()  # of a mask or filter: its lines, of which the first that fits holds
    deny: tuple[Grant, ...] = ()
    allow_except: tuple[Grant, ...] = ()
    deny_except: tuple[Grant, ...] = ()
    description: str = ""
    is_enabled: bool = True
    is_audited: bool = True
    overrides: bool = False  # it is asked before those that do not
    denies_all_else: bool = False
    conditions: tuple[Condition, ...] = ()
    validity: tuple[str, ...] = ()  # JSON of each schedule, keys sorted
    labels: tuple[str, ...] = ()
    zone: str = ""  # security zone
    number: int = 0
    version: int = 0
    origin: Origin | None = None
    part: str = ""  # which of those that one policy of the source became

    @property
    def key(self) -> str:
        """What tells it apart from the source's others, at each run: its number, or its name where it has none."""
        return f"{self.number or self.name}{'-' if self.part else ''}{self.part}"

    @property
    def restricts(self) -> bool:
        """Whether somebody may do less for it: leaving it out would widen what is allowed."""
        return self.is_enabled and bool(self.deny or self.denies_all_else or self.kind != "access")

    @property
    def sent(self) -> object:
        """What it is known by where its number is not known yet."""
        return self.name, self.zone, self.origin

    def as_new(self) -> Policy:
        """The same, before it is kept."""
        return replace(self, number=0, version=0, part="")

    def digest(self) -> str:
        """Equal for policies that say the same; lines of masks and filters count in their order, all others in any."""
        said = replace(self.as_new(), origin=None)
        if self.kind == "access":
            said = replace(
                said, allow=_sorted(self.allow), deny=_sorted(self.deny), allow_except=_sorted(self.allow_except),
                deny_except=_sorted(self.deny_except),
            )  # fmt: skip
        told = {name: value for name, value in asdict(said).items() if name != "part"}
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Broken:
    """A policy that could not be read: what it restricts is not known, unless it ``only_allows``."""

    name: str
    why: str
    number: int = 0
    only_allows: bool = False

    @property
    def key(self) -> str:
        """What tells it apart from the source's others, at each run."""
        return str(self.number or self.name)


@dataclass(frozen=True, slots=True)
class Role:
    """Who is called by one name. ``grantors``: those in it who may put others in; ``number`` as of a policy."""

    name: str
    who: Who
    grantors: Who = Who()
    number: int = 0
    origin: Origin | None = None

    @property
    def sent(self) -> object:
        """What it is known by where its number is not known yet."""
        return self.name, self.origin

    def as_new(self) -> Role:
        """The same, before it is kept."""
        return replace(self, number=0)

    def digest(self) -> str:
        """Equal for roles of the same name and people."""
        return hashlib.sha256(as_json([self.name, asdict(self.who)]).encode()).hexdigest()[:32]


Item = TypeVar("Item", bound=Policy | Role)  # what a target is sent


@dataclass(frozen=True, slots=True)
class SecurityZone:
    """Resources that only the policies of this zone speak of."""

    name: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A resource and the tags that it bears; ``for_a_time``: those that it bears at some times alone."""

    resource: Resource
    tags: frozenset[str]
    for_a_time: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a service knows: its kind ("hive", "hdfs") and its names of accesses, parts of resources, masks and conditions."""

    kind: str
    accesses: frozenset[str]
    parts: frozenset[str]
    masks: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()


def resource_of(parts: dict[str, Values]) -> Resource:
    """A resource, of its parts by name."""
    return tuple(sorted(parts.items()))


def whole_key(key: str) -> str:
    """The key of the policy of which the one of this key is a part; its own where it is none."""
    number, _, part = key.partition("-")
    return number if number.isdigit() and part else key


def as_json(value: Any) -> str:
    """One text for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _sorted(lines: tuple[Grant, ...]) -> tuple[Grant, ...]:
    return tuple(sorted(lines, key=repr))
