"""Which curves figures show: units that a fit has not seen, a few that span them, generated ones beside them."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from tuneful.curves import compute, features
from tuneful.plot.layouts import AXES


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


def held_out(measured: xr.Dataset) -> xr.Dataset:
    """The units that the fit has not seen, measured somewhere; all of them if none was set aside."""
    seen = ~np.isnan(measured["rate"].values).all(axis=1)
    aside = np.asarray(measured["held_out"].values, bool) if "held_out" in measured.coords else seen
    return measured.isel(unit=np.flatnonzero(seen & aside if aside.any() else seen))


def finite_rates(curves: xr.Dataset) -> np.ndarray:
    """Generated rates (n, S) in Hz without the curves that are not finite everywhere."""
    rates = np.asarray(curves["rate"].values, dtype=float)
    return rates[np.isfinite(rates).all(axis=1)]


def pairs(data: xr.Dataset, model: xr.Dataset, n: int = 8) -> list[Pair]:
    """A selection of measured curves, each with the generated curve nearest to it."""
    rates = np.asarray(data["rate"].values, dtype=float)
    labels, generated = unit_labels(data), finite_rates(model)
    return [Pair(labels[i], rates[i], nearest(rates[i], generated)) for i in choose(rates, n)]


def unit_labels(data: xr.Dataset) -> list[str]:
    """What units are called."""
    labels = data["unit"].values if "unit" in data.coords else np.arange(data.sizes["unit"])
    return [str(label) for label in labels]


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
    for group in np.array_split(order, max(n // 2, 1)):
        by_modulation = group[np.argsort(modulation[group], kind="stable")]
        chosen += [int(by_modulation[len(group) // 4]), int(by_modulation[-1 - len(group) // 4])]
    return np.array(list(dict.fromkeys(chosen)))[:n]


def nearest(curve: np.ndarray, generated: np.ndarray) -> np.ndarray | None:
    """The generated curve with the smallest Euclidean distance over the measured conditions."""
    measured = ~np.isnan(curve)
    if not (len(generated) and measured.any()):
        return None
    distances = ((generated[:, measured] - curve[measured]) ** 2).sum(axis=1)
    return generated[distances.argmin()]


def positions_of(dataset: xr.Dataset) -> np.ndarray | None:
    """Hand positions (S, 3) if the conditions have numeric features x, y and z."""
    found = features(dataset)
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
