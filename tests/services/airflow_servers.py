"""Airflow's parts as processes, on loopback: for what only a real scheduler and a real API do.

with AirflowServers(home) as servers:
    run_id = servers.trigger("livedata_migration", {"source": ..., "target": ...})
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any, Self

from tests.services.airflow_home import AirflowHome
from tests.services.processes import ServerProcess, accepts, free_ports, start_process, wait_until

_PARTS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_DONE = {"success", "failed", "skipped", "upstream_failed"}


class AirflowServers:
    """An API server, a scheduler, a DAG processor and a triggerer for one home."""

    def __init__(self, home: AirflowHome) -> None:
        self.home = home
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.home.environment |= {
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        }
        self._processes: list[ServerProcess] = []
        self._token = ""

    def __enter__(self) -> Self:
        try:
            api = ("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            self._start("api-server", api)
            wait_until(lambda: accepts(self.port), what="Airflow's API", seconds=120, processes=self._processes)
            for name, command in _PARTS.items():
                self._start(name, command)
            self._token = self._login()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all of them. Idempotent."""
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call ``/api/v2`` as the administrator; returns the answer.

        Raises:
            urllib.error.HTTPError: The answer is an error.
        """
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=60) as answer:
            return dict(json.loads(answer.read() or b"{}"))

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run as the form does, when the DAG is there; returns its id."""
        wait_until(lambda: self._has(dag_id), what=f"DAG {dag_id}", seconds=120, processes=self._processes)
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        answer = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(answer["dag_run_id"])

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """The state of each task."""
        answer = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return {item["task_id"]: str(item["state"]) for item in answer["task_instances"]}

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of the run."""
        return str(self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task pushed."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}?deserialize=true"
        return self.call("GET", path)["value"]

    def wait_for(self, dag_id: str, run_id: str, task_id: str, states: set[str], seconds: float = 180) -> None:
        """Return when a task is in one of these states."""

        def there() -> bool:
            return self.states(dag_id, run_id).get(task_id) in states

        wait_until(there, what=f"{task_id} {states}", seconds=seconds, processes=self._processes)

    def wait_for_end(self, dag_id: str, run_id: str, seconds: float = 240) -> str:
        """Return the state of a run when it has ended."""
        ended = lambda: self.run_state(dag_id, run_id) in _DONE  # noqa: E731
        wait_until(ended, what=f"end of {run_id}", seconds=seconds, processes=self._processes)
        return self.run_state(dag_id, run_id)

    def wait_for_worker(self, run_id: str, task_id: str) -> None:
        """Return when the scheduler has seen that the worker process of a task is gone.

        A parked task that is answered before that is taken for killed (Airflow 3.3.2); no person is that quick.
        """
        seen = re.compile(rf"Received executor event .*task_id='{task_id}', run_id='{re.escape(run_id)}'")
        log = self.home.path / "scheduler.log"
        wait_until(lambda: bool(seen.search(log.read_text())), what=f"worker of {task_id}", seconds=60)

    def told(self, dag_id: str, run_id: str) -> str:
        """The log of the last step, for messages of failed tests."""
        states = self.states(dag_id, run_id)
        failed = [task for task, state in states.items() if state == "failed"] or list(states)[-1:]
        logs = [self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{t}/logs/1") for t in failed]
        return f"{states}\n{json.dumps(logs, indent=1)[-6000:]}"

    def _has(self, dag_id: str) -> bool:
        with contextlib.suppress(urllib.error.HTTPError):
            return bool(self.call("GET", f"/api/v2/dags/{dag_id}"))
        return False

    def _start(self, name: str, command: tuple[str, ...]) -> None:
        environment = {**os.environ, **self.home.environment}
        argv = [sys.executable, "-m", "airflow", *command]
        log = self.home.path / f"{name}.log"
        self._processes.append(start_process(argv, log=log, env=environment, cwd=self.home.path))

    def _login(self) -> str:
        passwords = json.loads((self.home.path / "simple_auth_manager_passwords.json.generated").read_text())
        (user, password), *_ = passwords.items()
        return str(self.call("POST", "/auth/token", {"username": user, "password": password})["access_token"])
