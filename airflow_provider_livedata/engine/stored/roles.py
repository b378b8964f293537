"""Which of two sides is active, the one that is written to, and which is standby: ``.livedata/role/<generation>.json``.

    generation 0    no file            the source of a replication is active, its target standby
    generation n    a file a side      a switch: create-only, the standby side first, then the active one
                                       or a two-way sync: both sides are active, each numbered by itself

The highest generation of a side holds; of two sides the higher one. A switch that was cut off leaves no side active, and
replications between the two refuse until it was run again.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from airflow_provider_livedata.engine.errors import AlreadyExists, StateDamaged, TargetIsActive, WrongSide
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.address import Address

FORMAT = 1
Side = Literal["active", "standby"]
How = Literal["planned", "unplanned", "fail-back", "two-way"]
END_IT = "if the sync is over, end it first (docs/two-way-sync.md)"


@dataclass(frozen=True, slots=True)
class Role:
    """What a switch made of one side.

    ``peer`` is the other side, without connection. ``run``, ``snapshot``, ``as_of_ms``: the checkpoint at which was switched.
    ``by``: who switched, for people. ``not_held``: attributes that the active side was found not to keep.
    ``frozen``, ``frozen_root``, ``frozen_ms``: a snapshot of the active side at the switch, "" and 0 where it has none.
    """

    generation: int
    role: Side
    peer: str
    how: How
    run: int
    snapshot: str
    as_of_ms: int
    since_ms: int
    by: str
    not_held: tuple[str, ...] = ()
    frozen: str = ""
    frozen_root: str = ""
    frozen_ms: int = 0
    format: int = FORMAT

    def other(self, peer: str) -> Role:
        """The role of the other side, whose peer is ``peer``."""
        return replace(self, role="standby" if self.role == "active" else "active", peer=peer)

    @property
    def is_shared(self) -> bool:
        """Whether both sides are written to, by a two-way sync."""
        return self.role == "active" and self.how == "two-way"

    @property
    def since(self) -> str:
        """When, for people."""
        return datetime.fromtimestamp(self.since_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def place_of(address: Address) -> str:
    """What names a side: its address without the connection that it is reached by."""
    return str(replace(address, conn_id=None))


def newest(state: StateFolder) -> Role | None:
    """The role that holds for a side, None where it never took part in a switch. One listing, and one read where one is there.

    Raises:
        StateDamaged: It cannot be read; nothing is concluded from an older one.
    """
    names = [entry.path for entry in state.files("role") if entry.path.endswith(".json")]
    if not names:
        return None
    return _role(state.read_json(names[-1]), state.address(names[-1]))


def write(state: StateFolder, role: Role) -> None:
    """Write the role of a side; the same one may be written again.

    Raises:
        WrongSide: Another switch took this generation meanwhile.
    """
    name = f"role/{role.generation:012d}.json"
    try:
        state.write_json(name, dataclasses.asdict(role), create_only=True)
    except AlreadyExists:
        there = _role(state.read_json(name), state.address(name))
        if (there.role, there.peer) != (role.role, role.peer):
            raise WrongSide(
                "another switch of this side took place meanwhile; look at its role, then decide anew",
                role=there.role, since=there.since, by=there.by, file=state.address(name),
            ) from None  # fmt: skip


def refuse_shared(role: Role | None, place: str) -> None:
    """Make sure that a side which is to be switched, or switched away from, is none of a two-way sync.

    Raises:
        WrongSide: It is; nothing was changed.
    """
    if role is not None and role.is_shared:
        raise WrongSide(
            f"this location is kept in step with another one by a two-way sync since {role.since}, so that both are written to and neither "
            f"is the other's standby; {END_IT}; nothing was changed",
            address=place, peer=role.peer, by=role.by,
        )  # fmt: skip


def generation_of(role: Role | None) -> int:
    """0 for a side that never took part in a switch."""
    return role.generation if role is not None else 0


def refuse_wrong_side(source: Address, target: Address, source_role: Role | None, target_role: Role | None) -> None:
    """Make sure that the roles of both sides, as ``newest`` tells them, allow a replication.

    Raises:
        WrongSide, TargetIsActive: They do not; nothing was changed.
    """
    error = refusal(source_role, target_role, place_of(source), place_of(target))
    if error is not None:
        raise error


def refusal(source: Role | None, target: Role | None, source_place: str, target_place: str) -> WrongSide | None:
    """Why these roles forbid a replication from source to target; None where they allow it. Pure."""
    ours, theirs = generation_of(source), generation_of(target)
    is_ours = source is not None and source.peer == target_place
    if target is not None and target.role == "active":
        was_left = source is not None and source.role == "active" and is_ours and ours > theirs
        return None if was_left and not target.is_shared else _target_is_active(target, target_place)
    if source is not None and source.role == "standby" and is_ours:
        return WrongSide(
            "the source is the standby side of this target, so nothing is replicated in this direction; if a switch was "
            "cut off, run it again; nothing was changed",
            source=source_place, since=source.since, by=source.by,
        )  # fmt: skip
    if target is not None and target.peer == source_place and ours < theirs:
        return WrongSide(
            "a switch of these two sides was cut off, so that neither is active; run it again; nothing was changed",
            target=target_place, since=target.since, by=target.by,
        )  # fmt: skip
    return None


def _target_is_active(target: Role, target_place: str) -> TargetIsActive:
    if target.is_shared:
        return TargetIsActive(
            f"this target is kept in step with another location by a two-way sync since {target.since}, and is written to; a replication "
            f"into it would overwrite that; {END_IT}; nothing was changed",
            target=target_place, peer=target.peer, how=target.how, by=target.by,
        )  # fmt: skip
    return TargetIsActive(
        f"this target was made the active side on {target.since}; a replication into it would overwrite what is written there; "
        "bring that back with a fail-back first; nothing was changed",
        target=target_place, peer=target.peer, how=target.how, by=target.by,
    )  # fmt: skip


def _role(value: dict[str, Any] | None, name: str) -> Role:
    if value is None:
        raise StateDamaged("a role file vanished while it was read", file=name)
    if value.get("format") != FORMAT:
        raise StateDamaged(
            f"a role has format {value.get('format')!r}, not {FORMAT}; use the version that wrote it", file=name
        )
    try:
        role = Role(**{**value, "not_held": tuple(value["not_held"])})
    except (KeyError, TypeError) as error:
        raise StateDamaged(f"a role is not complete: {error}", file=name) from error
    if role.role not in ("active", "standby"):
        raise StateDamaged("a role is neither active nor standby", file=name, role=role.role)
    return role
