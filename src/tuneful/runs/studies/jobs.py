"""The jobs of a study: what each is run with, where it is kept, and how it stands."""

import enum
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tuneful.descents import Outcome
from tuneful.errors import UserError
from tuneful.numbers import as_float
from tuneful.runs.folder import FAILURE, RESULT, RunFolder
from tuneful.runs.lock import holder_of
from tuneful.settings import shown


class State(enum.StrEnum):
    """How a job stands. The value is the word in tables."""

    FINISHED = "finished"
    FAILED = "failed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"


@dataclass(frozen=True)
class Job:
    """One run of a study.

    index
        Its number, which with the seed of the study decides its own seed.
    data
        What tables call its curves.
    values
        The settings that the study varies, and the objective if it does that.
    config
        The whole configuration, as config.json of a run has it.
    """

    index: int
    data: str
    values: dict[str, Any]
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its run folder."""
        return f"{self.index:05d}"

    @property
    def label(self) -> str:
        """What it is run with, in a line."""
        values = [f"{key}={shown(value)}" for key, value in self.values.items()]
        return ", ".join([*values, f"seed {self.config['seed']}"])

    def written(self) -> dict[str, Any]:
        """The line of the file of jobs."""
        return asdict(self)


class Standing(NamedTuple):
    """How a job stands, and what is to be said of it: why it failed, or who runs it."""

    state: State
    why: str = ""


def standing_of(folder: RunFolder) -> Standing:
    """How the job in a run folder stands, from what lies there."""
    if holder := holder_of(folder.path):
        return Standing(State.RUNNING, f"process {holder['process']} on {holder['host']} since {holder['since']}")
    if folder.has(RESULT):
        return _finished(folder)
    if folder.has(FAILURE):
        return Standing(State.FAILED, _why(folder))
    return Standing(State.INTERRUPTED if folder.exists else State.WAITING)


def _finished(folder: RunFolder) -> Standing:
    """A result is no success if the descent broke off, or found what is not a number."""
    try:
        result = folder.read_json(RESULT)
        outcome, values = Outcome(result["outcome"]), result.get("parameters", {}).values()
        lost = [row["symbol"] for row in values if not _is_finite(row["value"])]
    except (UserError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Standing(State.FAILED, damaged(error))
    if outcome.is_broken:
        return Standing(State.FAILED, f"broke off: {result.get('stopped') or outcome.message}")
    return Standing(State.FAILED, f"{', '.join(lost)} is not a finite number") if lost else Standing(State.FINISHED)


def damaged(error: Exception) -> str:
    """What is said of a result that cannot be read, or is none."""
    return str(error) if isinstance(error, UserError) else f"{RESULT} is damaged"


def _is_finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return isinstance(value, int | float) and math.isfinite(as_float(value))


def _why(folder: RunFolder) -> str:
    try:
        found = folder.read_json(FAILURE)
    except UserError as error:
        return str(error)
    return str(found.get("why", "")) if isinstance(found, Mapping) else f"{FAILURE} is damaged"
