"""A service that keeps policies in memory, whose connection can break at any change, before or after the change took place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_livedata.engine.errors import LiveDataError, PolicyRefused
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Item, Policy, Role, SecurityZone, Tagged, Who

HIVE = Facts("hive", frozenset({"select", "update", "drop"}), frozenset({"database", "table"}), frozenset({"MASK"}))


@dataclass
class MemoryPolicies:
    """See ``base.PolicyTarget``. ``breaks``: what is raised at the change of that number, from 1; ``breaks_after``: it took place."""

    name: str
    known: Facts = HIVE
    kept: dict[int, Policy] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    who_is_in: dict[str, Who] = field(default_factory=dict)
    security_zones: list[SecurityZone] = field(default_factory=list)
    by_tags: list[Policy | Broken] = field(default_factory=list)
    bearing: list[Tagged] = field(default_factory=list)
    breaks: dict[int, LiveDataError] = field(default_factory=dict)
    breaks_after: bool = False
    refuses: str = ""  # the name of a policy
    changes: int = 0
    listings: int = 0
    own_roles: dict[int, Role] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """See ``PolicySource``."""
        return self.name

    def give(self, *policies: Policy) -> MemoryPolicies:
        """Have somebody write policies."""
        for policy in policies:
            number = max(self.kept, default=0) + 1
            self.kept[number] = replace(policy, number=number, version=1)
            self.changes += 1
        return self

    def facts(self) -> Facts:
        """See ``PolicySource``."""
        return self.known

    def policies(self) -> Iterator[Policy | Broken]:
        """See ``PolicySource``."""
        self.listings += 1
        yield from self.kept.values()
        yield from self.broken

    def roles(self) -> dict[str, Who]:
        """See ``PolicySource``."""
        return self.who_is_in

    def zones(self) -> list[SecurityZone]:
        """See ``PolicySource``."""
        return self.security_zones

    def tag_policies(self) -> list[Policy | Broken]:
        """See ``PolicySource``."""
        return self.by_tags

    def tagged(self) -> list[Tagged]:
        """See ``PolicySource``."""
        return self.bearing

    def version(self) -> str:
        """See ``PolicySource``."""
        return str(self.changes)

    def calls(self) -> Mapping[str, int]:
        """See ``PolicySource``."""
        return {"listings": self.listings}

    def close(self) -> None:
        """See ``PolicySource``."""

    def kept_roles(self) -> list[Role]:
        """See ``PolicyTarget``."""
        return list(self.own_roles.values())

    def create(self, item: Item) -> Item:
        """See ``PolicyTarget``."""
        made = _stored(item, max(self._kept(item), default=0) + 1, 1)
        self._change(item, made)
        return made

    def update(self, item: Item) -> Item:
        """See ``PolicyTarget``."""
        old = self._kept(item)[item.number]
        made = _stored(item, item.number, getattr(old, "version", 0) + 1)
        self._change(item, made)
        return made

    def delete(self, item: Policy | Role) -> None:
        """See ``PolicyTarget``."""
        self._change(item, None)

    def _kept(self, item: Policy | Role) -> dict[int, Any]:
        return self.own_roles if isinstance(item, Role) else self.kept

    def _change(self, item: Policy | Role, made: Policy | Role | None) -> None:
        self.changes += 1
        if item.name == self.refuses:
            raise PolicyRefused("no")
        error = self.breaks.pop(self.changes, None)
        if error is None or self.breaks_after:
            if made is None:
                self._kept(item).pop(item.number, None)
            else:
                self._kept(item)[made.number] = made
        if error is not None:
            raise error


def _stored(item: Item, number: int, version: int) -> Item:
    more: Any = {"version": version} if isinstance(item, Policy) else {}
    return replace(item, number=number, **more)
