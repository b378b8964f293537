"""The JSON Schema of the file, for editors: ``python -m airflow_provider_livedata.configuration.schema`` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path

from airflow_provider_livedata.configuration.file import File

SCHEMA = Path(__file__).with_name("livedata.schema.json")


def schema_text() -> str:
    """The schema as it is stored, made from the types that check the file."""
    said = {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}
    return json.dumps({**said, "title": "livedata.yaml"}, indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
