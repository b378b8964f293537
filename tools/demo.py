"""Run the migration DAG on a small data set, and show what came of it.

    python tools/demo.py            from a local directory to a local directory: Python is all it takes
    python tools/demo.py --hadoop   from a real HDFS to a real S3 server, started here and stopped at the end

Everything lies in ``demo-data/``, which each run makes anew.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # for the imports that follow

from tests.services.airflow_home import AirflowHome, connection_variable  # noqa: E402
from tests.services.isolation import isolate  # noqa: E402
from tools.demo_data import change, make  # noqa: E402
from tools.demo_scenes import Scene, hadoop, local  # noqa: E402

PLACE = REPOSITORY / "demo-data"
DAG = "livedata_migration"
_BEGUN = re.compile(r"\[DAG TEST\] starting task_id=(\w+)")
_ENDED = re.compile(r"new_state=(\w+)")


class DemoFailed(Exception):
    """A run did not end as it should; the message says where its log lies."""


def main() -> None:
    """Make the data, run the DAG twice, and say where everything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hadoop", action="store_true", help="from a real HDFS to a real S3 server")
    parser.add_argument("--hold", action="store_true", help="with --hadoop: keep the servers until Enter is pressed")
    chosen = parser.parse_args()
    isolate(os.environ)
    shutil.rmtree(PLACE, ignore_errors=True)
    print(f"Making a data set in {PLACE / 'source'}: {make(PLACE / 'source')}")
    with hadoop(PLACE) if chosen.hadoop else local(PLACE) as scene:
        try:
            play(scene)
        except DemoFailed as error:
            sys.exit(str(error))
        if chosen.hold:
            input("The servers run until you press Enter. ")


def play(scene: Scene) -> None:
    """Two migrations: of everything, then of what changed."""
    scene.bring()
    home = airflow(scene.connections)
    print(f"\n{DAG}: {scene.source} -> {scene.target}\n(times include Airflow's own; the first step also its start)")
    print(f"\n{migrate(home, scene, 'run-1.log')}\n")
    print(f"Now the source changes: {change(PLACE / 'source')}. The same DAG again, which copies only that:")
    scene.bring()
    print(f"\n{migrate(home, scene, 'run-2.log')}\n")
    print("Where to look", *scene.where_to_look(), f"logs     {PLACE}/run-1.log, run-2.log", sep="\n  ")
    print("\nIn the Airflow UI", *open_the_ui(home), sep="\n  ")


def airflow(connections: dict[str, str]) -> AirflowHome:
    """Make an Airflow of its own, with its settings in a file for the shell."""
    path = PLACE / "airflow"
    path.mkdir(parents=True)
    print("Preparing an Airflow of its own (SQLite)")
    home = AirflowHome(path).place_database()
    home.environment |= {connection_variable(conn_id): text for conn_id, text in connections.items()}
    settings = path / "settings.sh"
    settings.touch(mode=0o600)
    settings.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in home.environment.items()))
    return home


def migrate(home: AirflowHome, scene: Scene, log: str) -> str:
    """Run ``airflow dags test``, show each step as it ends, and return the DAG's own report.

    Raises:
        DemoFailed: The run did not migrate everything.
    """
    conf = json.dumps({"source": scene.source, "target": scene.target})
    command = [sys.executable, "-m", "airflow", "dags", "test", DAG, "-c", conf]
    environment = {**os.environ, **home.environment}
    with (PLACE / log).open("w") as kept, subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:  # fmt: skip
        steps = Steps()
        for line in process.stdout or ():
            kept.write(line)
            steps.show(line)
    report = last_report(home)
    if process.returncode or report.get("outcome") != "MIGRATED":
        raise DemoFailed(f"{report.get('text', 'Airflow ended early.')}\nThe whole log: {PLACE / log}")
    return str(report["text"])


class Steps:
    """Shows each step of a run, as its log tells of them."""

    def __init__(self) -> None:
        self._name, self._began = "", 0.0

    def show(self, line: str) -> None:
        """Print what a line of the log tells: a step begins, or has ended."""
        if begun := _BEGUN.search(line):
            self._name, self._began = begun[1], time.monotonic()
            print(f"  {self._name:<18}", end="", flush=True)
        elif self._name and (ended := _ENDED.search(line)):
            print(f"{ended[1]:<9} {time.monotonic() - self._began:5.1f} s", flush=True)
            self._name = ""


def last_report(home: AirflowHome) -> dict[str, Any]:
    """What the newest run's last step left in XCom."""
    with contextlib.closing(sqlite3.connect(home.path / "airflow.db")) as database:
        row = database.execute(
            "SELECT value FROM xcom WHERE task_id = 'report' AND key = 'return_value' ORDER BY dag_run_id DESC LIMIT 1"
        ).fetchone()
    value = json.loads(row[0]) if row else {}
    return dict(json.loads(value) if isinstance(value, str) else value)


def open_the_ui(home: AirflowHome) -> list[str]:
    """The commands that start it, on loopback."""
    here = f"{shlex.quote(str(Path(sys.executable).parent))}/airflow"
    return [
        f"source {shlex.quote(str(home.path / 'settings.sh'))}",
        f"{here} scheduler --skip-serve-logs & {here} dag-processor & {here} triggerer --skip-serve-logs &",
        f"{here} api-server --host 127.0.0.1 --port 8080 --workers 1",
        f"then http://127.0.0.1:8080/dags/{DAG}, user admin, password in",
        f"{home.path}/simple_auth_manager_passwords.json.generated",
    ]


if __name__ == "__main__":
    main()
