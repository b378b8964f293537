"""One writer a target: a lease with epochs, kept in ``.livedata/lease/<epoch>.json``.

    taker    newest epoch is released, or its process is known to be dead      -> creates epoch + 1
             its beat moves while we watch                                      -> TargetHeld, naming the holder
             silent for ``silence_s`` on our own clock                          -> creates epoch + 1
    holder   rewrites its beat every ``beat_s``; changes nothing when no beat was good for ``stale_s``, until one is that no
             newer epoch followed; stops when a newer epoch is there, or after ``patience_s`` more

Creating the file is create-only, so of two takers one wins. A late holder beats and then looks for a newer epoch; a taker creates
its epoch and then looks for a beat: so at least one of them sees the other. Clocks of different machines are never compared.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from airflow_provider_livedata.engine.errors import AlreadyExists, LeaseLost, LiveDataError, TargetHeld
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored.state import StateFolder

log = logging.getLogger(__name__)
LATE_S = 1.0  # between beats, and looks at them, when one is late


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds: between beats, until a holder counts as silent, until a holder without a good beat holds still.

    ``patience_s``: how long it then waits for one. A beat may be stuck as long as a store is that changes its leader.
    """

    beat_s: float = 15
    silence_s: float = 60
    stale_s: float = 40
    watch_s: float = 5
    patience_s: float = 120


class _HasHolder(Protocol):
    @property
    def holder(self) -> str: ...


def holder_of(options: _HasHolder) -> str:
    """Who does this, for people: as the options say, else this process."""
    return options.holder or f"{socket.gethostname()} process {os.getpid()}"


