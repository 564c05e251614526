"""The log of a fit in memory: a line for every step, and one for every comparison with the held-out units."""

from collections.abc import Iterable
from typing import Any

from tuneful.plain import plain

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
        return plain(sorted(self.steps + self.evaluations, key=lambda line: line["step"]))
