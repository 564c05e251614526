"""What a worker of a study runs: `python -m tuneful.runs.studies.worker_process STUDY CORES [KIND=PLACE]...`.

It reads numbers of jobs, one a line, and answers each by a line with the end of the job. When whoever started it is
gone, it stops: a descent at its next step, with its state saved.
"""

import json
import os
import queue
import signal
import sys
import threading
from typing import TextIO

from tuneful.runs.interrupts import say_goodbye, watch

MEMORY_MAPS = 20_000  # of a process, which may have 65,530; every compiled program holds some


def main(study: str, cores: str, *code: str) -> None:
    """Answer until there are no more questions."""
    watch()
    answers = _answers()
    from tuneful.runs.jax_setup import set_up_jax
    from tuneful.runs.own_code import made
    from tuneful.runs.studies.attempt import attempt

    set_up_jax(int(cores))
    for kind, _, place in (item.partition("=") for item in code):
        made(kind, place)  # type: ignore[arg-type]
    questions = _questions()
    print("ready", file=answers, flush=True)
    try:
        while (line := questions.get()) is not None:
            print(json.dumps(attempt(study, int(line)).written()), file=answers, flush=True)
            _forget_programs()
    except KeyboardInterrupt:
        raise SystemExit(say_goodbye()) from None


def _answers() -> TextIO:
    """Where answers go; whatever else is printed, by somebody's circuit perhaps, goes to standard error."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def _questions() -> "queue.SimpleQueue[str | None]":
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)
        os.kill(os.getpid(), signal.SIGTERM)  # nobody waits for what is under way

    threading.Thread(target=listen, daemon=True).start()
    return lines


def _forget_programs() -> None:
    """Forget compiled programs before there are too many for one process; where that is not known, never."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            many = sum(1 for _ in maps) > MEMORY_MAPS
    except OSError:
        return
    if many:
        import jax

        jax.clear_caches()


if __name__ == "__main__":
    main(*sys.argv[1:])
