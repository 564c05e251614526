"""The log of a fit in memory: a line for every step, and one for every comparison with the held-out units."""

from collections.abc import Iterable
from typing import Any

from tuneful.circuits import AbstractCircuit
from tuneful.fitting import StepRecord
from tuneful.fitting.simulation import natural_values
from tuneful.fitting.tables import without_nan

Line = dict[str, Any]


class History:
    """Lines sorted by what they tell; `lines` gives them back in the order in which a run writes them."""

    def __init__(self, lines: Iterable[Line] = ()):
        self.steps: list[Line] = []
        self.evaluations: list[Line] = []
        self.add(lines)

    def add(self, lines: Iterable[Line]) -> None:
        """Take more lines."""
        for line in lines:
            (self.evaluations if "statistics" in line else self.steps).append(line)

    def lines(self) -> list[Line]:
        """All lines in order, without numbers that JSON cannot hold."""
        return without_nan(sorted(self.steps + self.evaluations, key=lambda line: line["step"]))


def step_line(step: int, circuit: AbstractCircuit, record: StepRecord, seconds: float) -> Line:
    """Write a step as a line; `circuit` is the one that it led to."""
    return {
        "step": step,
        "loss": float(record.loss),
        "penalty": float(record.penalty),
        "gradient_norm": float(record.gradient_norm),
        "rejected": float(record.rejected),
        "saturated": float(record.saturated),
        "finite": bool(record.finite),
        "taken": bool(record.taken),
        "parameters": natural_values(circuit),
        "seconds": round(seconds, 3),
    }
