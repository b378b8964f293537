"""A service that keeps policies in memory, whose connection can break at any change, before or after the change took place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.errors import LiveDataError, PolicyRefused
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Policy, SecurityZone, Who

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
    by_tags: int = 0
    breaks: dict[int, LiveDataError] = field(default_factory=dict)
    breaks_after: bool = False
    refuses: str = ""  # the name of a policy
    changes: int = 0
    listings: int = 0

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

    def tag_policies(self) -> int:
        """See ``PolicySource``."""
        return self.by_tags

    def version(self) -> str:
        """See ``PolicySource``."""
        return str(self.changes)

    def calls(self) -> Mapping[str, int]:
        """See ``PolicySource``."""
        return {"listings": self.listings}

    def close(self) -> None:
        """See ``PolicySource``."""

    def create(self, policy: Policy) -> Policy:
        """See ``PolicyTarget``."""
        number = max(self.kept, default=0) + 1
        self._change(policy, {number: replace(policy, number=number, version=1)})
        return self.kept[number]

    def update(self, policy: Policy) -> Policy:
        """See ``PolicyTarget``."""
        version = self.kept[policy.number].version + 1
        self._change(policy, {policy.number: replace(policy, version=version)})
        return self.kept[policy.number]

    def delete(self, policy: Policy) -> None:
        """See ``PolicyTarget``."""
        self._change(policy, {policy.number: None})

    def _change(self, policy: Policy, new: dict[int, Policy | None]) -> None:
        self.changes += 1
        if policy.name == self.refuses:
            raise PolicyRefused("no")
        error = self.breaks.pop(self.changes, None)
        if error is None or self.breaks_after:
            for number, value in new.items():
                if value is None:
                    self.kept.pop(number, None)
                else:
                    self.kept[number] = value
        if error is not None:
            raise error
