"""The route of a replication's bytes, within the limits that its options set."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.transfer import bundles
from airflow_provider_livedata.engine.transfer.route import Route, attribute_names
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles


def route_of(
    source: Zone, target: Zone, options: ReplicateOptions, allow: Callable[[], None], open_files: OpenFiles | None,
    *, may_stream: bool,
) -> Route:  # fmt: skip
    """A route on which each file appears as soon as it has landed; see ``Route``."""
    return Route(
        source,
        target,
        Buffers(options.memory_mib << 20),
        Bandwidth(options.timetable),
        threading.Semaphore(options.max_reads) if options.max_reads else None,
        allow,
        open_files,
        options.exclusive,
        may_stream,
        preserve=attribute_names(options.preserve),
    )


def staging_route(route: Route, run: int, memory_mib: int) -> Route:
    """The same for files that are to stay invisible, small ones in the run's bundles; both share the memory."""
    held_bytes = (bundles.AT_ONCE + bundles.KEPT) * route.target.facts.bundle_bytes
    budget = memory_mib << 20
    return replace(
        route,
        is_staging=True,
        bundles=bundles.Bundles(bundles.Shelf(route.target), run, route.allow) if held_bytes else None,
        buffers=Buffers(max(budget - held_bytes, budget // 2)),
    )
