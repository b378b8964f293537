"""Server processes that never outlive the Python process that started them.

Three nets, each for the case that the one before it misses:

    stop()      SIGTERM, then SIGKILL, by process id and process group
    atexit      the same for whatever is still running when Python ends
    prctl       the kernel kills the server when its owner dies, even by SIGKILL

The kernel looks at the *thread* that started the server, so one thread that lives as long as Python starts them all.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

# Runs in the new process before the server does. It leaves if its owner died before prctl took effect.
_GUARD = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, int(sys.argv[2]), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("owner is gone")
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp(sys.argv[3], sys.argv[3:])
"""


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the message carries the end of its log."""


class ServerProcess:
    """One running server, leader of its own session."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._owner = os.getpid()
        self.log = log
        self.pid = process.pid
        _RUNNING.add(self)

    def is_running(self) -> bool:
        """Say whether the process has not ended yet."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise ServerFailed with the log's end when the process is gone."""
        if not self.is_running():
            raise ServerFailed(f"exit code {self._process.returncode}, {self.log}:\n{tail(self.log)}")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        _RUNNING.discard(self)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask it to end, and end it if it does not within the grace period. Idempotent."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_seconds)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if os.getpid() != self._owner:  # a forked child inherits this object, not the server
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


_RUNNING: set[ServerProcess] = set()


@atexit.register
def stop_all() -> None:
    """Stop every server that this process started and has not stopped yet."""
    for process in list(_RUNNING):
        process.stop(grace_seconds=2.0)


def start_process(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    owner_death_signal: signal.Signals = signal.SIGKILL,
) -> ServerProcess:
    """Start ``command`` with its output appended to ``log``. Safe to call from any thread."""
    guard = [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), str(int(owner_death_signal))]
    argv = [*guard, *map(str, command)]

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True
            )

    return ServerProcess(_LAUNCHER.call(start), log)


class _Launcher:
    """A thread that is never ended: see the module's text about prctl."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._owner = 0

    def call(self, job: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._owner != os.getpid():  # first use, or we are a forked child, which has no threads
                self._jobs, self._owner = queue.SimpleQueue(), os.getpid()
                threading.Thread(target=self._run, name="server-launcher", daemon=True).start()
        done: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, done))
        return done.result()

    def _run(self) -> None:
        while True:
            job, done = self._jobs.get()
            try:
                done.set_result(job())
            except OSError as error:
                done.set_exception(error)


_LAUNCHER = _Launcher()


def free_ports(count: int) -> list[int]:
    """Return ports free on 127.0.0.1, below the range from which the kernel serves outgoing connections."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            candidate = socket.socket()
            try:
                candidate.bind(("127.0.0.1", random.randrange(20000, 32000)))
                held.append(candidate)
            except OSError:
                candidate.close()
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def wait_until(
    ready: Callable[[], bool], *, what: str, seconds: float, processes: Sequence[ServerProcess] = ()
) -> None:
    """Poll ``ready`` until it is true; a connection that is refused meanwhile means "not yet"."""
    deadline = time.monotonic() + seconds
    while True:
        for process in processes:
            process.check()
        with contextlib.suppress(OSError):
            if ready():
                return
        if time.monotonic() > deadline:
            logs = "\n".join(f"{process.log}:\n{tail(process.log)}" for process in processes)
            raise ServerFailed(f"{what} is not ready after {seconds:.0f} s\n{logs}")
        time.sleep(0.05)


def accepts(port: int) -> bool:
    """Say whether something listens on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, or nothing when there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