class Lease:
    """The right to write to one target, held until ``release`` or the end of the ``with`` block."""

    def __init__(
        self,
        state: StateFolder,
        holder: str,
        *,
        times: LeaseTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.state = state
        self.holder = holder
        self.times = times or LeaseTimes()
        self.epoch = 0
        self._clock = clock
        self._sleep = sleep
        self._last_good = 0.0
        self._lost = ""
        self._older: list[Entry] = []
        self._beats = 0
        # A create-only write whose reply was lost is recognised by its bytes: so no two takers may write the same ones.
        self._mark = secrets.token_hex(8)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lease:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lease and keep it by beats of a thread.

        Raises:
            TargetHeld: Another run is at work; the message names it.
        """
        newest = self._newest()
        seen = self._wait_until_silent(newest) if newest else None
        self.epoch = newest + 1
        try:
            self.state.write_json(_file(self.epoch), self._content(), create_only=True)
        except AlreadyExists:
            raise TargetHeld(
                "another run took the lease of this target at the same moment; try again when it has ended",
                target=self.state.address(""),
                epoch=self.epoch,
            ) from None
        self._last_good = self._clock()
        self._yield_to_newer()
        if seen is not None:
            self._yield_to_late(newest, seen)
        self._thread = threading.Thread(target=self._beat_on, name="livedata-lease", daemon=True)
        self._thread.start()

    def _yield_to_newer(self) -> None:
        # A taker that was held up may create an epoch that was given back and removed meanwhile. The newest epoch is never
        # removed, so it is seen here.
        found = {_epoch(entry.path): entry for entry in self.state.files("lease")}
        newest = max(found, default=0)
        self._older = [entry for epoch, entry in found.items() if epoch < self.epoch]
        if newest > self.epoch:
            raise TargetHeld(
                "another run took the lease of this target meanwhile; try again when it has ended",
                target=self.state.address(""),
                epoch=newest,
            )

    def _yield_to_late(self, epoch: int, seen: dict[str, Any]) -> None:
        # A holder that was silent may have come back just before it could see our epoch.
        now = self.state.read_json(_file(epoch))
        if now is not None and now.get("beat") != seen.get("beat"):
            self._older = []  # its file is to stay: it shows who is at work
            self.release()
            raise TargetHeld(
                "the run that holds this target was silent and came back; wait until it has ended, or stop it",
                target=self.state.address(""),
                holder=now.get("holder"),
                epoch=epoch,
            )

    def remove_older(self) -> None:
        """Remove the leases before this one; done when it is given back unless it was done before."""
        older, self._older = self._older, []
        self.state.remove_files(older)

    def check(self) -> None:
        """Make sure that this run may still change the target; called before each batch of changes.

        Waits for a beat that is late: nothing is changed meanwhile.

        Raises:
            LeaseLost: It may not.
        """
        until = self._last_good + self.times.stale_s + self.times.patience_s
        while self._is_stale() and not self._lost and not self._stop.is_set() and self._clock() < until:
            self._sleep(LATE_S)
        if not self._lost and self._is_stale():
            self._lost = f"no beat could be written for {self._clock() - self._last_good:.0f} s"
        if self._lost:
            raise LeaseLost(
                f"this run lost its lease ({self._lost}) and changed nothing more; start it again",
                target=self.state.address(""),
                epoch=self.epoch,
            )

    def release(self) -> None:
        """Give the lease back; the next taker need not wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self.times.beat_s)
        if self._lost or not self.epoch:
            return
        try:
            self.check()
            self.remove_older()
            self.state.write_json(_file(self.epoch), {**self._content(), "is_released": True})
        except LiveDataError as error:
            log.warning("the lease could not be given back and will run out by itself: %s", error)

    def _newest(self) -> int:
        return max((_epoch(entry.path) for entry in self.state.files("lease")), default=0)

    def _is_stale(self) -> bool:
        return self._clock() - self._last_good > self.times.stale_s

    def _wait_until_silent(self, epoch: int) -> dict[str, Any] | None:
        """The last sign of life of a holder that shows none any more; None where it is known to have ended."""
        seen = self.state.read_json(_file(epoch))
        if seen is None or seen.get("is_released") or _is_dead(seen):
            return None
        log.info(
            "waiting up to %g s for %s, which holds this target, to show a sign of life",
            self.times.silence_s,
            seen.get("holder"),
        )
        until = self._clock() + self.times.silence_s
        while self._clock() < until:
            self._sleep(self.times.watch_s)
            now = self.state.read_json(_file(epoch))
            if now is None or now.get("is_released"):
                return None
            if now.get("beat") != seen.get("beat"):
                raise TargetHeld(
                    "another run is writing to this target; wait until it has ended, or stop it",
                    target=self.state.address(""),
                    holder=now.get("holder"),
                    epoch=epoch,
                )
        return seen

    def _beat_on(self) -> None:
        while not self._stop.wait(min(LATE_S, self.times.beat_s) if self._is_stale() else self.times.beat_s):
            try:
                self._beat()
            except LiveDataError as error:
                log.warning("a beat of the lease failed: %s", error)

    def _beat(self) -> None:
        if self._is_over():
            return
        self._beats += 1
        began = self._clock()
        self.state.write_json(_file(self.epoch), self._content())
        if self._is_stale():
            log.warning("the lease was silent for %.0f s, and nothing was changed meanwhile", began - self._last_good)
            if self._is_over():
                return
        self._last_good = began

    def _is_over(self) -> bool:
        if self._newest() > self.epoch:
            self._lost = "a newer run has taken it"
            self._stop.set()
        return self._stop.is_set()

    def _content(self) -> dict[str, Any]:
        return {
            "format": 1,
            "epoch": self.epoch,
            "holder": self.holder,
            "beat": self._beats,
            "mark": self._mark,
            "process": _process(),
        }


def _file(epoch: int) -> str:
    return f"lease/{epoch:012d}.json"


def _epoch(name: str) -> int:
    number = name.rpartition("/")[2].removesuffix(".json")
    return int(number) if number.isdigit() else 0


def _process() -> dict[str, Any]:
    """What tells this process from every other one: host, boot, process namespace, number and start."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "boot": _boot(), "pid": pid, "started": _started(pid)}


def _is_dead(content: dict[str, Any]) -> bool:
    """Whether the holder ran on this very machine and its process is no more; unknown counts as alive."""
    process = content.get("process") or {}
    same_machine = process.get("host") == socket.gethostname() and process.get("boot") == _boot() != ""
    return same_machine and _started(int(process.get("pid") or 0)) != process.get("started")


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return ""


def _started(pid: int) -> str:
    # Field 22 of /proc/<pid>/stat, counted after the command name, which may hold blanks. Source: proc(5).
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
