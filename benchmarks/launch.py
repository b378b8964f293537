"""Run one command and write what it took to a file. Standard library only, run by ``python -I -S``.

    python -I -S launch.py RESULT COMMAND...

A process of its own, since Linux counts the memory of the process that starts a command among the command's: here that is
10 MiB. Source: getrusage(2), wait4(2), and setmax_mm_hiwater_rss in the kernel's exec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> int:
    """Run it; the exit code is the command's."""
    result, command = sys.argv[1], sys.argv[2:]
    began = time.monotonic()
    process = subprocess.Popen(command)  # standard input and output are the caller's
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}
    with open(result, "w", encoding="utf-8") as file:
        json.dump(taken, file)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
