"""What a system that keeps policies has to offer, to be read from and to be written to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from airflow_provider_livedata.engine.policies.guard_plan import Standing
from airflow_provider_livedata.engine.policies.guards import Guard
from airflow_provider_livedata.engine.policies.model import Broken, Facts, Item, Policy, Role, SecurityZone, Tagged, Who
from airflow_provider_livedata.engine.policies.permissions import Existing, Language, Permission, Place


class PolicySource(Protocol):
    """One service (of Hive, of HDFS) whose policies can be read. Every call raises PolicyStoreError where it cannot."""

    name: str  # for people, without secrets

    @property
    def home(self) -> str:
        """Whose roles these are: the same for all services of one Ranger. For people, without secrets."""

    def facts(self) -> Facts:
        """What the service knows."""

    def policies(self) -> Iterator[Policy | Broken]:
        """All policies of the service, page by page."""

    def roles(self) -> dict[str, Who]:
        """Who is in each role."""

    def zones(self) -> list[SecurityZone]:
        """Security zones that hold resources of the service."""

    def tag_policies(self) -> list[Policy | Broken]:
        """The enabled policies by tags that the service is under."""

    def tagged(self) -> list[Tagged]:
        """The service's resources that bear tags."""

    def version(self) -> str:
        """A text that changes when a policy of the service changes; empty where it is not told."""

    def calls(self) -> Mapping[str, int]:
        """Requests so far, by what they asked."""

    def close(self) -> None:
        """Let go of connections. Idempotent."""


class Plain:
    """What a source answers that has policies and nothing around them."""

    name: str

    @property
    def home(self) -> str:
        """See ``PolicySource``."""
        return self.name

    def zones(self) -> list[SecurityZone]:
        """See ``PolicySource``."""
        return []

    def tag_policies(self) -> list[Policy | Broken]:
        """See ``PolicySource``."""
        return []

    def tagged(self) -> list[Tagged]:
        """See ``PolicySource``."""
        return []

    def version(self) -> str:
        """See ``PolicySource``."""
        return ""

    def calls(self) -> Mapping[str, int]:
        """See ``PolicySource``."""
        return {}

    def close(self) -> None:
        """See ``PolicySource``."""


@runtime_checkable
class PolicyTarget(PolicySource, Protocol):
    """One that can be written to as well."""

    def kept_roles(self) -> list[Role]:
        """All roles, as they are kept."""

    def create(self, item: Item) -> Item:
        """Make a policy or role; as kept, with its number."""

    def update(self, item: Item) -> Item:
        """Replace the one of that number."""

    def delete(self, item: Policy | Role) -> None:
        """Remove the one of that number; it may be gone already."""


@runtime_checkable
class GrantTarget(Protocol):
    """A catalogue that knows grants alone. Every call raises PolicyStoreError where it cannot."""

    name: str  # for people, without secrets
    language: Language
    granted_a_call: int  # most grants that ``grant`` and ``revoke`` take

    def existing(self, databases: Iterable[str]) -> Existing:
        """Tables, and columns if they can be granted, of those of the databases that are there."""

    def granted(self, places: Collection[Place]) -> Iterator[Permission]:
        """What is granted on these places itself, to anybody; on others it may be left out."""

    def grant(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """Grant; what is there already is no error. Returns why, for those that are refused as such."""

    def revoke(self, permissions: Sequence[Permission]) -> Mapping[Permission, str]:
        """Take back; what is gone already is no error. Returns the same."""

    def unprotected(self, databases: Iterable[str]) -> Iterable[str]:
        """What grants do not protect there, and why."""

    def calls(self) -> Mapping[str, int]:
        """Requests so far, by what they asked."""

    def close(self) -> None:
        """Let go of connections. Idempotent."""


@runtime_checkable
class GuardTarget(GrantTarget, Protocol):
    """One whose tables can have row filters and masks. Every call raises PolicyStoreError where it cannot."""

    def has_guards(self) -> bool:
        """Whether any sync has set some."""

    def standing(self, existing: Existing) -> Standing:
        """What filters and masks, and what they are made of, are there."""

    def set_guard(self, guard: Guard, sync: str) -> None:
        """Have a table ask it, in place of one of ours or of none."""

    def unset_guard(self, place: Place) -> None:
        """Have it ask none; it may be gone already."""

    def drop_functions(self, names: Sequence[str]) -> None:
        """Remove functions of ours that nothing asks."""


def kept_of(target: PolicyTarget, item: Item) -> Item | None:
    """What a service keeps of a policy or role that a sync has sent, under whatever number; None: nothing."""
    there: Iterable[object] = target.kept_roles() if isinstance(item, Role) else target.policies()
    return next((one for one in there if isinstance(one, type(item)) and one.sent == item.sent), None)
