"""A catalogue that keeps grants in memory, whose connection can break at any change, before, amid or after it took place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.policies.permissions import Existing, Language, Permission, Place
from airflow_provider_livedata.engine.policies.unity_catalog import LANGUAGE

When = Literal["before", "amid", "after"]


@dataclass
class MemoryGrants:
    """See ``base.GrantTarget``. ``breaks``: what is raised at the call of that number, from 1. ``seen``: what was held after each change."""

    name: str
    tables: Existing
    language: Language = LANGUAGE
    granted_a_call: int = 2
    held: set[Permission] = field(default_factory=set)
    breaks: dict[int, BaseException] = field(default_factory=dict)
    breaks_when: When = "before"
    refuses: set[str] = field(default_factory=set)  # principals
    changes: int = 0
    seen: list[frozenset[Permission]] = field(default_factory=list)

    def existing(self, databases: Iterable[str]) -> Existing:
        """See ``GrantTarget``."""
        return {name: self.tables[name] for name in databases if name in self.tables}

    def granted(self, places: Collection[Place]) -> Iterator[Permission]:
        """See ``GrantTarget``."""
        return (one for one in self.held if one.place in places)

    def grant(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``."""
        return self._change(permissions, self.held.add)

    def revoke(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """See ``GrantTarget``."""
        return self._change(permissions, self.held.discard)

    def unprotected(self, databases: Iterable[str]) -> Iterable[str]:
        """See ``GrantTarget``."""
        return ()

    def calls(self) -> Mapping[str, int]:
        """See ``GrantTarget``."""
        return {"changes": self.changes}

    def close(self) -> None:
        """See ``GrantTarget``."""

    def _change(self, permissions: Sequence[Permission], does: object) -> Mapping[Permission, str]:
        assert callable(does)
        assert len(permissions) <= self.granted_a_call
        self.changes += 1
        refused = {one: "no" for one in permissions if one.principal in self.refuses}
        error = self.breaks.pop(self.changes, None)
        taken = [one for one in permissions if one not in refused]
        until = {"before": 0, "amid": 1, "after": len(taken)}[self.breaks_when] if error else len(taken)
        for one in taken[:until]:
            does(one)
            self.seen.append(frozenset(self.held))
        if error:
            raise error
        return refused
