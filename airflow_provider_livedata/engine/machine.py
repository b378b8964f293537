"""How a process that copies behaves on its machine: it lets others go first, and keeps little memory that it no longer uses.

Both are Linux's, both are left alone where they are not there or were chosen by whoever started the process.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

ARENAS = 2
_M_ARENA_MAX = -8  # malloc.h of glibc
_CHOSEN_BY = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
_THREADS = Path("/proc/self/task")
_OF_CLIENTS = b"tokio-rt-worker\n"  # threads of hdfs-native and obstore


@cache
def use_few_arenas() -> None:
    """Have glibc give memory from ``ARENAS`` arenas, not eight for each core, each of which keeps what its threads freed.

    Counts only while the process has few threads. The clients of HDFS and S3 allocate packets on one thread and free them on another:
    55 MiB of a process that copies large files were of no use. Source: mallopt(3).
    """
    if any(name in os.environ for name in _CHOSEN_BY):
        return
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def work_in_background() -> None:
    """Have this thread interrupt nobody when what it waited for has come.

    Copying is many short waits. A thread that interrupts another for each makes both change places, which costs as much as the work
    that was waited for: a tenth of the CPU of small files. Shares of a busy CPU stay what they are. Source: SCHED_BATCH in sched(7).
    """
    _be_batch(0)


def clients_work_in_background() -> None:
    """The same for the threads that the clients of HDFS and S3 have by now."""
    with suppress(OSError):
        for thread in os.listdir(_THREADS):
            with suppress(OSError):  # it has ended
                if (_THREADS / thread / "comm").read_bytes() == _OF_CLIENTS:
                    _be_batch(int(thread))


def _be_batch(thread: int) -> None:
    with suppress(AttributeError, OSError):  # another system, or a sandbox that does not allow it
        if os.sched_getscheduler(thread) == os.SCHED_OTHER:
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
