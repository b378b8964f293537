"""What a job at the source loses while a copy goes on: a Hadoop command that reads from the same HDFS, timed with and without.

All run on one machine here, so a copy takes cores away from that job and from the servers besides using HDFS. How much of
the loss that is, shows the copy of the same files from a local directory, which does not touch HDFS.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import contenders, fetch
from benchmarks.copies import turned
from benchmarks.measured import Worker, launch
from benchmarks.results import say
from benchmarks.shapes import Shape, Size
from benchmarks.site import Site, Spot, fill
from tests.services import fetch as test_fetch
from tests.services.scratch import Scratch

Runs = dict[str, list[dict[str, float]]]


def measure(site: Site, size: Size, chosen: frozenset[str]) -> dict[str, Any]:
    """{"large": {"load": ..., "copied": ..., "runs": {"alone": [...], "beside ours": [...], ...}}, "small": ...}."""
    shapes = {shape.name: shape for shape in size.shapes}
    return {
        name: {"load": load.to_json(), "copied": shapes[name].to_json(), "limit_mib_s": size.load_limit_mib_s,
               "runs": _measure(site, size, shapes[name], load, chosen)}
        for name, load in (("large", size.load), ("small", size.small_load))
    }  # fmt: skip


def _measure(site: Site, size: Size, shape: Shape, load: Shape, chosen: frozenset[str]) -> Runs:
    with site.filled("hdfs", shape) as source, site.filled("hdfs", load) as read, _local(shape) as local:
        limited: dict[str, object] = {"bandwidth": f"{size.load_limit_mib_s}MiB/s"}
        conditions: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
            "alone": contextlib.nullcontext,
            "beside ours": lambda: _ours(site, source, {}),
            "beside ours, limited": lambda: _ours(site, source, limited),
            "beside ours, from a local directory": lambda: _ours(site, local, {}),
        }
        if "rclone" in chosen:
            conditions["beside rclone"] = lambda: _rclone(site, shape, source)
        runs: Runs = {name: [] for name in conditions}
        _load(site, read)
        for number in range(size.load_rounds):
            for name in turned(list(conditions), number):
                with conditions[name]():
                    runs[name].append(_load(site, read))
                say(f"hdfs dfs -cat {load.title} {name}: {runs[name][-1]['wall_s']:.2f} s")
                site.forget_snapshots(source)
    return runs


def _load(site: Site, read: Spot) -> dict[str, float]:
    """Read everything with Hadoop's own shell."""
    classpath = f"{site.hdfs.conf_dir}:{test_fetch.hadoop_lib()}/*"
    command = ["java", "-Xmx512m", "-XX:-UsePerfData", "-cp", classpath, "org.apache.hadoop.fs.FsShell"]
    env = contenders.environment(HADOOP_USER_NAME=site.hdfs.superuser)
    return launch([*command, "-cat", f"/{read.path}/*/*"], env=env, keeps_output=False)[0].to_json()


@contextlib.contextmanager
def _ours(site: Site, source: Spot, options: dict[str, object]) -> Iterator[None]:
    """Copies, one after the other, while the context lasts; the one under way is cut off."""
    ended = threading.Event()
    with Worker(contenders.environment()) as worker:

        def copy_on() -> None:
            with contextlib.suppress(Exception):  # its process is ended in the middle of something
                while not ended.is_set():
                    target = site.fresh("s3")
                    worker.ask("replicate", source=source.place, target=target.place, options=options)
                    site.remove(target)

        thread = threading.Thread(target=copy_on)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            worker.kill()
            thread.join()
            site.remove(site.spot("s3", "bench"))


@contextlib.contextmanager
def _rclone(site: Site, shape: Shape, source: Spot) -> Iterator[None]:
    ended = threading.Event()
    env, binary = contenders.rclone_environment(site), fetch.rclone()
    running: list[subprocess.Popen[bytes]] = []

    def copy_on() -> None:
        while not ended.is_set():
            target = site.fresh("s3")
            places = {"SOURCE": source.rclone, "TARGET": target.rclone}
            words = [places.get(word, word) for word in contenders.rclone_command(shape)[1:]]
            running.append(subprocess.Popen([binary, *words], env=env, stderr=subprocess.DEVNULL))
            running[-1].wait()
            site.remove(target)

    thread = threading.Thread(target=copy_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for process in running:
            process.kill()
        thread.join()
        site.remove(site.spot("s3", "bench"))


@contextlib.contextmanager
def _local(shape: Shape) -> Iterator[Spot]:
    """The same files in a local directory."""
    scratch = Scratch("bench-local")
    try:
        address = f"file://{scratch.path}/data"
        Path(scratch.path, "data").mkdir()
        place = {"address": address, "options": {}}
        fill(place, shape)
        yield Spot("file", "", place, address, "")
    finally:
        scratch.remove()
