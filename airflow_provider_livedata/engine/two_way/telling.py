"""What earlier syncs of two sides tell, to be read by whoever waits for it; changes nothing."""

from __future__ import annotations

from typing import Any

from airflow_provider_livedata.engine.replication.opening import opened
from airflow_provider_livedata.engine.stored.roles import place_of
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.two_way.stored import PairFolder, pair_id
from airflow_provider_livedata.engine.zones.base import Zone

TOLD = 20  # conflicts that are listed of each run


def newest_two_way_run(left: Zone | str, right: Zone | str) -> int:
    """The number of the newest sync of two sides, in whichever order they are given; 0 before the first."""
    with opened(left) as one, opened(right) as other:
        return max(_folder(one, other).reports(), default=0)


def conflicts_after(left: Zone | str, right: Zone | str, *, run: int = 0) -> list[dict[str, Any]]:
    """The syncs after run ``run`` that met conflicts, oldest first.

    Of each ``run``, ``conflicts``, ``unsettled_conflicts``, the ``first`` of them, and the addresses ``conflicts_at`` and ``report``.
    """
    with opened(left) as one, opened(right) as other:
        folder = _folder(one, other)
        found = []
        for number in folder.reports():
            name = folder.report_file(number)
            value = folder.state.read_json(name) if number > run else None
            if value is not None and value["conflicts"]:
                found.append(_told(value) | {"report": folder.state.address(name)})
        return found


def _told(report: dict[str, Any]) -> dict[str, Any]:
    names = ("run", "conflicts", "unsettled_conflicts", "conflicts_at")
    return {name: report[name] for name in names} | {"first": report["conflict_list"][:TOLD]}


def _folder(one: Zone, other: Zone) -> PairFolder:
    keeper, peer = sorted((one, other), key=lambda zone: place_of(zone.address))
    return PairFolder(StateFolder(keeper), StateFolder(peer), pair_id(one.address, other.address))
