"""How many tasks at once suit what is to be copied, where nobody says. Pure.

By Little's law: tasks at once = tasks a second that this process can carry x seconds that one task takes when it is
alone. More tasks would only wait for each other and for memory, fewer would leave the network idle.
"""

from __future__ import annotations

import math

LEAST, MOST = 8, 64
FILES_A_SECOND = 1_500  # what one process carries of small files: docs/benchmarks.md
BYTES_A_SECOND = 1 << 30  # and of large ones
# What one request moves. Source: AWS, "Best practices design patterns: optimizing Amazon S3 performance" (85-90 MB/s).
STREAM_BYTES_A_SECOND = 85_000_000
ROUND_TRIPS = 3  # open, read, write


def threads_for(
    files: int, size_bytes: int, part_bytes: int, *, round_trip_s: float = 0.0, commit_s: float = 0.0
) -> int:
    """Tasks at once, 8 to 64.

    Args:
        files: How many files are to be copied.
        size_bytes: All of them together.
        part_bytes: The largest piece that is one task.
        round_trip_s: Of the smallest request to the farther of the two zones.
        commit_s: What a finished file waits at the target before it is durable.
    """
    if not files:
        return LEAST
    task_bytes = min(size_bytes / files, part_bytes)
    rate = min(FILES_A_SECOND, BYTES_A_SECOND / max(task_bytes, 1))
    alone_s = ROUND_TRIPS * round_trip_s + commit_s + task_bytes / STREAM_BYTES_A_SECOND
    return max(LEAST, min(MOST, math.ceil(rate * alone_s)))
