"""What was measured, in a JSON file: one section a kind of measurement, each with the machine and versions that it is of."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from airflow_provider_livedata import __version__
from benchmarks.fetch import RCLONE_VERSION
from benchmarks.site import Site
from tests.services.fetch import HADOOP_VERSION, VERSITYGW_VERSION

FORMAT = 1
_LIBRARIES = ("hdfs-native", "obstore", "boto3", "awscrt", "pyarrow")


def load(file: Path) -> dict[str, Any]:
    """The stored results, or none yet."""
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found if found.get("format") == FORMAT else {"format": FORMAT, "sections": {}}


def store(file: Path, results: dict[str, Any]) -> None:
    """Write them."""
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def put(results: dict[str, Any], name: str, of: dict[str, Any], measured: dict[str, Any], *, is_all: bool) -> None:
    """Add what was measured; ``is_all``: in the place of the whole section, else beside what it has, each with what it is of."""
    if is_all or name not in results["sections"]:
        results["sections"][name] = {"of": of, "measured": measured}
    else:
        results["sections"][name]["measured"] |= {key: {**one, "of": of} for key, one in measured.items()}


def circumstances(size: str, site: Site) -> dict[str, Any]:
    """What the figures depend on, without names of machines or places."""
    memory = psutil.virtual_memory()
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "size": size,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(memory.total / (1 << 30)),
            "system": f"{platform.system()} {re.split('[-+]', platform.release())[0]}",
            "servers_data": "memory disk" if site.hdfs.data_dir.is_relative_to("/dev/shm") else "disk",
        },
        "versions": {
            "airflow-provider-livedata": f"{__version__} ({_commit()})",
            "Python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
            "Hadoop (HDFS, DistCp, S3A)": HADOOP_VERSION,
            "Java": _java(),
            "rclone": RCLONE_VERSION,
            "versitygw": VERSITYGW_VERSION,
        },
    }


def middle(runs: Iterable[dict[str, float]], name: str = "wall_s") -> float:
    """The median of one figure."""
    return median(run[name] for run in runs)


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _java() -> str:
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "([^"]+)"', told)
    return found[1] if found else "unknown"


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parents[1]), "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "no commit"
