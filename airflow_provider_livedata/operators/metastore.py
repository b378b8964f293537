"""Tables follow their data: from one metastore to another."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, as_int, options_of
from airflow_provider_livedata.engine.errors import BadOption, VerifyFailed
from airflow_provider_livedata.hooks.metastore import MetastoreHook
from airflow_provider_livedata.hooks.row_counts import SqlRows
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
    from airflow_provider_livedata.engine.zones.base import Zone

SHOWN = 20


class CatalogueOperator(LiveDataOperator):
    """An operator between two metastores.

    Args:
        source: Airflow connection of the metastore to read; or ``glue://connection``, with one of type ``aws``.
        target: The same, of the metastore in which tables are registered; or ``databricks://connection/catalogue``.
        state: Address of a directory of its own, where the sync keeps its state, plans and reports.
        locations: Prefixes of the source's locations, each with the target's, as a mapping or JSON of one.
        options: Other fields of ``engine.SyncOptions`` by name (databases, tables, deletes, ...); texts will do.
        dry_run: Write the plan and change nothing else. Kept as ``is_dry_run``.
    """

    template_fields: Collection[str] = ("source", "target", "state", "locations", "options", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json", "locations": "json"}

    def __init__(
        self, *, source: str, target: str, state: str, locations: Mapping[str, str] | str, options: Mapping[str, Any] | str | None = None,
        dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.source = source
        self.target = target
        self.state = state
        self.locations = locations
        self.options = options or {}
        self.is_dry_run = dry_run

    def chosen(self, context: Context) -> engine.SyncOptions:
        """The options, with this task as the holder of the lease."""
        fixed: dict[str, Any] = {
            "locations": mapping_of(self.locations, "locations"), "dry_run": as_bool(self.is_dry_run, "dry_run"), **self.fixed(),
        }  # fmt: skip
        return options_of(
            engine.SyncOptions, {"holder": holder_in(context), **values_of(self.options, "options")}, **fixed
        )

    def fixed(self) -> dict[str, Any]:
        """Options that the operator has arguments of its own for."""
        return {}

    def work(self, context: Context) -> Any:
        """Open both metastores and the state, and hand them to ``between``."""
        options = self.chosen(context)
        with (
            closing(MetastoreHook(self.source).get_conn()) as source,
            closing(MetastoreHook(self.target).get_conn()) as target,
            opened(self.state) as state,
        ):
            report = self.between(source, target, options, state)
        return {**report.summary(), "target": report.target.split(",")[0]}

    def between(
        self, source: CatalogueTarget, target: CatalogueTarget, options: engine.SyncOptions, state: Zone
    ) -> engine.CatalogueReport:
        """Call the engine."""
        raise NotImplementedError


class MetastoreSyncOperator(CatalogueOperator):
    """Register databases, tables, partitions, functions, statistics and constraints of a metastore in another one; never touches a file.

    With ``dry_run`` the plan is written, and nothing else changed. Returns the report's address, digest and totals. It can be run again.

    Args:
        after_data: Register only what the newest checkpoints of the replications in ``data`` hold.
        data: For prefixes of ``locations``, the addresses of the targets of their replications.
        up_to: Number of an event of the source's log, such as ``MetastoreChangeSensor`` returns as ``position``, from before the snapshot
            that was replicated: later changes wait for the next sync. Empty: no bound.
    """

    template_fields: Collection[str] = (*CatalogueOperator.template_fields, "after_data", "data", "up_to")

    def __init__(
        self, *, after_data: bool | str = False, data: Mapping[str, str] | str | None = None, up_to: int | str | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.after_data = after_data
        self.data = data or {}
        self.up_to = up_to

    def fixed(self) -> dict[str, Any]:
        """See ``CatalogueOperator``."""
        up_to = -1 if self.up_to in (None, "", "None") else as_int(self.up_to, "up_to")
        return {"after_data": as_bool(self.after_data, "after_data"), "up_to": up_to}

    def between(
        self, source: CatalogueTarget, target: CatalogueTarget, options: engine.SyncOptions, state: Zone
    ) -> engine.CatalogueReport:
        """See ``engine.sync_catalogue``."""
        with ExitStack() as stack:
            data = self._data(stack) if options.after_data else None
            return engine.sync_catalogue(source, target, options, state=state, data=data)

    def _data(self, stack: ExitStack) -> dict[str, Zone | str]:
        given = mapping_of(self.data, "data")
        return {prefix: stack.enter_context(opened(address)) for prefix, address in given.items()}


class MetastoreVerifyOperator(CatalogueOperator):
    """Compare schema, partitions, locations, parameters, constraints and statistics; any difference fails the task for good.

    With ``dry_run`` differences are told and fail nothing. Returns the report's address, digest and totals.

    Args:
        rows_at_target: Count the rows of each table by this: an Airflow connection whose hook runs SQL at the target, or
            ``databricks://connection/catalogue``. Empty: rows are not counted.
        rows_at_source: The same at the source. Empty: the source's statistics tell, where the metastore says that they hold.
    """

    template_fields: Collection[str] = (*CatalogueOperator.template_fields, "rows_at_target", "rows_at_source")

    def __init__(self, *, rows_at_target: str | None = None, rows_at_source: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows_at_target = rows_at_target
        self.rows_at_source = rows_at_source

    def between(
        self, source: CatalogueTarget, target: CatalogueTarget, options: engine.SyncOptions, state: Zone
    ) -> engine.CatalogueReport:
        """See ``engine.verify_catalogue``."""
        asked = {"rows_at_target": self.rows_at_target, "rows_at_source": self.rows_at_source}
        named = {name: text for name, text in asked.items() if text and text != "None"}
        if set(named) == {"rows_at_source"}:
            raise BadOption(
                "rows_at_source is for rows_at_target to be compared with; name that too",
                rows_at_source=self.rows_at_source,
            )
        with ExitStack() as stack:
            counts: dict[str, Any] = {name: stack.enter_context(closing(SqlRows(text))) for name, text in named.items()}
            report = engine.verify_catalogue(source, target, options, state=state, **counts)
        if report.changes and not options.dry_run:
            error = VerifyFailed(
                "the catalogues differ; run the sync with find_by='full', details='all', or find out who changed the target",
                differences=len(report.changes), first=report.changes[:SHOWN], report=report.address,
            )  # fmt: skip
            error.report = report
            raise error
        return report


def values_of(value: Mapping[str, Any] | str, name: str) -> dict[str, Any]:
    """A mapping by names, from one or from JSON of one.

    Raises:
        BadOption: It is neither.
    """
    found: Any = value
    if isinstance(value, str):
        try:
            found = json.loads(value or "{}")
        except ValueError:
            found = None
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found):
        raise BadOption(f"{name} is a mapping by names, or JSON of one", **{name: value})
    return dict(found)


def mapping_of(value: Mapping[str, str] | str, name: str) -> dict[str, str]:
    """A mapping of texts, from one or from JSON of one.

    Raises:
        BadOption: It is neither.
    """
    found = values_of(value, name)
    if not all(isinstance(one, str) for one in found.values()):
        raise BadOption(f"{name} is a mapping of texts, or JSON of one", **{name: value})
    return found
