"""A range that a store is sending: handed out piece by piece, over as many calls as the reader likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

AHEAD_BYTES = 64 << 20  # asked for at once by a thread that reads on where it stopped
SMALLEST_PART = 5 << 20  # of a large file that many threads read; what S3 demands


class Range(Protocol):
    """What a store is sending. ``left``: bytes of it that have not been handed out. Dropping it ends the request."""

    left: int

    def fill(self, buffer: memoryview) -> int:
        """Copy what comes next; less than the buffer holds only at the end."""
        ...


class OpenRange:
    """A Range that comes in pieces."""

    def __init__(self, left: int, pieces: Iterator[bytes]) -> None:
        self.left, self._pieces, self._piece = left, pieces, memoryview(b"")

    def fill(self, buffer: memoryview) -> int:
        """See ``Range.fill``."""
        filled = 0
        while filled < buffer.nbytes:
            if not self._piece:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._piece = memoryview(piece)
            count = min(len(self._piece), buffer.nbytes - filled)
            buffer[filled : filled + count] = self._piece[:count]
            self._piece = self._piece[count:]
            filled += count
        self.left -= filled
        return filled


class ReadingOn:
    """Notices threads that read on where they stopped, and gives each the bytes of one longer request, kept open between calls."""

    def __init__(self) -> None:
        self._mine = threading.local()

    def fill(
        self, what: object, offset: int, buffer: memoryview, ahead_bytes: int, request: Callable[[int], Range]
    ) -> tuple[int, int]:
        """Fill ``buffer`` from ``offset``; returns how many bytes came and how many were promised.

        Args:
            what: Which bytes these are: equal things are read on.
            offset: In bytes.
            buffer: To be filled.
            ahead_bytes: What to ask for at once when the thread reads on.
            request: Asks for so many bytes from ``offset`` on.
        """
        mine = self._mine.__dict__
        # One that begins with less than any part has is not reading parts, but all of it piece by piece.
        reads_on = mine.pop("where", None) == (what, offset) or (offset == 0 and buffer.nbytes < SMALLEST_PART)
        kept: Range | None = mine.pop("range", None)
        if kept is None or not reads_on or offset == 0 or kept.left < buffer.nbytes:
            kept = None  # ends an open request before the next one
            kept = request(max(buffer.nbytes, ahead_bytes if reads_on else 0))
        promised = min(kept.left, buffer.nbytes)
        filled = kept.fill(buffer)
        if filled == promised == buffer.nbytes:
            mine["where"] = what, offset + filled
            if kept.left:
                mine["range"] = kept
        return filled, promised
