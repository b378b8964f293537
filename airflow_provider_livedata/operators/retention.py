"""Which backups of a place stay: by the rules of a policy, and because somebody needs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool
from airflow_provider_livedata.engine.backups.record import hold_name, number_of
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.operators.backup import PlaceOperator
from airflow_provider_livedata.operators.backup_values import as_epoch_ms, policy_from
from airflow_provider_livedata.operators.base import holder_in

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.zones.base import Zone


class LiveDataRetentionOperator(PlaceOperator):
    """Remove the backups of a place that a policy does not keep; the log tells of each why it stays.

    Args:
        policy: Rules by name, ``{"keep_daily": 7, "keep_within": "1m", "timezone": "Europe/Berlin"}``, or JSON of them:
            docs/retention.md. Without a rule nothing is removed.
        dry_run: Show and store the decisions, and remove nothing.

    Returns the report's address, digest and totals. It can be run again: a removal that was cut off is ended.
    """

    template_fields: Collection[str] = (*PlaceOperator.template_fields, "policy", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"policy": "json"}

    def __init__(self, *, policy: Mapping[str, Any] | str, dry_run: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.policy = policy
        self.is_dry_run = dry_run

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """See ``engine.retain``."""
        policy, is_dry = policy_from(self.policy), as_bool(self.is_dry_run, "dry_run")
        return engine.retain(place, policy, dry_run=is_dry, holder=holder_in(context)).summary()


class LiveDataRemoveBackupsOperator(PlaceOperator):
    """Remove damaged or incomplete backups by their names; no policy removes a damaged one.

    What complete backups need of them is copied to those first. Complete, held and unknown ones are refused, and nothing is removed then.

    Args:
        names: Of the backups; one name, or a list.
        dry_run: Say what would go and what would be copied within the place, and remove nothing.

    Returns the report's address, digest and totals. It can be run again: a removal that was cut off is ended.
    """

    template_fields: Collection[str] = (*PlaceOperator.template_fields, "names", "is_dry_run")

    def __init__(self, *, names: Sequence[str] | str, dry_run: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.is_dry_run = dry_run

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """See ``engine.remove_backups``."""
        names = [self.names] if isinstance(self.names, str) else list(self.names)
        is_dry = as_bool(self.is_dry_run, "dry_run")
        return engine.remove_backups(place, names, dry_run=is_dry, holder=holder_in(context)).summary()


class LiveDataHoldOperator(PlaceOperator):
    """Hold a backup, so that no policy removes it, or let go of it again.

    Both can be tried again. Several may hold one backup, each for a reason of their own.

    Args:
        which: The name of a backup; to hold one, also ``latest`` or a time: the newest complete backup that is not after it.
        why: For people: a ticket, an audit. ``by`` and ``why`` together name the hold.
        by: Whom to ask about it; by default the DAG.
        until: Time in ISO 8601 (UTC where it names no zone) from which it holds no more; None or an empty text: for ever.
        action: ``hold`` or ``release``.

    Returns ``place``, ``name``, ``hold`` (its name) and ``action``.
    """

    template_fields: Collection[str] = (*PlaceOperator.template_fields, "which", "why", "by", "until", "action")

    def __init__(
        self, *, which: str, why: str, by: str = "Airflow DAG {{ dag.dag_id }}", until: str | None = None,
        action: str = "hold", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.which = which
        self.why = why
        self.by = by
        self.until = until
        self.action = action

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """See ``engine.hold`` and ``engine.release``."""
        if self.action not in {"hold", "release"}:
            raise BadOption("action is hold or release", action=self.action)
        if self.action == "hold":
            name, mark = self._hold(place)
        else:
            name, mark = self.which, hold_name(self.by, self.why)
            engine.release(place, name, mark)
        self.log.info("%s %s: %s (%s)", self.action, name, self.why, self.by)
        return {"name": name, "hold": mark, "action": self.action}

    def _hold(self, place: Zone) -> tuple[str, str]:
        until_ms = as_epoch_ms(self.until, "until")
        if until_ms and until_ms <= now_ms():
            raise BadOption("until is over already, so that this would hold nothing", until=self.until)
        name = self.which if number_of(self.which) else engine.catalogue(place).find(self.which).name
        return name, engine.hold(place, name, self.why, by=self.by, until_ms=until_ms)
