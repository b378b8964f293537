"""How many tasks at once suit what is to be copied or asked, where nobody says. Pure.

By Little's law: tasks at once = tasks a second that this process can carry x seconds that one task takes when it is
alone. More tasks would only wait for each other and for memory, fewer would leave the network idle.
"""

from __future__ import annotations

import math

LEAST, MOST = 8, 64
FILES_A_SECOND = 1_500  # about what one process was seen to carry of small files
BYTES_A_SECOND = 1 << 30  # and of large ones
COMMITTED_BYTES_A_SECOND = 256 << 20  # to a store whose files wait before they are durable
# What one request moves. Source: AWS, "Best practices design patterns: optimizing Amazon S3 performance" (85-90 MB/s).
STREAM_BYTES_A_SECOND = 85_000_000
ROUND_TRIPS = 3  # open, read, write
ASKED_A_SECOND = 2_000  # about what one process was seen to ask of a zone beside it


def threads_for(
    files: int,
    size_bytes: int,
    part_bytes: int,
    *,
    round_trip_s: float = 0.0,
    commit_s: float = 0.0,
    memory_bytes: int = 1 << 62,
    beside_bytes: int = 0,
) -> int:
    """Tasks at once, 8 to 64, and no more than find memory.

    Args:
        files: How many files are to be copied.
        size_bytes: All of them together.
        part_bytes: The largest piece that is one task.
        round_trip_s: Of the smallest request to the farther of the two zones.
        commit_s: What a finished file waits at the target before it is durable.
        memory_bytes: For all tasks together.
        beside_bytes: What a task takes of it at most, beside its own bytes.
    """
    if not files:
        return LEAST
    file_bytes = max(size_bytes / files, 1)
    task_bytes = min(file_bytes, part_bytes)
    moving = min(FILES_A_SECOND, BYTES_A_SECOND / task_bytes) * (
        ROUND_TRIPS * round_trip_s + task_bytes / STREAM_BYTES_A_SECOND
    )
    with_memory = memory_bytes / (task_bytes + min(beside_bytes, task_bytes))
    waiting = min(FILES_A_SECOND, COMMITTED_BYTES_A_SECOND / file_bytes) * commit_s
    return max(LEAST, min(MOST, math.ceil(moving + waiting), int(with_memory)))


def threads_to_ask(answer_s: float) -> int:
    """How many threads suit small questions, each of which is answered after ``answer_s`` seconds: 8 to 64."""
    return max(LEAST, min(MOST, math.ceil(ASKED_A_SECOND * answer_s)))
