"""Tables that a sync registered at Databricks become Delta tables: copies, or in place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, options_of
from airflow_provider_livedata.engine.metastore.locations import Locations
from airflow_provider_livedata.hooks.metastore import MetastoreHook
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened
from airflow_provider_livedata.operators.metastore import mapping_of, values_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
    from airflow_provider_livedata.engine.zones.base import Zone


class _Makes(Protocol):
    def __call__(
        self,
        target: CatalogueTarget,
        options: engine.DeltaOptions,
        *,
        state: Zone | str,
        data: Mapping[str, Zone | str],
    ) -> engine.CatalogueReport: ...


class DeltaOperator(LiveDataOperator):
    """An operator that makes Delta tables.

    Args:
        target: The catalogue, ``databricks://connection/catalogue``, that tables were registered in.
        state: Address of a directory where these runs keep their state, plans and reports; it may be that of the sync, which then waits for them.
        data: For prefixes of the tables' locations, as they are registered, the addresses of the targets of the replications that bring
            their files; as a mapping or JSON of one.
        locations: Where the prefixes of ``data`` are those of the source, as for a sync: its ``locations``, which tell the target's.
        options: Other fields of ``engine.DeltaOptions`` by name (databases, tables, schema, ...); texts will do.
        dry_run: Write the plan, with every statement, and change nothing else. Kept as ``is_dry_run``.
    """

    template_fields: Collection[str] = ("target", "state", "data", "locations", "options", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json", "data": "json", "locations": "json"}

    def __init__(
        self, *, target: str, state: str, data: Mapping[str, str] | str, locations: Mapping[str, str] | str | None = None,
        options: Mapping[str, Any] | str | None = None, dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.target = target
        self.state = state
        self.data = data
        self.locations = locations or {}
        self.options = options or {}
        self.is_dry_run = dry_run

    def work(self, context: Context) -> Any:
        """Open the catalogue, the state and the targets of the replications, and call the engine."""
        given = {"holder": holder_in(context), **values_of(self.options, "options")}
        fixed = {"dry_run": as_bool(self.is_dry_run, "dry_run"), **self.fixed()}
        options = options_of(engine.DeltaOptions, given, **fixed)
        there = Locations(mapping_of(self.locations, "locations"))
        data = {there.target_of(prefix) or prefix: one for prefix, one in mapping_of(self.data, "data").items()}
        with (
            closing(MetastoreHook(self.target).get_conn()) as target,
            opened(self.state) as state,
            ExitStack() as stack,
        ):
            zones = {prefix: stack.enter_context(opened(address)) for prefix, address in data.items()}
            report = self.makes()(target, options, state=state, data=zones)
        return report.summary()

    def fixed(self) -> dict[str, Any]:
        """Options that the operator has arguments of its own for."""
        return {}

    def makes(self) -> _Makes:
        """What the engine is to do."""
        raise NotImplementedError


class DeltaCopyOperator(DeltaOperator):
    """Make a Delta table of each registered table, in another schema; from the second run on, of those alone whose files have changed.

    Returns the report's address, digest and totals. It can be run again.

    Args:
        location: Where the copies lie: a directory outside of every replicated location.
    """

    template_fields: Collection[str] = (*DeltaOperator.template_fields, "location")

    def __init__(self, *, location: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.location = location

    def fixed(self) -> dict[str, Any]:
        """See ``DeltaOperator``."""
        return {"location": self.location}

    def makes(self) -> _Makes:
        """See ``engine.copy_to_delta``."""
        return engine.copy_to_delta


class DeltaConvertOperator(DeltaOperator):
    """Turn registered Parquet tables into Delta tables where they lie, once their replication has ended.

    It is refused as long as the target of the replication was not made the active side by a fail-over. Later syncs leave such tables alone. Returns
    the report's address, digest and totals. It can be run again.
    """

    def makes(self) -> _Makes:
        """See ``engine.convert_to_delta``."""
        return engine.convert_to_delta
