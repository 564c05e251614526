"""The axis of a stimulus feature: angles go round, wide ranges are logarithmic, ticks are at the values."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from tuneful.curves.plausibility import ANGLES
from tuneful.numbers import number
from tuneful.plot.naming import title_of, unit_of
from tuneful.plot.style import tick

WIDE_RANGE = 4  # from the smallest value of a feature to the largest: beyond, its axis may be logarithmic
ANY_RANGE = {"size", "diameter", "radius", "contrast", "frequency", "speed", "sf", "tf"}  # seen in ratios
LARGEST_GAP = 1.5  # between the last angle and the first of the next turn, in largest gaps between others
NEAREST_TICKS = 0.12  # of the axis
MARGIN = 0.03


@dataclass(frozen=True, eq=False)
class FeatureAxis:
    """How one numeric feature is shown.

    title
        With its unit.
    values
        Those that there are, increasing.
    period
        After which angles are the same; None of what is no angle, or of angles that do not go round.
    is_logarithmic
        Whether ratios count.
    """

    title: str
    values: np.ndarray
    period: float | None = None
    is_logarithmic: bool = False

    @classmethod
    def of(cls, dataset: xr.Dataset, name: str, *more: np.ndarray) -> Self:
        """The axis of a feature of a dataset, and of `more` values of it.

        >>> from tuneful.curves import make_dataset
        >>> axis = FeatureAxis.of(make_dataset([[1.0, 2, 3, 4]], {"direction": [0, 90, 180, 270]}), "direction")
        >>> axis.period, axis.is_logarithmic
        (360.0, False)
        """
        values = np.unique(np.concatenate([np.asarray(v, float) for v in (dataset[name].values, *more)]))
        words = set(name.lower().split("_"))
        period = _period(values, unit_of(dataset, name)) if words & set(ANGLES) else None
        is_logarithmic = not words & set(ANGLES) and _in_ratios(values, bool(words & ANY_RANGE))
        title = title_of(dataset, name) if unit_of(dataset, name) or period is None else f"{name} (deg)"
        return cls(title, values, period, is_logarithmic)

    def paint(self, axes: Axes) -> None:
        """Set the scale, the limits and the ticks of the horizontal axis."""
        low, high = float(self.values[0]), float(self.values[-1])
        if self.period is not None:
            axes.set_xlim(low, low + self.period)
            _place(axes, self._angles())
            return
        if self.is_logarithmic:
            axes.set_xscale("log")
            ends = np.exp(_widened(math.log(low), math.log(high)))
        else:
            ends = _widened(low, high)
        axes.set_xlim(*ends)
        _place(axes, {value: number(value) for value in self._spread()})

    def _angles(self) -> dict[float, str]:
        """Ticks every quarter of a turn, or every eighth of half a turn."""
        low, period = float(self.values[0]), float(self.period or 1)
        is_half, in_radians = period in (180.0, math.pi), period < 10
        step = period / 4
        first = math.ceil(low / step - 1e-9)
        turns = [first + i for i in range(5) if (first + i) * step <= low + period * (1 + 1e-9)]
        eighths = 1 if is_half else 2
        return {i * step: _in_pi(i * eighths) if in_radians else tick(i * step) for i in turns}

    def _spread(self) -> list[float]:
        """Values that are so far apart that their names do not meet, the first and the last if possible."""
        places = np.log(self.values) if self.is_logarithmic else self.values
        reach = float(np.ptp(places)) or 1.0
        kept = [0]
        for i in range(1, len(places)):
            if places[i] - places[kept[-1]] >= NEAREST_TICKS * reach:
                kept.append(i)
        last = len(places) - 1
        if kept[-1] != last and len(kept) > 1:
            kept[-1] = last
        return [float(self.values[i]) for i in kept]


def _period(values: np.ndarray, unit: str) -> float | None:
    """Half a turn or a turn, if the angles fill it."""
    span, gap = float(np.ptp(values)), float(np.diff(values).max(initial=0.0))
    periods = (math.pi, 2 * math.pi) if unit.lower().startswith("rad") else (180.0, 360.0)
    return next((p for p in periods if span < p and 0 < p - span <= LARGEST_GAP * gap), None)


def _in_ratios(values: np.ndarray, is_known: bool) -> bool:
    """Whether positive values span a wide range, evenly so in ratios unless the feature is known to be seen so."""
    if len(values) < 2 or values[0] <= 0 or values[-1] / values[0] <= WIDE_RANGE:
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return is_known or bool(ratios.max() / ratios.min() < steps.max() / steps.min())


def _widened(low: float, high: float) -> tuple[float, float]:
    pad = MARGIN * (high - low) or 0.5
    return low - pad, high + pad


def _in_pi(eighths: int) -> str:
    """So many quarters of pi: ``3π/4``."""
    shared = math.gcd(eighths, 4)
    above, below = eighths // shared, 4 // shared
    over = "0" if not above else f"{'−' * (above < 0)}{'' if abs(above) == 1 else abs(above)}π"
    return over if below == 1 or not above else f"{over}/{below}"


def _place(axes: Axes, ticks: dict[float, str]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.xaxis.set_minor_locator(NullLocator())
