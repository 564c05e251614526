"""How long searches run: one step, one loop, one vocabulary for why it ended; every fit and optimisation uses it."""

from tuneful.descents.descent import AbstractDescent
from tuneful.descents.loop import Descended, Keeper, Moment, Observer, descend, end_of
from tuneful.descents.outcome import Ended, Ending, Outcome
from tuneful.descents.path import Path

__all__ = [
    "AbstractDescent",
    "Descended",
    "Ended",
    "Ending",
    "Keeper",
    "Moment",
    "Observer",
    "Outcome",
    "Path",
    "descend",
    "end_of",
]
