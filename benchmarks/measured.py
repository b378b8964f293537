"""Run what is measured, each in a process of its own, and tell what it took."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).parents[1]
LAUNCH = Path(__file__).parent / "launch.py"
OURS = [sys.executable, "-m", "benchmarks.ours"]


class RunFailedHere(Exception):
    """A measured command ended with an error; the message carries what it said."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run took: wall and CPU seconds, the peak of resident memory, and the servers' CPU seconds meanwhile.

    ``start_s``: of the wall time, what passed before the work began; 0.0 where nobody tells.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    servers_cpu_s: float = 0.0
    start_s: float = 0.0

    def to_json(self) -> dict[str, float]:
        """As stored."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def launch(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    given: str = "",
    cwd: Path = REPOSITORY,
    keeps_output: bool = True,
) -> tuple[Taken, str]:
    """Run a command to its end: what it and its children took, and its standard output, unless that is not kept.

    Raises:
        RunFailedHere: It ended with an error.
    """
    with tempfile.NamedTemporaryFile("r", prefix="livedata-bench-") as result:
        whole = [sys.executable, "-I", "-S", LAUNCH, result.name, *command]
        out = subprocess.PIPE if keeps_output else subprocess.DEVNULL
        done = subprocess.run(
            list(map(str, whole)), env=dict(env), input=given, stdout=out, stderr=subprocess.PIPE, text=True,
            check=False, cwd=cwd,
        )  # fmt: skip
        if done.returncode:
            raise RunFailedHere(f"{Path(command[0]).name} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return Taken(**json.load(result)), done.stdout or ""


def beside(cpu_s: Callable[[], float], run: Callable[[], Taken]) -> Taken:
    """Add the CPU seconds that the servers took during ``run``."""
    before = cpu_s()
    taken = run()
    return replace(taken, servers_cpu_s=cpu_s() - before)


class Worker:
    """A process of ``benchmarks.ours`` that stays: its calls are warm."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            OURS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=dict(env)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def ask(self, kind: str, **request: Any) -> tuple[Taken, dict[str, Any]]:
        """Have a request served: what it took, and the whole answer.

        Raises:
            RunFailedHere: The process ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RunFailedHere("the engine's process has no pipes")
        self._process.stdin.write(json.dumps({"kind": kind, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RunFailedHere(f"the engine's process ended with {self._process.wait()}; see above")
        answer = json.loads(line)
        return Taken(*(answer.pop(name) for name in ("wall_s", "cpu_s", "peak_mib"))), answer

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()
