"""The throw-away Airflow of the tests is empty, migrated and the one that this process sees."""

from __future__ import annotations

import os

import pytest

from tests.services.airflow_home import AirflowHome, connection_variable


def test_commands_and_this_process_share_one_migrated_database(airflow_home: AirflowHome) -> None:
    from airflow.configuration import conf
    from airflow.models import Connection
    from airflow.utils.session import create_session

    assert conf.get("database", "sql_alchemy_conn") == f"sqlite:///{airflow_home.path}/airflow.db"
    assert os.environ["AIRFLOW_HOME"] == str(airflow_home.path)
    with create_session() as session:
        assert session.query(Connection).count() == 0
    airflow_home.run("db", "check-migrations")


def test_connections_come_from_the_environment(airflow_home: AirflowHome, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import BaseHook

    monkeypatch.setenv(connection_variable("the_lake"), '{"conn_type": "aws", "login": "me"}')
    assert BaseHook.get_connection("the_lake").login == "me"
