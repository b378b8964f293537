"""Has no DAG: where livedata.yaml is not right this file fails to import, so that Airflow shows what is wrong and where.

The entries that are right have their DAGs in other files, and keep them.
"""

from __future__ import annotations

from airflow_provider_livedata.configuration import load

load().raise_problems()
