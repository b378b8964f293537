"""What a user may ask of a two-way sync; every field is checked when it is made. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.two_way.settling import POLICIES, PREFER

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_DEFAULTS = ReplicateOptions()
# Fields of ReplicateOptions that mean nothing here.
_WITHOUT = ("foreign", "consistency", "keep_manifests", "keep_removed", "exclusive")


@dataclass(frozen=True, slots=True)
class TwoWayOptions:
    """How to keep two locations in step.

    Args:
        conflicts: What happens to a path that both sides changed: ``fail`` leaves it as it is on both and fails the run at its end, ``newest``
            and ``prefer:<name>`` let one side's version win, ``keep_both`` lets the newest win and keeps the other one beside it on both sides.
        names: Of the two sides, as they are given: for reports, ``prefer:`` and the names of files that are kept beside others.
        keep_conflicts: Days for which losers are kept below ``.livedata/conflicts`` of their side; 0: until the run has ended.
        keep_removed: Days for which what a sync deletes is kept below ``.livedata/removed`` of its side; 0: until the run has ended.
        start_over: Forget what the sides agreed on: they are merged as by a first sync, which deletes nothing.
        how: Fields that a sync has in common with a replication: exclude, dry_run, preserve, max_delete_ratio (of each side), accept_new_filter,
            skip_unholdable, find_by, list_every_h, allow_snapshot and the limits.
    """

    conflicts: str = "fail"
    names: tuple[str, str] = ("left", "right")
    keep_conflicts: float = 30
    keep_removed: float = 7
    start_over: bool = False
    how: ReplicateOptions = field(default_factory=ReplicateOptions)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        self._check_names()
        chosen = self.conflicts.removeprefix(PREFER)
        if self.conflicts not in POLICIES and not (self.conflicts.startswith(PREFER) and chosen in self.names):
            known = ", ".join((*POLICIES, *(f"{PREFER}{name}" for name in self.names)))
            raise BadOption(f"conflicts is one of {known}", conflicts=self.conflicts)
        for name in ("keep_conflicts", "keep_removed"):
            days = getattr(self, name)
            if isinstance(days, bool) or not isinstance(days, (int, float)) or not 0 <= days <= 36_500:
                raise BadOption(f"{name} is a number of days from 0 to 36500", **{name: days})
        for name in _WITHOUT:
            if getattr(self.how, name) != getattr(_DEFAULTS, name):
                raise BadOption(f"a two-way sync has no option {name}", **{name: getattr(self.how, name)})

    def _check_names(self) -> None:
        names = list(self.names)
        if len(set(names)) != 2 or len(names) != 2 or not all(_NAME.fullmatch(str(name)) for name in names):
            raise BadOption(
                "names are two different ones of letters, digits, '-' and '_', of up to 32 characters", names=names
            )

    @property
    def dry_run(self) -> bool:
        """Whether plans are written and nothing else is changed."""
        return self.how.dry_run

    @property
    def holder(self) -> str:
        """Who runs this, as another run will be told."""
        return self.how.holder
