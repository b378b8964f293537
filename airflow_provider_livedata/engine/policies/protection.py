"""The policies that keep everybody but the replication from writing to a replica; readers go on. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import EVERYBODY, Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.scope import Scope

READS = frozenset({"select", "read", "execute", "_any"})  # and what only looks; all else may change something
SPARED = frozenset({"lock"})  # a reader of Hive takes locks
EXTRA = {"database": ("table", "column"), "path": (), "url": ()}  # parts that a resource has besides


def protections(options: PolicySyncOptions, facts: Facts, writers: Who) -> Iterator[tuple[str, Policy]]:
    """A policy for each kind of resource that is replicated and that the service knows, by its key.

    Raises:
        BadOption: Nobody may write at all, so that the replication could not either.
    """
    if not writers:
        raise BadOption("name who replicates: users, groups or roles that go on writing to the replica")
    writes = tuple(sorted(facts.accesses - READS - SPARED))
    for part, places in _places(options.scope).items():
        if part in facts.parts and places:
            parts = {part: Values(places, recursive=part != "database")}
            parts |= {one: Values(("*",)) for one in EXTRA[part] if one in facts.parts}
            denied = Grant(Who(groups=(EVERYBODY,)), writes)
            yield f"protection of {part}", Policy(
                f"{options.prefix}replica, not to be written to ({part})", resources=(resource_of(parts),), deny=(denied,),
                deny_except=(Grant(writers, writes),), overrides=True,
                description="Set while this is a replica: whoever writes here loses what they wrote. Lifted by a fail-over.",
            )  # fmt: skip


def _places(scope: Scope) -> dict[str, tuple[str, ...]]:
    names = {part: dict(scope.everything(resource_of({part: Values(("*",))})))[part].values for part in EXTRA}
    return {part: tuple(one for one in values if part != "url" or "://" in one) for part, values in names.items()}
