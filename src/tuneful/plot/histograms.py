"""Distributions of the statistics, in the layout of Fig. 2 of Arakaki, Barello & Ahmadian (2017)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from tuneful.curves import compute, critical_value, features, ks_distance, rate_unit, seen_through
from tuneful.curves.statistics import lookup
from tuneful.errors import UserError
from tuneful.numbers import distance, number, percent
from tuneful.plot.naming import axis_label
from tuneful.plot.selection import finite_rates
from tuneful.plot.style import DATA, END, START, label_axes, panel

MOST_CATEGORIES, MOST_NAMES = 12, 7
MOST_BINS = 24
NAMES = {"data": "data", "start": "model, start", "model": "model"}
WHOSE = {"data": "data", "start": "start", "model": "end"}  # in a sentence
LOOKS: dict[str, dict[str, Any]] = {
    "data": {"fill": True, "color": DATA, "linewidth": 0},
    "start": {"color": START, "linestyle": (0, (3, 1.5)), "linewidth": 1.2},
    "model": {"color": END, "linewidth": 1.5},
}

Samples = Mapping[str, np.ndarray]  # data, start and model -> values of a statistic


@dataclass(frozen=True)
class Bins:
    """Edges (k + 1,) of the bins; of a few distinct values, one bin each, `categories` names the values."""

    edges: np.ndarray
    categories: np.ndarray | None = None

    def heights(self, values: np.ndarray) -> np.ndarray:
        """Density in every bin (fraction, of categories); values beyond the edges count in the total."""
        values = values[np.isfinite(values)]
        if self.categories is not None:
            values = np.abs(values[:, None] - self.categories).argmin(axis=1)
        counts, _ = np.histogram(values, self.edges)
        return counts / (max(len(values), 1) * np.diff(self.edges))

    def beyond(self, values: np.ndarray) -> float:
        """The fraction of the values that no bin holds."""
        values = values[np.isfinite(values)]
        if self.categories is not None or not len(values):
            return 0.0
        return float(((values < self.edges[0]) | (values > self.edges[-1])).mean())


def shared_bins(found: Samples) -> Bins | None:
    """Bins for the data and the model; the start may lie beyond them. None without any value."""
    finite = {kind: values[np.isfinite(values)] for kind, values in found.items()}
    compared = [kind for kind in ("data", "model") if kind in finite]
    pooled = np.concatenate([finite[kind].ravel() for kind in compared]) if compared else np.zeros(0)
    if not len(pooled):
        return None
    distinct = np.unique(np.concatenate(list(finite.values())).round(9))
    if len(distinct) <= MOST_CATEGORIES and len(pooled) >= 4 * len(distinct):
        return Bins(np.arange(len(distinct) + 1) - 0.5, distinct)
    tops = [_top(finite[kind]) for kind in compared if len(finite[kind])]
    return Bins(_edges(pooled, float(pooled.min()), max(tops), len(finite["data"])))


def _top(values: np.ndarray) -> float:
    """The largest value, or the 99.5 % quantile if a long tail would squeeze everything else."""
    low, most, high = np.quantile(values, [0, 0.995, 1])
    return float(high if high - low <= 1.4 * (most - low) else most)


def _edges(pooled: np.ndarray, low: float, high: float, n_data: int) -> np.ndarray:
    if high <= low:
        return np.linspace(low - 0.5, low + 0.5, 6)
    n_bins = int(np.clip(1.3 * np.sqrt(n_data), 6, MOST_BINS))
    distinct = np.unique(pooled.round(9))
    spacing = np.diff(distinct).min() if len(distinct) > 1 else 0.0
    n_levels = round((high - low) / spacing) + 1 if spacing > 0 else np.inf
    on_levels = np.abs((distinct - distinct[0]) / spacing % 1 - 0.5).min() > 0.499 if n_levels <= 64 else False
    if not on_levels:
        return np.linspace(low, high, n_bins + 1)
    # Values on a lattice (a fraction of 27 conditions): bins hold equally many levels, or they would alternate.
    levels_per_bin = int(np.ceil(n_levels / n_bins))
    n = int(np.ceil(n_levels / levels_per_bin))
    return low + spacing * (levels_per_bin * np.arange(n + 1) - 0.5)


def distribution(
    statistic: str,
    data: xr.Dataset,
    model: xr.Dataset | None = None,
    start: xr.Dataset | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot the distribution of a statistic of curves: data filled, the model as a line, its start dashed.

    Generated curves are seen through the missing conditions of the data, as in KS distances. Their distance, and that
    which sampling explains, is above the axes.

    Parameters
    ----------
    statistic
        A name of `tuneful.curves.STATISTICS`.
    data
        Measured curves.
    model, start
        Generated ones in the same conditions.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    DatasetError
        For a statistic that is unknown, or that these conditions do not allow.
    UserError
        If it is undefined for all curves.

    >>> from matplotlib.figure import Figure
    >>> from tuneful.curves import make_dataset
    >>> data = make_dataset([[1.0, 3.0], [2.0, 5.0]], {"size": [1, 2]})
    >>> distribution("max_rate", data, data, ax=Figure().add_subplot()).get_xlabel()
    'Maximum rate (Hz)'
    """
    lookup(statistic)
    found = samples(statistic, {"data": data, "start": start, "model": model})
    if shared_bins(found) is None:
        raise UserError(f"The statistic {statistic!r} is undefined for all of these curves: choose another.")
    with panel(ax) as axes:
        histogram(statistic, found, rate_unit(data), ax=axes)
        if "model" in found:
            axes.set_title(_distance(found), loc="right", fontsize=8, fontweight="normal")
    return axes


