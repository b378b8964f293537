"""Airflow knows the package as a provider, and what it is told fits Airflow's own schema."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest

from airflow_provider_livedata.provider_info import get_provider_info
from tests.airflow.test_dags import WITHOUT_A_FILE
from tests.services.airflow_home import REPOSITORY, AirflowHome


def test_the_description_fits_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)
    unknown = set(get_provider_info()) - set(schema["properties"])
    assert unknown == set()


def test_every_module_that_is_described_can_be_imported() -> None:
    info = get_provider_info()
    modules = [
        name
        for kind in ("operators", "sensors", "triggers", "hooks", "bundles")
        for item in info[kind]
        for name in item["python-modules"]
    ]
    assert len(modules) == len(set(modules)) > 9
    for name in modules:
        importlib.import_module(name)


def test_airflow_finds_the_provider(airflow_home: object) -> None:
    from airflow.providers_manager import ProvidersManager

    found = entry_points(group="apache_airflow_provider")
    if "airflow_provider_livedata" not in {entry.module.partition(".")[0] for entry in found}:
        pytest.fail("the package is not installed here: make install")
    assert "airflow-provider-livedata" in ProvidersManager().providers  # type: ignore[no-untyped-call]


def test_the_wheel_carries_the_shipped_dags_where_airflow_looks_for_examples(tmp_path: Path) -> None:
    for name in ("home", "no dags"):
        (tmp_path / name).mkdir()
    home = AirflowHome(tmp_path / "home", dags=tmp_path / "no dags").place_database()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    installed = {"AIRFLOW__CORE__LOAD_EXAMPLES": "True", "PYTHONPATH": str(tmp_path / "installed")}
    bundle = ("-B", "airflow-provider-livedata-example-dags")
    listed = home.run("dags", "list", "--local", *bundle, "-o", "json", env=installed).stdout
    carried = tmp_path / "installed" / "airflow_provider_livedata"
    assert (carried / "configuration" / "livedata.schema.json").is_file()
    for path in (REPOSITORY / "dags").glob("*.py"):
        assert (carried / "example_dags" / path.name).is_file()
        assert (f"{carried}/example_dags/{path.name}" in listed) == (path.stem not in WITHOUT_A_FILE)
