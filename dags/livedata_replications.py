"""The DAGs of each replication in livedata.yaml: see docs/configuration.md. Entries that are not right are left out."""

from __future__ import annotations

from airflow_provider_livedata.dag_templates.configured import replication_dags

globals().update({dag.dag_id: dag for dag in replication_dags()})
