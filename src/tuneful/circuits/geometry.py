"""Where cells are: on a line, on a ring of preferred orientations, or on a sheet."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jax.typing import ArrayLike

MOST_SITES = 46_340  # whose pairs are 32-bit integers

Places = tuple[float | tuple[float, float], ...]  # numbers on a line or a ring, pairs (x, y) on a sheet


def as_places(places: ArrayLike | Sequence) -> Places:
    """Convert a place or a sequence of places to a hashable form, known when the circuit is compiled.

    Raises
    ------
    ValueError
        For anything but finite numbers, or pairs of them.

    >>> as_places(0.5), as_places([[0, 1], [2, 3]])
    ((0.5,), ((0.0, 1.0), (2.0, 3.0)))
    """
    array = np.atleast_1d(np.asarray(places, dtype=float))
    is_listed = array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 2)
    if not is_listed or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"expected places, one finite number or pair (x, y) each, not an array of {array.shape}.")
    return tuple(tuple(row) if array.ndim == 2 else row for row in array.tolist())


class AbstractGeometry(ABC):
    """Sites, at each of which there is one cell of every type.

    coordinates
        What the place of a site is called.
    n_sites
        Along a line, around a ring, along the side of a sheet.
    """

    coordinates: ClassVar[tuple[str, ...]]
    n_sites: int

    @property
    @abstractmethod
    def count(self) -> int:
        """How many sites there are."""

    @property
    @abstractmethod
    def spacing(self) -> float:
        """Distance between neighbouring sites."""

    @property
    @abstractmethod
    def grid(self) -> np.ndarray:
        """Places of the sites, (count,) or, on a sheet, (count, 2)."""

    @property
    @abstractmethod
    def squared_distances(self) -> np.ndarray:
        """Between every two sites, (count, count)."""

    @abstractmethod
    def nearest(self, places: ArrayLike | Sequence) -> np.ndarray:
        """Indices of the sites nearest to some places, (places,)."""

    @abstractmethod
    def check(self, sites: Places) -> None:
        """Refuse places that are not of this geometry, and geometries without an inside.

        Raises
        ------
        ValueError
            For the first.
        """


@final
@dataclass(frozen=True)
class Line(AbstractGeometry):
    """Sites on a regular grid on [-extent, extent].

    >>> line = Line(n_sites=5, extent=2.0)
    >>> line.grid.tolist(), line.spacing, line.nearest((0.4, -2.0)).tolist()
    ([-2.0, -1.0, 0.0, 1.0, 2.0], 1.0, [2, 0])
    """

    coordinates: ClassVar[tuple[str, ...]] = ("position",)

    n_sites: int
    extent: float

    @property
    def count(self) -> int:
        """How many sites there are."""
        return self.n_sites

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
        return (self.grid[:, None] - self.grid) ** 2

    def nearest(self, places: ArrayLike | Sequence) -> np.ndarray:
        return np.rint((np.array(places) + self.extent) / self.spacing).astype(int)

    def check(self, sites: Places) -> None:
        _check_size(self.n_sites, "extent", self.extent)
        positions = _numbers(sites, "on a line")
        if abs(farthest := max(positions, key=abs)) > self.extent:
            raise ValueError(f"sites must lie on [-{self.extent:g}, {self.extent:g}], not at {farthest:g}.")


@final
@dataclass(frozen=True)
class Ring(AbstractGeometry):
    """Sites on a ring, at equally spaced preferred orientations from 0 on; orientations a period apart are the same.

    >>> ring = Ring(n_sites=4, period=180.0)
    >>> ring.grid.tolist(), ring.nearest((170, -50)).tolist(), ring.distances(np.array([170.0]))[0].tolist()
    ([0.0, 45.0, 90.0, 135.0], [0, 3], [10.0, 55.0, 80.0, 35.0])
    """

    coordinates: ClassVar[tuple[str, ...]] = ("orientation",)

    n_sites: int
    period: float

    @property
    def count(self) -> int:
        """How many sites there are."""
        return self.n_sites

    @property
    def spacing(self) -> float:
        """Distance between neighbouring sites."""
        return self.period / self.n_sites

    @property
    def grid(self) -> np.ndarray:
        """Preferred orientations of the sites, (sites,)."""
        return np.arange(self.n_sites) * self.spacing

    @property
    def squared_distances(self) -> np.ndarray:
        """The shorter ways between every two sites, (sites, sites): a turn of the ring changes no bit of them."""
        apart = (np.arange(self.n_sites)[:, None] - np.arange(self.n_sites)) % self.n_sites
        return (np.minimum(apart, self.n_sites - apart) * self.spacing) ** 2

    def distances(self, orientations: np.ndarray) -> np.ndarray:
        """The shorter ways from some orientations to every site, (orientations, sites)."""
        apart = (self.grid - orientations[:, None]) % self.period
        return np.minimum(apart, self.period - apart)

    def nearest(self, places: ArrayLike | Sequence) -> np.ndarray:
        return np.rint(np.array(places) / self.spacing).astype(int) % self.n_sites

    def check(self, sites: Places) -> None:
        _check_size(self.n_sites, "period", self.period)
        _numbers(sites, "on a ring")


@final
@dataclass(frozen=True)
class Sheet(AbstractGeometry):
    """Sites on a square grid on [-extent, extent]^2, of n_sites a side; x varies slowest.

    >>> sheet = Sheet(n_sites=3, extent=2.0)
    >>> sheet.grid[:4].tolist(), sheet.nearest(((0.4, -1.9),)).tolist()
    ([[-2.0, -2.0], [-2.0, 0.0], [-2.0, 2.0], [0.0, -2.0]], [3])
    """

    coordinates: ClassVar[tuple[str, ...]] = ("x", "y")

    n_sites: int
    extent: float

    @property
    def side(self) -> Line:
        """The grid along one side."""
        return Line(self.n_sites, self.extent)

    @property
    def count(self) -> int:
        """How many sites there are."""
        return self.n_sites**2

    @property
    def spacing(self) -> float:
        """Distance between neighbouring sites."""
        return self.side.spacing

    @property
    def grid(self) -> np.ndarray:
        """Places of the sites, (sites, 2)."""
        axes = np.meshgrid(self.side.grid, self.side.grid, indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, 2)

    @property
    def squared_distances(self) -> np.ndarray:
        along = self.side.squared_distances
        both = along[:, None, :, None] + along[None, :, None, :]  # of x and of y
        return both.reshape(self.count, self.count)

    def nearest(self, places: ArrayLike | Sequence) -> np.ndarray:
        x, y = (self.side.nearest(axis) for axis in np.array(places).T)
        return x * self.n_sites + y

    def check(self, sites: Places) -> None:
        if any(isinstance(site, float) for site in sites):
            raise ValueError(f"sites on a sheet must be pairs [x, y], such as [[0, 0]], not {sites[0]}.")
        self.side.check(tuple(np.ravel(np.array(sites)).tolist()))


def _check_size(n_sites: int, name: str, length: float) -> None:
    if n_sites < 3:
        raise ValueError(f"n_sites must be at least 3, not {n_sites}.")
    if n_sites > MOST_SITES:
        raise ValueError(f"n_sites must be at most {MOST_SITES}, beyond which connections cannot be numbered.")
    if not length > 0:
        raise ValueError(f"{name} must be positive, not {length}.")


def _numbers(sites: Places, where: str) -> list[float]:
    """Places along one axis."""
    if pairs := [site for site in sites if not isinstance(site, float)]:
        raise ValueError(f"sites {where} must be numbers, not pairs such as {pairs[0]}: only a sheet has two axes.")
    return [site for site in sites if isinstance(site, float)]
