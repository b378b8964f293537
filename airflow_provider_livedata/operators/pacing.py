"""Limits of zones, as this Airflow knows them: the Variable ``livedata_paces``, which holds for every task on every worker.

{"hdfs://hdfs_prod@nn1:8020/": {"reading": "08:00-18:00=50MiB/s", "writing": "200MiB/s"}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import Variable

from airflow_provider_livedata.configuration.paces import VARIABLE
from airflow_provider_livedata.engine.errors import BadInput, BadOption
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.sharing.zone_pace import Direction, ZonePace, pace_at, zone_paces
from airflow_provider_livedata.hooks.livedata import LiveDataHook

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.sharing.governed import SharedBandwidth
    from airflow_provider_livedata.engine.zones.base import Zone


def known_paces() -> Mapping[str, ZonePace]:
    """Limits by address of their zone; none where the Variable is not there.

    Raises:
        BadInput: The Variable says something else; the message names what.
    """
    text = Variable.get(VARIABLE, default=None) or "{}"  # not as JSON: Airflow takes the default for what is none
    try:
        return zone_paces(json.loads(text))
    except BadInput as error:
        raise BadOption(f"the Airflow Variable {VARIABLE} cannot be used: {error}") from None
    except ValueError:
        raise BadOption(f"the Airflow Variable {VARIABLE} is not JSON") from None


def within_limits(zone: Zone, address: str, into: str, options: ReplicateOptions, *, begins: bool) -> Zone:
    """The zone, read within what may leave it and what may go into the other one that is named, if any; as it is where neither has limits.

    ``begins``: work is about to begin that reads it.

    Raises:
        WindowClosed: It would, and one of both is closed at this time of day.
        BadInput: See ``known_paces``.
    """
    # What is shared reads and writes files, and parsing a DAG file is to load nothing of that.
    from airflow_provider_livedata.engine.sharing.governed import Governed

    paces = known_paces()
    asked: list[tuple[str, Direction]] = [(address, "reading"), *([(into, "writing")] if into else [])]  # type: ignore[list-item]
    shares = [
        _share(pace, direction, options)
        for place, direction in asked
        if (pace := pace_at(place, paces)) is not None and pace.timetable(direction).spans
    ]
    if begins and not options.dry_run:
        for share in shares:
            share.refuse_closed()
    return Governed(zone, shares) if shares else zone


def _share(pace: ZonePace, direction: Direction, options: ReplicateOptions) -> SharedBandwidth:
    from airflow_provider_livedata.engine.sharing.governed import SharedBandwidth

    return SharedBandwidth(pace, direction, LiveDataHook.open_zone, weight=options.priority, holder=options.holder)
