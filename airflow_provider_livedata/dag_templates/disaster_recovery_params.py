"""The form of the disaster recovery DAG, and what it makes of the list of locations. Pure but for the form's own classes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.bridge import as_float, options_from
from airflow_provider_livedata.dag_templates import forms
from airflow_provider_livedata.dag_templates.follower_params import FOLLOWERS, follower_schema
from airflow_provider_livedata.engine.deciding.live import Pace
from airflow_provider_livedata.engine.errors import BadInput, BadOption, PathsOverlap
from airflow_provider_livedata.engine.zones.address import Address

# Options of every location that the form does not set otherwise: by the names of engine.ReplicateOptions.
DEFAULT_OPTIONS: Mapping[str, Any] = {"consistency": "snapshot", "keep_removed": 7}
LOCATION = forms.item_of(
    "source", "target", options={"type": "object"}, **{name: follower_schema(name) for name in FOLLOWERS}
)
EVERY = {"listing": "verify_listing_every_h", "checksum": "verify_checksum_every_h"}  # level -> param
HOUR_S = 3600


def disaster_recovery_params(defaults: Mapping[str, Any]) -> dict[str, Param]:
    """The params, with ``defaults`` in place of their own.

    Raises:
        ValueError: A default for a param that is not there.
    """
    return forms.form(_fields(), defaults, "disaster recovery")


def locations_of(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The locations to replicate, each with ``source``, ``target`` and all its ``options``.

    Raises:
        BadInput: One error that names everything that is wrong with the params: addresses, options, places that overlap.
    """
    problems = list(_problems_of_pace(params))
    found = []
    for number, one in enumerate(params["locations"], start=1):
        options = {**DEFAULT_OPTIONS, **(params.get("options") or {}), **(one.get("options") or {})}
        try:
            places = Address.parse(one["source"]), Address.parse(one["target"])
            if places[0].overlaps(places[1]):
                raise PathsOverlap("source and target are the same place or lie inside each other")
            options_from(options, dry_run=False)
        except BadInput as error:
            problems.append(f"location {number} ({one.get('source')} -> {one.get('target')}): {error}")
        else:
            following = {name: one.get(name) or {} for name in FOLLOWERS}
            found.append({"source": one["source"], "target": one["target"], "options": options, **following})
    forms.refuse([*problems, *_overlaps(found)])
    return found


def every_s(params: Mapping[str, Any]) -> dict[str, float]:
    """Seconds after which each level of verification is due again; 0: never."""
    return {level: as_float(params[name], name) * HOUR_S for level, name in EVERY.items()}


def _problems_of_pace(params: Mapping[str, Any]) -> list[str]:
    try:
        Pace(params["interval_s"], params["duration_s"], params["max_failures_in_row"])
    except BadOption as error:
        return [str(error)]
    return []


def _overlaps(locations: Sequence[Mapping[str, Any]]) -> list[str]:
    # A target that is another location's source makes a chain, which is fine; two writers in one place are not.
    targets = [replace(Address.parse(one["target"]), conn_id=None) for one in locations]
    return [
        f"targets {one} and {other} are the same place or lie inside each other; each location takes one of its own"
        for one, other in itertools.combinations(targets, 2)
        if one.overlaps(other)
    ]


def _fields() -> dict[str, Param]:
    return {
        "locations": Param(
            type="array", items=LOCATION, minItems=1, title="Locations",
            description='Each one is replicated on its own: {"source": "hdfs://hdfs_prod@nn1:8020/data/sales", '
                        '"target": "s3://aws_default@bucket/sales", "options": {"exclude": ["*.tmp"]}}. Its options go before those below. "policies" and '
                        '"metadata" have those follow at the end of a run, as in the migration.',
        ),
        "interval_s": Param(
            15, type="number", exclusiveMinimum=0, title="Interval in seconds",
            description="From the start of a cycle to the start of the next; a cycle that takes longer is followed at once.",
        ),
        "duration_s": Param(
            3600, type=["number", "null"], minimum=0, title="Duration in seconds",
            description="Of the live replication in one run of this DAG; then comes what is to be verified, and the report. 0: one "
                        "cycle. Empty: until .livedata/stop.json is written at the target.",
        ),
        "verify_listing_every_h": forms.number("Hours between proofs by listing", 1, "Names and sizes of both sides. 0: never."),
        "verify_checksum_every_h": forms.number(
            "Hours between proofs by checksum", 24,
            "Also the target's own checksums; where its store keeps none, the target is read. 0: never.",
        ),
        "options": Param(
            {}, type=["object", "null"], title="Options of all locations",
            description='By the names of ReplicateOptions: {"bandwidth": "08:00-18:00=50MiB/s, off", "exclude": ["*.tmp"]}.',
        ),
        "dry_run": forms.yes_no(
            "Dry run", "Write the plan of each location and stop: nothing is copied, deleted or snapshotted."
        ),
        "max_failures_in_row": forms.whole(
            "Cycles that may fail in a row", 5, "Then the location's task fails, and is tried again by Airflow.",
            least=1, section=forms.ADVANCED,
        ),
    }  # fmt: skip
