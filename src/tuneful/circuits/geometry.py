"""Where cells are: a circuit with its sites on a ring or a sheet is the same circuit in another geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Line:
    """Sites on a regular grid on [-extent, extent].

    >>> line = Line(n_sites=5, extent=2.0)
    >>> line.grid.tolist(), line.spacing, line.nearest((0.4, -2.0)).tolist()
    ([-2.0, -1.0, 0.0, 1.0, 2.0], 1.0, [2, 0])
    """

    n_sites: int
    extent: float

    @property
    def spacing(self) -> float:
        """Distance between neighbouring sites."""
        return 2 * self.extent / (self.n_sites - 1)

    @property
    def grid(self) -> np.ndarray:
        """Positions of the sites, (sites,)."""
        return np.linspace(-self.extent, self.extent, self.n_sites)

    @property
    def squared_distances(self) -> np.ndarray:
        """Between every two sites, (sites, sites)."""
        return (self.grid[:, None] - self.grid) ** 2

    def nearest(self, positions: Sequence[float] | np.ndarray) -> np.ndarray:
        """Indices of the sites nearest to some positions, (positions,)."""
        return np.rint((np.array(positions) + self.extent) / self.spacing).astype(int)

    def check(self, sites: Sequence[float]) -> None:
        """Refuse positions that are off the line.

        Raises
        ------
        ValueError
            If there is one.
        """
        if abs(farthest := max(sites, key=abs)) > self.extent:
            raise ValueError(f"sites must lie on [-{self.extent:g}, {self.extent:g}], not at {farthest:g}.")
