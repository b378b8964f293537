"""A range that a store is sending: handed out piece by piece, over as many calls as the reader likes."""

from __future__ import annotations

from collections.abc import Iterator

AHEAD_BYTES = 64 << 20  # asked for at once by a thread that reads on where it stopped


class OpenRange:
    """``left``: bytes of it that have not been handed out. Dropping it ends the request."""

    def __init__(self, left: int, pieces: Iterator[bytes]) -> None:
        self.left, self._pieces, self._piece = left, pieces, memoryview(b"")

    def fill(self, buffer: memoryview) -> int:
        """Copy what comes next; less than the buffer holds only at the end."""
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
