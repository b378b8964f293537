"""Which catalogue serves a kind; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow_provider_livedata.engine.errors import BadInput
from airflow_provider_livedata.engine.metastore.base import CatalogueTarget

_KINDS = {
    "hive": ("hive:open_hive", "pip install 'airflow-provider-livedata[hive]'"),
    "glue": ("glue:open_glue", "pip install boto3"),
    "databricks": ("databricks:open_databricks", ""),  # the sender is the caller's
}


def open_catalogue(kind: str, **options: Any) -> CatalogueTarget:
    """Open a catalogue; the caller closes it. The options are those of its kind.

    Raises:
        BadInput: An unknown kind, or the extra that brings it is not installed.
    """
    if kind not in _KINDS:
        raise BadInput(f"the kinds of catalogue are {', '.join(_KINDS)}", kind=kind)
    where, install = _KINDS[kind]
    module, function = where.split(":")
    try:
        found = getattr(import_module(f"{__package__}.{module}"), function)
        return found(**options)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        raise BadInput(f"a catalogue of kind {kind!r} needs: {install}", missing=error.name) from error
