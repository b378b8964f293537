"""What a user may ask of a sync of policies; every field is checked when it is made. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from airflow_provider_livedata.engine.choices import refuse_unknown
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import as_json
from airflow_provider_livedata.engine.policies.naming import Names
from airflow_provider_livedata.engine.policies.scope import Scope

Deletes = Literal["mirror", "keep"]
ChangedAtTarget = Literal["fail", "overwrite", "keep"]
Roles = Literal["members", "mirror", "keep"]
Inexpressible = Literal["stop", "leave_out"]
Tags = Literal["stop", "resolve", "leave_out"]
CHOICES: dict[str, object] = {
    "deletes": Deletes, "changed_at_target": ChangedAtTarget, "roles_as": Roles, "inexpressible": Inexpressible, "tags": Tags,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PolicySyncOptions:
    """How to sync.

    Args:
        databases: Replicated databases, each with the target's name.
        locations: Replicated directories, each with the target's, as ``hdfs://nn1:8020/data`` or ``/data``.
        users: Names of users, each with the target's, or rules (``hdfs_*`` to ``grp-*``). Empty: all stay what they are. Who is
            under no rule gets nothing, and is reported.
        groups: The same of groups.
        roles: The same of roles that are mirrored or kept.
        roles_as: "members": a role is replaced by the users and groups in it; "mirror": a role of the same, or mapped, name is made at
            the target, and has in it who is in the source's, at each sync; "keep": such roles are meant, and they are there.
        prefix: What the names of policies at the target begin with.
        sync: The name of this sync; a policy belongs to the sync that made it. Empty: that of the source.
        dry_run: Write the whole plan and change nothing else.
        deletes: "mirror": policies of this sync go when the source has none for them; "keep": they stay.
        max_delete_ratio: Share of the policies of this sync above which deletes stop the run.
        changed_at_target: What to do where somebody changed a policy of this sync: fail before anything is changed, overwrite, or
            keep theirs. It is reported in any case.
        inexpressible: Where a policy that denies, masks or filters cannot be carried over: stop before anything is changed, or
            leave it out, which widens what is allowed, and report it. What only allows is left out in any case.
        tags: Where the source's service is under policies by tags: "stop" before anything is changed; "resolve" them to policies of the
            resources that bear the tags now, again at each sync; "leave_out": leave them out and report it, which may widen.
        holder: Who runs this, as another run will be told.
    """

    databases: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    roles_as: Roles = "members"
    prefix: str = "livedata "
    sync: str = ""
    dry_run: bool = False
    deletes: Deletes = "mirror"
    max_delete_ratio: float = 0.5
    changed_at_target: ChangedAtTarget = "fail"
    inexpressible: Inexpressible = "stop"
    tags: Tags = "stop"
    holder: str = ""
    scope: Scope = field(init=False, compare=False)
    names: dict[str, Names] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name, kind in CHOICES.items():
            refuse_unknown(name, getattr(self, name), kind)
        if not self.databases and not self.locations:
            raise BadOption("name what is replicated: databases, locations or both")
        if not 0 <= self.max_delete_ratio <= 1:
            raise BadOption("max_delete_ratio is a number from 0 to 1", max_delete_ratio=self.max_delete_ratio)
        object.__setattr__(self, "scope", Scope(self.databases, self.locations))
        mapped = {kind: Names(getattr(self, kind), kind) for kind in ("users", "groups", "roles")}
        object.__setattr__(self, "names", mapped)

    def digest(self) -> str:
        """Equal for options by which syncs make the same."""
        fields = ("databases", "locations", "users", "groups", "roles")
        what = [*(sorted(getattr(self, name).items()) for name in fields), self.roles_as, self.prefix, self.sync, self.deletes,
                self.changed_at_target, self.inexpressible, self.tags]  # fmt: skip
        return hashlib.sha256(as_json(what).encode()).hexdigest()[:16]
