"""A user of an HDFS location who never rests: random operations in a process of its own, until it is told to stop.

Run as a module: ``python -m tests.services.writer hdfs://127.0.0.1:9000 /data <seed> <operations a second>``. It prints a JSON line after
each operation: how often each kind was carried out so far, and how often it was refused. At SIGTERM it ends after the operation that it is at.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from tests.services.processes import ServerProcess, start_process

# Few, so that operations meet what the other writer made; beside "/" in the order of keys, and some that clients escape.
NAMES = ["a", "b", "a!", "b0", "odd %+\u00e9\u00fc", "c d"]
KINDS = ["create", "create", "append", "linger", "rewrite", "rename", "rename", "delete", "chmod", "make"]
ON_FILES = frozenset({"append", "linger", "rewrite", "rename", "chmod"})  # what works best on something that stands
KNOWN_SHARE = 0.7
REMEMBERED = 8  # the newest files: older ones were moved or deleted, by either writer
LINGERS_S = 0.3


def start_writer(uri: str, path: str, log: Path, *, seed: int, pace: float) -> ServerProcess:
    """Begin to write below ``path``; ``pace`` is operations a second, as far as HDFS is that quick."""
    command = [sys.executable, "-m", "tests.services.writer", uri, path, str(seed), str(pace)]
    return start_process(command, log=log, cwd=Path(__file__).parents[2])


def stop_writer(writer: ServerProcess) -> Counter[str]:
    """End it; what it did, refused operations as "refused <kind>"."""
    writer.check()
    writer.stop(grace_seconds=30)
    return done_so_far([writer])


def done_so_far(writers: Iterable[ServerProcess]) -> Counter[str]:
    """What they did together until now: a test that needs some operations waits for them, since how many fit in a time differs."""
    return sum((_newest_count(writer.log) for writer in writers), Counter[str]())


def _newest_count(log: Path) -> Counter[str]:
    whole = log.read_text(errors="replace").rpartition("\n")[0].splitlines()  # a line may be half written
    return Counter(json.loads(next((line for line in reversed(whole) if line.startswith("{")), "{}")))


class Writer:
    """Carries out operations on files of a few bytes."""

    def __init__(self, uri: str, path: str, seed: int) -> None:
        import hdfs_native

        self._client, self._root, self._chance = hdfs_native.Client(uri), path, random.Random(seed)
        self._options = hdfs_native.WriteOptions
        self._made: list[str] = []  # files that this writer wrote and did not take away, as far as it knows
        self.done = Counter[str]()

    def act(self) -> None:
        """One operation; HDFS refuses many, where parents are files or names are taken."""
        kind = self._chance.choice(KINDS)
        try:
            getattr(self, f"_{kind}")(self._known() if kind in ON_FILES else self._path())
        except (OSError, RuntimeError) as error:
            kind = f"refused {kind}"
            self.done[f"refused: {type(error).__name__}"] += 1
        self.done[kind] += 1

    def _path(self) -> str:
        return "/".join([self._root, *(self._chance.choice(NAMES) for _ in range(self._chance.randint(1, 3)))])

    def _known(self) -> str:
        # Mostly a file that stands: of paths by chance so few do that a short run would never append.
        return self._chance.choice(self._made) if self._made and self._chance.random() < KNOWN_SHARE else self._path()

    def _create(self, path: str) -> None:
        self._write(path, self._chance.randint(0, 3000), overwrite=False)

    def _rewrite(self, path: str) -> None:
        """Cut a file short, as those do who write it anew."""
        size = int(self._client.get_file_info(path).length)
        self._write(path, size // 2, overwrite=True)

    def _write(self, path: str, size_bytes: int, *, overwrite: bool) -> None:
        writer = self._client.create(path, self._options(overwrite=overwrite))
        writer.write(self._chance.randbytes(size_bytes))
        writer.close()
        self._made = [*self._made[1 - REMEMBERED :], path]

    def _linger(self, path: str) -> None:
        """Hold a file open, so that snapshots meet it."""
        writer = self._client.create(path, self._options(overwrite=True))
        writer.write(self._chance.randbytes(self._chance.randint(0, 500)))
        writer.hsync()
        time.sleep(LINGERS_S)
        writer.write(self._chance.randbytes(self._chance.randint(0, 500)))
        writer.close()
        self._made = [*self._made[1 - REMEMBERED :], path]

    def _append(self, path: str) -> None:
        writer = self._client.append(path)
        writer.write(self._chance.randbytes(self._chance.randint(1, 500)))
        writer.close()

    def _rename(self, path: str) -> None:
        self._client.rename(path, self._path())

    def _delete(self, path: str) -> None:
        if not self._client.delete(path, recursive=True):
            raise FileNotFoundError(path)

    def _chmod(self, path: str) -> None:
        self._client.set_permission(path, self._chance.choice([0o600, 0o640, 0o755, 0o750]))

    def _make(self, path: str) -> None:
        self._client.mkdirs(path, permission=0o755, create_parent=True)


def main(uri: str, path: str, seed: str, pace: str) -> None:
    """Write until SIGTERM."""
    writer, rests, stopped = Writer(uri, path, int(seed)), 1 / float(pace), []

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.append(True)

    signal.signal(signal.SIGTERM, stop)
    while not stopped:
        began = time.monotonic()
        writer.act()
        print(json.dumps(writer.done), flush=True)  # noqa: T201
        time.sleep(max(0.0, began + rests - time.monotonic()))


if __name__ == "__main__":
    main(*sys.argv[1:])
