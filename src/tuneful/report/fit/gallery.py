"""Which measured curves the report shows, and the generated ones beside them."""

from dataclasses import dataclass

import numpy as np

from tuneful.curves import compute, features
from tuneful.report.fit.content import ReportContent, finite_rates, held_out

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Pair:
    """A measured curve (S,) in Hz, NaN = not measured, and the nearest generated one, if there is any."""

    unit: str
    measured: np.ndarray
    nearest: np.ndarray | None

    @property
    def difference(self) -> float:
        """Root mean squared difference over the measured conditions, in Hz."""
        if self.nearest is None:
            return float("nan")
        return float(np.sqrt(np.nanmean((self.measured - self.nearest) ** 2)))


@dataclass(frozen=True)
class Projection:
    """A curve along its preferred-position vector: positions and rates (k,), the linear fit, and its R²."""

    positions: np.ndarray
    rates: np.ndarray
    offset: float
    slope: float
    r2: float


def pairs(content: ReportContent, n: int = 8) -> list[Pair]:
    """A selection of the held-out curves, each with the generated curve nearest to it at the end of the fit."""
    data = held_out(content.measured)
    rates = np.asarray(data["rate"].values, dtype=float)
    labels = data["unit"].values if "unit" in data.coords else np.arange(len(rates))
    generated = finite_rates(content.end)
    return [Pair(str(labels[i]), rates[i], nearest(rates[i], generated)) for i in choose(rates, n)]


def choose(rates: np.ndarray, n: int = 8) -> np.ndarray:
    """Indices of up to n curves that span the data, in the order of their mean rates.

    The curves are sorted by mean rate and cut into n/2 groups of equal size; of each group the curves at the
    lower and upper quartile of modulation (standard deviation over conditions) are taken.
    """
    order = np.argsort(np.nanmean(rates, axis=1), kind="stable") if len(rates) else np.arange(0)
    if len(order) <= n:
        return order
    modulation = np.nanstd(rates, axis=1)
    chosen: list[int] = []
    for group in np.array_split(order, n // 2):
        by_modulation = group[np.argsort(modulation[group], kind="stable")]
        chosen += [int(by_modulation[len(group) // 4]), int(by_modulation[-1 - len(group) // 4])]
    return np.array(list(dict.fromkeys(chosen)))


def nearest(curve: np.ndarray, generated: np.ndarray) -> np.ndarray | None:
    """The generated curve with the smallest Euclidean distance over the measured conditions."""
    measured = ~np.isnan(curve)
    if not (len(generated) and measured.any()):
        return None
    distances = ((generated[:, measured] - curve[measured]) ** 2).sum(axis=1)
    return generated[distances.argmin()]


def positions_of(content: ReportContent) -> np.ndarray | None:
    """Hand positions (S, 3) if the conditions have numeric features x, y and z."""
    found = features(content.measured)
    if not all(axis in found and np.issubdtype(found[axis].dtype, np.number) for axis in AXES):
        return None
    return np.stack([np.asarray(found[axis], dtype=float) for axis in AXES], axis=1)


def project(curve: np.ndarray, positions: np.ndarray) -> Projection | None:
    """A curve against position along the gradient of its linear fit, normalised [Lalazar et al. 2016].

    None where R² is not defined (constant curve, too few conditions) or the fit has no gradient.
    """
    r2 = float(compute("r2", curve[None], dict(zip(AXES, positions.T, strict=True)))[0])
    if np.isnan(r2):
        return None
    measured = ~np.isnan(curve)
    design = np.column_stack([np.ones(measured.sum()), positions[measured]])
    offset, *gradient = np.linalg.lstsq(design, curve[measured], rcond=None)[0]
    slope = float(np.linalg.norm(gradient))
    if slope < 1e-9 * np.nanmax(np.abs(curve)):
        return None
    return Projection(positions[measured] @ gradient / slope, curve[measured], float(offset), slope, r2)
