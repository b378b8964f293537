"""Move, prove and govern replicated data from Apache Airflow. Importing this package loads no Airflow."""

from __future__ import annotations

__version__ = "0.1.0"