def samples(name: str, sides: Mapping[str, xr.Dataset | None]) -> Samples:
    """Compute one statistic of `data`, and of what is generated, `start` and `model`: name -> values.

    Generated curves are seen through the missing conditions of the data, as in the KS distances.

    Raises
    ------
    DatasetError
        If the statistic is unknown or these conditions do not allow it.
    """
    data = sides["data"]
    if data is None:
        return {}
    measured = np.asarray(data["rate"].values, float)
    rng = np.random.default_rng(0)  # any seed: it only decides which curve gets which gaps
    rates = {"data": measured}
    for kind in ("start", "model"):
        curves = sides.get(kind)
        if curves is not None:
            generated = finite_rates(curves)
            rates[kind] = seen_through(generated, ~np.isnan(measured), rng) if len(measured) else generated
    conditions = features(data)
    return {kind: compute(name, own, conditions) for kind, own in rates.items()}


def histogram(name: str, found: Samples, rate_unit: str = "Hz", *, ax: Axes) -> None:
    """Paint one statistic of which there are values; `rate_unit` is that of the curves."""
    bins = shared_bins(found)
    if bins is None:
        return
    heights = {kind: bins.heights(values) for kind, values in found.items() if np.isfinite(values).any()}
    for kind, height in heights.items():
        ax.stairs(height, bins.edges, label=NAMES[kind], **LOOKS[kind])
    ax.set_xlim(bins.edges[0], bins.edges[-1])
    ax.set_ylim(0, 1.06 * _highest(heights))
    if bins.categories is not None:
        shown = range(0, len(bins.categories), -(-len(bins.categories) // MOST_NAMES))
        ax.set_xticks(shown, [number(bins.categories[i]) for i in shown])
    label_axes(ax, axis_label(name, rate_unit), "density" if bins.categories is None else "fraction")


def _distance(found: Samples) -> str:
    """How far the model is from the data, beside what sampling explains."""
    sizes = [int((~np.isnan(v)).reshape(len(v), -1).any(axis=1).sum()) for v in (found["data"], found["model"])]
    if not all(sizes):
        return ""
    ks = ks_distance(found["model"].ravel(), found["data"].ravel())
    return f"KS {distance(ks)}, 5 % line {distance(critical_value(*sizes))}"


def _highest(heights: Mapping[str, np.ndarray]) -> float:
    """The top of the axis: a start that is one spike must not flatten the rest."""
    compared = [h.max() for kind, h in heights.items() if kind != "start"]
    start = heights["start"].max() if "start" in heights else 0.0
    return float(min(max(start, *compared), 1.8 * max(compared))) or 1.0


def histogram_note(found: Samples) -> str:
    """What the panel cannot show: undefined values, and those beyond the axis."""
    bins = shared_bins(found)
    if bins is None:
        return ""
    named = {WHOSE[kind]: values for kind, values in found.items()}
    undefined = {k: float(np.isnan(v).mean()) for k, v in named.items() if v.ndim == 1 and len(v)}
    beyond = {k: bins.beyond(v) for k, v in named.items()}
    parts = [
        f"{what}: " + ", ".join(f"{percent(f)} of {kind}" for kind, f in fractions.items() if f >= 0.005)
        for what, fractions in {"undefined": undefined, "beyond the axis": beyond}.items()
        if max(fractions.values(), default=0) >= 0.005
    ]
    return "; ".join(parts)
