"""Fields of forms for what may follow the data: security policies, and Hive metadata. Pure but for the form's own classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Param

from airflow_provider_livedata.dag_templates.forms import ADVANCED
from airflow_provider_livedata.operators.policies import MAPPINGS

FOLLOWERS = ("policies", "metadata")
TEXTS = ("source", "target", "state")
OBJECTS = {"policies": (*MAPPINGS, "options"), "metadata": ("locations", "options")}


def follower_params() -> dict[str, Param]:
    """The fields of the form."""
    return {
        "policies": _field(
            "policies", "Policies that follow", "Afterwards give Ranger the policies of what was copied (docs/security-policies.md): "
            '{"source": "ranger://prod/hive", "target": "ranger://dr/hive", "state": "s3://lake@bucket/policy-state", "databases": {"sales": "sales"}}.',
        ),
        "metadata": _field(
            "metadata", "Metadata that follows", "Afterwards register the tables of what was copied (docs/hive-metadata.md): "
            '{"source": "prod_ms", "target": "dr_ms", "state": "s3://lake@bucket/metastore-state", "locations": {"hdfs://nn1:8020/data": "s3a://lake/data"}}.',
        ),
    }  # fmt: skip


def followed(results: Mapping[str, Any]) -> str:
    """What followed, for the end of a sentence."""
    names = [name for name in FOLLOWERS if isinstance(results.get(name), dict)]
    return f"; {' and '.join(names)} followed" if names else ""


def follower_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one field."""
    return object_schema(TEXTS, OBJECTS[name], required=TEXTS)


def object_schema(texts: Sequence[str], objects: Sequence[str], *, required: Sequence[str]) -> dict[str, Any]:
    """That of a field that holds arguments of an operator, texts and objects, or nothing."""
    known = {field: {"type": "string"} for field in texts} | {field: {"type": "object"} for field in objects}
    return {"type": ["object", "null"], "properties": known, "required": list(required), "additionalProperties": False}


def object_arguments(name: str, texts: Sequence[str], objects: Sequence[str]) -> dict[str, str]:
    """Templates of those arguments, of the param ``name``."""
    given = f"(params.{name} or {{}})"
    told = {field: f'{{{{ {given}.get("{field}") or "" }}}}' for field in texts}
    return told | {field: f'{{{{ ({given}.get("{field}") or {{}}) | tojson }}}}' for field in objects}


def _field(name: str, title: str, description: str) -> Param:
    return Param(None, title=title, description=description, section=ADVANCED, **follower_schema(name))
