"""How programs of their own set JAX up: as many devices as cores, and programs that are compiled once."""

import os
from pathlib import Path

import jax
import platformdirs

from tuneful.runs.cores import available_cores

KEPT = 0.3  # seconds of compiling from which a program is kept: smaller ones are compiled as soon as they are read


def set_up_jax(cores: int | None = None) -> None:
    """Use so many cores (None: every one) and keep compiled programs between runs.

    To be called before JAX starts: somebody's circuit may start it.
    """
    jax.config.update("jax_num_cpu_devices", cores or available_cores())
    if jax.__version_info__[:2] == (0, 10) and "collective" not in os.environ.get("XLA_FLAGS", ""):
        # Devices wait for each other at the end of a batch. Where one has all the networks that settle late, or the
        # machine slept, that may take longer than the 40 s after which XLA ends the process (as do unknown flags).
        patience = "--xla_cpu_collective_call_terminate_timeout_seconds=86400"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {patience}".strip()
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return  # JAX reads this one by itself
    cache = Path(platformdirs.user_cache_dir("tuneful")) / "compiled"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # nowhere to keep them: every run compiles afresh
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", KEPT)
