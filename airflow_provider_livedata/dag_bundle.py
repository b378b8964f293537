"""The shipped DAGs as a DAG bundle, so that they need not be copied anywhere.

[dag_processor]
dag_bundle_config_list = [
    {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {"name": "livedata", "classpath": "airflow_provider_livedata.dag_bundle.LiveDataDagBundle", "kwargs": {}}]
"""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle

_PACKAGE = Path(__file__).parent
_PLACES = (_PACKAGE / "example_dags", _PACKAGE.parent / "dags")  # in the wheel, in a source checkout


class LiveDataDagBundle(BaseDagBundle):
    """Serves the DAGs of the version that is installed."""

    supports_versioning = False

    @property
    def path(self) -> Path:
        """The directory that holds them."""
        return next(place for place in _PLACES if place.is_dir())

    def get_current_version(self) -> str | None:
        """It has none: it changes with the package."""
        return None

    def refresh(self) -> None:
        """Nothing to fetch."""
