"""What the report step of a moved home says: that of a switch, and what to write in livedata.yaml. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_livedata.dag_templates.outcomes import Results, titled
from airflow_provider_livedata.dag_templates.switch_outcome import switch_outcome

PLACES = "places"  # the step that finds them


def move_home_outcome(
    params: Mapping[str, Any], stages: Sequence[str], states: Mapping[str, Any], results: Results, failures: Results
) -> dict[str, Any]:
    """As ``switch_outcome``, with ``change``: the lines that livedata.yaml is to have once the home has moved."""
    places = results.get(PLACES) or {}
    about = {**params, "source": places.get("source"), "target": places.get("target")}
    told = switch_outcome(about, stages, states, {**results, PLACES: None}, failures)
    change = places.get("change") or []
    title = "livedata.yaml is to say now" if told["outcome"] == "SWITCHED" else "livedata.yaml would have to say then"
    text = "\n".join([told["text"], *titled(f"{title}, of {params.get('location')}", change)])
    return {**told, "change": change, "text": text}
