"""The cores of this machine, and how processes that share them keep to their own."""

import os

POOLS = (
    "NPROC",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)  # XLA's first; libraries read them once


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment_for(cores: int) -> dict[str, str]:
    """The environment of a process that is to use so many cores; what is set already is kept.

    >>> environment_for(1)["OMP_NUM_THREADS"]
    '1'
    """
    return dict.fromkeys(POOLS, str(cores)) | dict(os.environ)
