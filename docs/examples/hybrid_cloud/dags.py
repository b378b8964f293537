"""For the DAG folder, beside hybrid_cloud.py."""

from __future__ import annotations

from hybrid_cloud import hybrid_cloud_example  # type: ignore[import-not-found]

globals().update({dag.dag_id: dag for dag in hybrid_cloud_example()})
