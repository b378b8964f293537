"""One run among those that share a zone's bandwidth: it tells of itself by beats, and looks who else does.

.livedata/pace/<reading or writing>/<run>-<weight>.json    one file a run, rewritten at every beat; ``shares`` says what follows from them
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable

from airflow_provider_livedata.engine.errors import LiveDataError, NoShare
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.sharing.shares import ShareTimes, Sight, alive, looked, name_of, share, weight_in
from airflow_provider_livedata.engine.sharing.zone_pace import Direction
from airflow_provider_livedata.engine.stored.state import FORMAT, StateFolder

log = logging.getLogger(__name__)
FORGOTTEN_AFTER = 10  # times the silence after which a run counts no more: then its file goes too
WATCH_S = 0.2


class Member:
    """A run in one direction of one zone, from ``join`` to ``leave``; safe for many threads between them."""

    def __init__(
        self, state: StateFolder, direction: Direction, weight: int, holder: str, *,
        times: ShareTimes | None = None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.state, self.holder, self.times = state, holder, times or ShareTimes()
        self._folder, self._weight = f"pace/{direction}", weight
        self._name = name_of(secrets.token_hex(8), weight)
        self._clock, self._sleep = clock, sleep
        self._sights: dict[str, Sight] = {}
        self._share = 0.0
        self._others = 0
        self._looked_s = self._counts_from_s = 0.0
        self._beats = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def join(self) -> None:
        """Tell of this run, look who else is there, and go on doing so in a thread.

        Raises:
            NoShare: The place where runs tell of themselves cannot be written or read.
        """
        try:
            self.beat()
        except LiveDataError as error:
            raise NoShare(
                f"a zone's bandwidth is shared by files that could not be written or listed; let the user of this run do that, "
                f"or choose another place for kept_at: {error}",
                folder=self.state.address(self._folder),
            ) from error
        self._thread = threading.Thread(target=self._beat_on, name="livedata-share", daemon=True)
        self._thread.start()

    def share(self) -> float:
        """The part of the bandwidth that this run may take now, above 0 up to 1; waits until there is one.

        Raises:
            NoShare: There was none for too long: the others cannot be seen.
        """
        until = self._clock() + self.times.patience_s
        while not (share := self.allowed()):
            if self._clock() >= until:
                raise NoShare(
                    "the runs that share a zone's bandwidth could not be looked at for too long; start it again",
                    folder=self.state.address(self._folder), waited_s=self.times.patience_s,
                )  # fmt: skip
            self._sleep(WATCH_S)
        return share

    def leave(self) -> None:
        """Stop counting: the others get this run's part at their next beat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self.times.beat_s)
        with contextlib.suppress(LiveDataError):  # counts on for a while otherwise, which harms nobody
            self._remove([self._name])

    def beat(self) -> None:
        """Tell of this run once, and look at all.

        Raises:
            LiveDataError: One of both could not be done; then this run takes nothing for long.
        """
        began = self._clock()
        self._beats += 1
        said = {"format": FORMAT, "holder": self.holder, "weight": self._weight, "beat": self._beats}
        self.state.write_json(f"{self._folder}/{self._name}", said)
        files = {entry.path.rpartition("/")[2]: _mark(entry) for entry in self.state.files(self._folder)}
        files.pop(self._name, None)
        self._take_note(files, began)

    def _take_note(self, files: dict[str, str], began: float) -> None:
        was_blind = self._is_blind()
        self._sights = looked(self._sights, files, began)
        others = alive(self._sights, began, self.times.silence_s)
        if was_blind:  # the others may have shared all of it out without this run
            self._counts_from_s = began + self.times.notice_s if others else began
        self._share, self._looked_s = share(self._weight, (weight_in(name) for name in others)), began
        if len(others) != self._others:
            self._others = len(others)
            log.info("%s of %s is shared with %d other runs: %.0f %% for this one",
                     self._folder.rpartition("/")[2], self.state.zone.address, len(others), 100 * self._share)  # fmt: skip
        forgotten = FORGOTTEN_AFTER * self.times.silence_s
        self._remove([name for name, sight in self._sights.items() if began - sight.since_s > forgotten])

    def allowed(self) -> float:
        """The part that this run may take now; 0: none yet, or none while it cannot see the others."""
        is_counted_on = self._clock() >= self._counts_from_s and not self._is_blind()
        return self._share if is_counted_on else 0.0

    def _is_blind(self) -> bool:
        return not self._beats or not self._share or self._clock() - self._looked_s >= self.times.notice_s

    def _beat_on(self) -> None:
        while not self._stop.wait(self.times.beat_s):
            try:
                self.beat()
            except LiveDataError as error:
                log.warning("the runs that share a zone's bandwidth could not be looked at: %s", error)

    def _remove(self, names: list[str]) -> None:
        self.state.remove_files([Entry(f"{self._folder}/{name}") for name in names])


def _mark(entry: Entry) -> str:
    return f"{entry.version} {entry.mtime_ms} {entry.size_bytes}"
