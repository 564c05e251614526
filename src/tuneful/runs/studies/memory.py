"""The memory that a process holds, as the system tells it to others."""

import os
import subprocess

GIB = 2**30


def resident(process: int) -> float:
    """GiB of memory that a process holds; 0 where no system says so, or there is no such process.

    What it may still ask for is no use as a bound: programs of XLA reserve many times what they touch.

    >>> 0 < resident(os.getpid()) < 1e4, resident(2**22 + 1)
    (True, 0.0)
    """
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / GIB
    except (OSError, ValueError, IndexError):
        return _said_by_ps(process)


def _said_by_ps(process: int) -> float:
    """The same, where there is no /proc."""
    try:
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=False)
        return int(said.stdout) * 1024 / GIB
    except (OSError, ValueError):
        return 0.0
