"""What goes on in the folder of a run, from the files that are there: no lock is taken, and nothing is written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneful.numbers import number
from tuneful.plain import printable
from tuneful.runs.finishing import FITTED
from tuneful.runs.folder import (
    CONFIG,
    DESIGN_PAGE,
    FAILURE,
    GOODNESS_PAGE,
    INFERENCE,
    INFERENCE_SETTINGS,
    PAGE,
    PREDICTIONS_PAGE,
    RESULT,
)
from tuneful.runs.lock import HOLDER, holder_of
from tuneful.runs.manifest import LOG

PAGES = {GOODNESS_PAGE: "goodness of fit", DESIGN_PAGE: "design", PREDICTIONS_PAGE: "predictions"}
SHOWN = (CONFIG, LOG, RESULT, PAGE, INFERENCE, INFERENCE_SETTINGS, FITTED, FAILURE, *PAGES)
TAIL = 2**20  # bytes of a log in which its last whole line is
LONGEST = 300  # characters of a sentence from a file


@dataclass(frozen=True)
class Doing:
    """What goes on.

    state
        "nothing" was begun, it "goes on", "stopped" before its end, "failed" as a job of a study, or is "finished".
    words
        In a sentence or two.
    last
        When the last step was written, in seconds since the epoch; None where no step is being taken.
    stamp
        Another one after every change that a page would show.
    """

    state: str
    words: str
    last: float | None
    stamp: str

    @property
    def has_result(self) -> bool:
        """Whether there is a result of the run as it was asked last."""
        return self.state == "finished"


def doing_in(folder: Path) -> Doing:
    """What goes on in a folder; whatever is missing, damaged or half written there, this does not fail."""
    about, holder = {name: stamp_of(folder / name) for name in SHOWN}, holder_of(folder)
    state, words = _state(folder, about, holder)
    last = about[LOG]
    now = about | {HOLDER: None if holder is None else holder.get("since")}
    stamp = hashlib.sha256(json.dumps([state, words, now], default=str).encode()).hexdigest()[:16]
    return Doing(state, words, last[0] / 1e9 if state == "goes on" and last is not None else None, stamp)


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """When a regular file was written, which it is and how long; None of anything else, links included."""
    with contextlib.suppress(OSError, ValueError):
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            return found.st_mtime_ns, found.st_ino, found.st_size
    return None


def last_step(folder: Path) -> int | None:
    """The step of the last whole line of the log."""
    with contextlib.suppress(OSError):
        with open(folder / LOG, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            lines = file.read().splitlines()
        for line in reversed(lines):
            with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
                return int(json.loads(line)["step"])
    return None


def read_table(path: Path) -> dict[str, Any]:
    """The content of a JSON file; empty where it is missing, damaged, or no table."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _state(folder: Path, about: dict[str, Any], holder: dict[str, Any] | None) -> tuple[str, str]:
    config, result = about[CONFIG], about[RESULT]
    if config is None:
        return "nothing", "No run was begun in this folder yet." if holder is None else "A run begins."
    step = last_step(folder)
    if result is not None and (result[0] >= config[0] or (holder is None and _covers(folder, step))):
        return "finished", _after_the_fit(about, holder)  # else it is gone on with, for which config.json is new
    far = "before its first step" if step is None else f"after step {number(step, 6)}"
    if holder is None and about[FAILURE] is not None:
        why = printable(str(read_table(folder / FAILURE).get("why", "it is not known why")))[:LONGEST]
        return "failed", f"The run failed {far}: {why}"
    if holder is None:
        return "stopped", f"The run stopped {far}; the same command with --resume goes on."
    return "goes on", f"The run goes on{_who(holder)}: {_what(about, step)}."


def _covers(folder: Path, step: int | None) -> bool:
    """Whether the result is of the last step, whatever the times of files are in a copy of a folder."""
    steps = read_table(folder / RESULT).get("steps")
    return step is None or (isinstance(steps, int) and step <= steps)


def _what(about: dict[str, Any], step: int | None) -> str:
    if about[FITTED] is not None:
        return "its last step is taken, curves of the fitted circuit are drawn"
    return "compiling the first step, which may take minutes" if step is None else f"step {number(step, 6)} is taken"


def _after_the_fit(about: dict[str, Any], holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "The run is finished."
    what = "an inference" if about[INFERENCE_SETTINGS] is not None else "another command"
    return f"The run is finished; {what} is at work in its folder{_who(holder)}."


def _who(holder: dict[str, Any]) -> str:
    said = (str(holder.get(key, "?"))[:60] for key in ("process", "host", "since"))
    return printable(" (process {} on {} since {})".format(*said))
