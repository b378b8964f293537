"""The shipped DAGs: cheap to parse, found in their bundle, their form complete and honest."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from airflow_provider_livedata.dag_bundle import LiveDataDagBundle
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag
from airflow_provider_livedata.dag_templates.forms import ADDRESS
from airflow_provider_livedata.dag_templates.migration import STAGES, migration_dag
from airflow_provider_livedata.dag_templates.migration_params import FOREIGN, OPTIONS, VERIFY_LEVELS
from airflow_provider_livedata.engine.deciding.policy import Foreign
from airflow_provider_livedata.engine.errors import BadAddress
from airflow_provider_livedata.engine.options import PRESERVABLE, ReplicateOptions
from airflow_provider_livedata.engine.replication.standing import COUNTS
from airflow_provider_livedata.engine.verify_report import Level
from airflow_provider_livedata.engine.zones.address import Address

if TYPE_CHECKING:
    from airflow.sdk import DAG

REPOSITORY = Path(__file__).parents[2]
WITHOUT_A_FILE = {"livedata_configuration", "livedata_replications"}  # they have no DAG where no livedata.yaml is named
HEAVY = (
    "pyarrow",
    "boto3",
    "awscrt",
    "obstore",
    "hdfs_native",
    "hdfs",
    "numpy",
    "airflow_provider_livedata.engine.flows",
)


@pytest.fixture(scope="module")
def dag() -> DAG:
    return migration_dag()


def parsed(*, flags: tuple[str, ...] = ()) -> list[str]:
    """Parse every shipped DAG in a process of its own; returns the modules that this loaded."""
    script = (
        "import runpy, sys\n"
        f"for file in {[str(path) for path in sorted((REPOSITORY / 'dags').glob('*.py'))]!r}:\n"
        "    runpy.run_path(file)\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, *flags, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_parsing_loads_no_heavy_library() -> None:
    assert [name for name in parsed() if name.startswith(HEAVY)] == []


def test_parsing_warns_of_nothing() -> None:
    assert "airflow_provider_livedata.dag_templates.migration" in parsed(flags=("-W", "error"))


def test_the_bundle_serves_every_shipped_dag(airflow_home: object) -> None:
    from airflow.dag_processing.dagbag import BundleDagBag

    bundle = LiveDataDagBundle(name="livedata")
    bundle.initialize()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in (REPOSITORY / "dags").glob("*.py")} - WITHOUT_A_FILE
    assert {
        name for name, dag in bag.dags.items() if not re.fullmatch(r"[A-Z][^|`]{30,}\.", dag.description or "")
    } == set()
    bundle.refresh()
    assert bundle.get_current_version() is None


def test_the_installed_package_serves_its_own_copy_of_the_dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "example_dags").mkdir()
    monkeypatch.setattr(
        "airflow_provider_livedata.dag_bundle._PLACES", (tmp_path / "example_dags", REPOSITORY / "dags")
    )
    assert LiveDataDagBundle(name="livedata").path == tmp_path / "example_dags"


def test_the_steps_stand_in_one_line(dag: DAG) -> None:
    assert set(dag.task_ids) == {*STAGES, "report"}
    for before, after in zip(STAGES, (*STAGES[1:], "report"), strict=True):
        assert after in dag.get_task(before).downstream_task_ids
    assert dag.get_task("report").is_teardown
    assert all(step in (dag.doc_md or "") for step in dag.task_ids)


def test_every_step_that_works_on_zones_is_tried_again_later_and_later(dag: DAG) -> None:
    for name in set(STAGES) - {"approve_cut_over"}:
        task = dag.get_task(name)
        assert (task.retries, bool(task.retry_exponential_backoff)) == (3, True)
        assert (task.retry_delay, task.max_retry_delay) == (timedelta(seconds=30), timedelta(minutes=10))
    assert dag.get_task("approve_cut_over").retries == 0  # a refusal is not asked again


def test_every_field_of_the_form_says_what_it_is(dag: DAG) -> None:
    params = {name: dag.params.get_param(name) for name in dag.params}
    assert {name for name, param in params.items() if not param.schema.get("title")} == set()
    essential = {name for name, param in params.items() if "section" not in param.schema}
    assert {name for name in essential if not params[name].description} == set()
    assert essential == {
        "source", "target", "exclude", "bandwidth", "threads", "verify_level", "dry_run", "approval",
    }  # fmt: skip


def test_the_form_offers_what_the_engine_knows(dag: DAG) -> None:
    assert list(VERIFY_LEVELS) == list(get_args(Level))
    assert list(FOREIGN) == list(get_args(Foreign))
    assert set(dag.params.get_param("preserve").schema["examples"]) == PRESERVABLE
    assert set(OPTIONS) <= set(dag.params)
    default = ReplicateOptions()
    for name in OPTIONS:
        offered: Any = dag.params[name]
        known = getattr(default, name)
        assert (type(known)(offered) if isinstance(offered, list) else offered) == known, name


@pytest.mark.parametrize(
    "text",
    [
        "hdfs://hdfs_prod@nn1:8020/data/sales", "s3://aws_default@bucket/prefix", "s3a://bucket", "file:///srv/data",
        "file:///srv/a b/ü@x", "s3://bucket/", "nothing", "/data", "s3:/x", "s3://me:secret@bucket/x", "://x", "s3://a@b@c/x",
        "hdfs://nn1:8020/data", "",
    ],
)  # fmt: skip
def test_the_form_takes_exactly_the_addresses_that_the_engine_takes(text: str) -> None:
    try:
        Address.parse(text)
        is_address = True
    except BadAddress:
        is_address = False
    assert (re.search(ADDRESS, text) is not None) == is_address


def test_a_template_can_be_given_its_places() -> None:
    dag = migration_dag(
        "move_sales", defaults={"source": "file:///a", "target": "file:///b"}, pool="cluster", retries=1
    )
    assert (dag.params["source"], dag.params["target"]) == ("file:///a", "file:///b")
    assert {task.pool for task in dag.tasks} == {"cluster"}
    assert dag.get_task("copy").retries == 1
    with pytest.raises(ValueError, match=r"no params \['sauce'\]"):
        migration_dag(defaults={"sauce": "file:///a"})


def test_the_examples_of_the_page_on_live_replication_are_dags() -> None:
    examples = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "live.md").read_text(), re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        names: dict[str, Any] = {}
        exec(compile(example, "docs/live.md", "exec"), names)


def test_the_page_on_live_replication_names_every_param_and_payload() -> None:
    page = (REPOSITORY / "docs" / "live.md").read_text()
    assert {name for name in disaster_recovery_dag().params if name not in page} == {"dry_run"}
    assert [name for name in COUNTS if f"`{name}`" not in page] == []
