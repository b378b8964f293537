"""Ingest on premises, query in the cloud, results back: each DAG starts by itself on fresh data. With the livedata.yaml beside this file.

ingest_orders -> [onprem/orders] -> livedata_hybrid_cloud_orders -> [cloud/orders] -> query_revenue -> [cloud/revenue]
-> livedata_hybrid_cloud_revenue -> [onprem/revenue] -> use_revenue

In brackets are assets, livedata://zone/location. Those of followers are updated by the replication, once what has landed was verified;
those of homes by whoever writes there, as here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, task

from airflow_provider_livedata.configuration import load
from airflow_provider_livedata.operators.base import opened

START = datetime(2026, 1, 1, tzinfo=UTC)
REVENUE = """\
INSERT OVERWRITE TABLE lake.revenue
SELECT day, SUM(amount) AS amount FROM lake.orders GROUP BY day
"""


def asset(zone: str, location: str) -> Asset:
    """A location in a zone."""
    return Asset(f"livedata://{zone}/{location}")


def revenue_on_databricks(outlets: list[Asset]) -> Any:
    """The query in production: tables of Databricks whose data are the locations ``orders`` and ``revenue`` in the cloud."""
    from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator

    return DatabricksSqlOperator(
        task_id="revenue", databricks_conn_id="databricks_default", sql=REVENUE, outlets=outlets
    )


def hybrid_cloud_example(query: Callable[[list[Asset]], Any] = revenue_on_databricks) -> list[DAG]:
    """The three DAGs; ``query`` makes the task that computes the revenue in the cloud."""
    with DAG(
        "ingest_orders", schedule=None, start_date=START, params={"day": "2026-01-01", "amounts": [1, 2]}
    ) as ingest:

        @task(outlets=[asset("onprem", "orders")])
        def ingest_day(params: Any = None) -> None:
            """Write the orders of a day where they are at home."""
            lines = "".join(f"{amount}\n" for amount in params["amounts"])
            with opened(load().locations["orders"].places["onprem"]) as zone:
                zone.put(f"day={params['day']}/orders.csv", f"amount\n{lines}".encode())

        ingest_day()

    with DAG("query_revenue", schedule=[asset("cloud", "orders")], start_date=START, max_active_runs=1) as revenue:
        query([asset("cloud", "revenue")])

    with DAG("use_revenue", schedule=[asset("onprem", "revenue")], start_date=START) as use:

        @task(multiple_outputs=False)
        def use_it(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
            """What has arrived: checkpoint, lag, counts, partitions."""
            events = [event for found in triggering_asset_events.values() for event in found]
            return [
                {name: event.extra[name] for name in ("checkpoint", "lag_seconds", "partitions")} for event in events
            ]

        use_it()

    return [ingest, revenue, use]
