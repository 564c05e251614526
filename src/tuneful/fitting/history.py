"""The log of a fit in memory: a line for every step, and one for every comparison with the held-out units."""

from collections.abc import Iterable
from typing import Any

from tuneful.display import MOST, card, in_a_line
from tuneful.plain import plain

Line = dict[str, Any]


class Lines(list[Line]):
    """A list of lines that shows the last ones: thousands fill no screen."""

    def __repr__(self) -> str:
        last = f", the last: {in_a_line(_flat(self[-1]).items())}" if self else ""
        return f"<{len(self)} line{'' if len(self) == 1 else 's'}{last}>"

    def _repr_html_(self) -> str:
        rows = [_flat(line) for line in self[-MOST:]]
        columns = list(rows[-1]) if rows else []
        table = columns, [[row.get(name) for name in columns] for row in rows]
        return card("Log", f"the last {len(rows)} of {len(self)} lines", table)


class History:
    """Lines sorted by what they tell; `lines` gives them back in the order in which a run writes them."""

    def __init__(self, lines: Iterable[Line] = ()):
        self.steps, self.evaluations = Lines(), Lines()
        self.add(lines)

    def __repr__(self) -> str:
        return f"<History: steps {self.steps!r}, evaluations {self.evaluations!r}>"

    def add(self, lines: Iterable[Line]) -> None:
        """Take more lines."""
        for line in lines:
            (self.evaluations if "statistics" in line else self.steps).append(line)

    def lines(self) -> list[Line]:
        """All lines in order, without numbers that JSON cannot hold."""
        return plain(sorted(self.steps + self.evaluations, key=lambda line: line["step"]))


def _flat(line: Line) -> Line:
    """A line with what is nested in it, such as the parameters, beside the rest."""
    inner = [value.items() if isinstance(value, dict) else [(name, value)] for name, value in line.items()]
    return dict(pair for pairs in inner for pair in pairs)
