"""What a plan is decided by, beside the rows. Pure: values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airflow_provider_livedata.engine.model import Facts

Foreign = Literal["stop", "keep", "replace"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan is decided by.

    ``compared``: names of attributes whose change at the source is a change. ``foreign``: what to do about paths that
    someone else wrote at the target: stop, leave those alone that are not in the way, or make the target equal.
    ``held_at``: folder of the target for files whose old place is wanted before they have their new one.
    ``unsettled``: why files that are not settled are written down again, in a word.
    """

    facts: Facts
    compared: frozenset[str] = frozenset({"owner", "group", "mode", "acl", "xattrs"})
    foreign: Foreign = "stop"
    max_delete_ratio: float = 0.5
    skip_unholdable: bool = False
    held_at: str = ".livedata/stage/held"
    unsettled: str = "was open"
