"""Files written by RPC become whole once HDFS has their last block, not when the client asks again.

A file is whole when the NameNode has heard of its last block from a DataNode. ``close()`` of hdfs-native asks for that at once, which
two times in five is some milliseconds too early, and again after half a second. By then the block has long been complete, at the
length that the client told, and nothing but the lease is left: whoever has that given up gets a whole file, and the client, when it asks
again, hears that it is.

    close(), in a thread       asks ................................. 0.5 s: asks again, "it is whole"
    here                            6 ms: is it as long as what was written?   recoverLease: whole
                                    18, 54, 162 ms, where it was not

A lease is not given up before that: HDFS would take the writer for dead, and begin to recover a block that is being written. The length
that HDFS tells of a file being written leaves out a last block that is not complete, and the client begins no block before it has bytes for it.

Two calls of the NameNode a file, and a millisecond of CPU, are worth it where somebody waits: for state, which is written one file after
the other, and for the files of a cycle, which are few. Where very many are copied, other files are written meanwhile.
Source: ``INodeFile.computeFileSizeNotIncludingLastUcBlock`` and ``FSNamesystem.internalReleaseLease`` of Hadoop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

PAUSES_S = (0.006, 0.012, 0.036, 0.108)
MOST_THREADS = 128  # each sleeps in the client for half a second
AT_ONCE, A_SECOND = 256.0, 8.0  # files that are not urgent: the first ones of a run, and as they come after that
MOST_HELD_BYTES = 16 << 20  # what the files in these threads hold in memory, beside what copying may hold
log = logging.getLogger(__name__)

Length = Callable[[str], int]


class PromptClosing:
    """Closes files of one client, for any number of threads.

    ``length`` tells the bytes of a path's complete blocks; ``release`` gives up its lease, and says whether the file is whole then.
    """

    def __init__(self, length: Length, release: Callable[[str], bool]) -> None:
        self._length, self._release = length, release
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closing, self._held_bytes = 0, 0
        self._allowed, self._as_of_s = AT_ONCE, time.monotonic()
        self._has_ended = False

    def close(
        self, path: str, size_bytes: int, held_bytes: int, close: Callable[[], None], *, urgent: bool = False
    ) -> None:
        """Have ``close`` called, and return when the file is whole; what it raises is raised here.

        Args:
            path: Absolute.
            size_bytes: All that was written.
            held_bytes: What of it the client may still have in memory.
            close: The client's own; it may go on for half a second after this returned.
            urgent: However many files are closed.
        """
        closing = self._begun(held_bytes, close, urgent=urgent) if size_bytes else None
        if closing is None:
            close()
        elif not self._is_whole(closing, path, size_bytes):
            closing.result()

    def end(self) -> None:
        """Start no more threads; files that are being closed are left to theirs, and what is closed later waits for the client."""
        with self._lock:
            self._has_ended = True
            if self._threads is not None:
                self._threads.shutdown(wait=False)

    def _begun(self, held_bytes: int, close: Callable[[], None], *, urgent: bool) -> Future[None] | None:
        with self._lock:
            has_room = self._closing < MOST_THREADS and self._held_bytes + held_bytes <= MOST_HELD_BYTES
            if self._has_ended or not (has_room and (urgent or self._is_allowed())):
                return None
            self._closing, self._held_bytes = self._closing + 1, self._held_bytes + held_bytes
            self._threads = self._threads or ThreadPoolExecutor(MOST_THREADS, "hdfs-close")
            return self._threads.submit(self._run, held_bytes, close)

    def _is_allowed(self) -> bool:
        now_s = time.monotonic()
        self._allowed = min(AT_ONCE, self._allowed + (now_s - self._as_of_s) * A_SECOND)
        self._as_of_s = now_s
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _run(self, held_bytes: int, close: Callable[[], None]) -> None:
        try:
            close()
        finally:
            with self._lock:
                self._closing, self._held_bytes = self._closing - 1, self._held_bytes - held_bytes

    def _is_whole(self, closing: Future[None], path: str, size_bytes: int) -> bool:
        """Whether the file was made whole here; False once ``closing`` is the one to ask."""
        for pause in PAUSES_S:
            if wait([closing], timeout=pause).done:
                return False
            try:
                if self._length(path) == size_bytes and self._release(path):
                    return True
            except Exception as error:  # noqa: BLE001 - the client's own way is still there
                log.debug("%s is left to its client to close: %s", path, error)
                return False
        return False
