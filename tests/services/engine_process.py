"""The engine in a process of its own, without Airflow: to be killed, or to have its memory measured.

Run as a module it reads one JSON request from standard input, replicates or restores, and prints one JSON line with the
report's summary and the peak of its resident memory.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def start(source: Any, target: Any, *, does: str = "replicate", **options: Any) -> subprocess.Popen[str]:
    """Begin to "replicate" between two places (dataclasses with ``address`` and ``options``), or to "restore", in a new process."""
    assert is_dataclass(source)
    assert is_dataclass(target)
    request = {"source": asdict(source), "target": asdict(target), "options": options, "does": does}  # type: ignore[arg-type]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.services.engine_process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(request))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for its end; the summary, with ``peak_mib``."""
    output, _ = process.communicate()
    assert process.returncode == 0, f"the engine process ended with {process.returncode}"
    result: dict[str, Any] = json.loads(output.strip().rpartition("\n")[2])
    return result


def kill(process: subprocess.Popen[str]) -> None:
    """End it as the kernel would: SIGKILL."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def peak_mib() -> float:
    """The most memory that this process ever had in use. Source: proc(5), VmHWM."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Serve one request."""
    from airflow_provider_livedata.engine import ReplicateOptions, RestoreOptions, open_zone, replicate, restore
    from tests.services import many_entries

    many_entries.register()
    request = json.load(sys.stdin)
    source, target = (open_zone(request[side]["address"], **request[side]["options"]) for side in ("source", "target"))
    if request["does"] == "restore":
        told = restore(source, "latest", target, RestoreOptions(**request["options"])).summary()
    else:
        report = replicate(source, target, ReplicateOptions(**request["options"]))
        told = {**report.summary(), "adopted_files": report.adopted_files, "notes": report.notes}
    assert "airflow" not in sys.modules
    sys.stdout.write(json.dumps({**told, "peak_mib": peak_mib()}) + "\n")


if __name__ == "__main__":
    main()
