"""Distributions of the statistics, in the layout of Fig. 2 of Arakaki, Barello & Ahmadian (2017)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.report.figures import DATA, END, START, draw, label_axes
from tuneful.report.fit.wording import axis_label, label
from tuneful.report.numbers import number, percent

MOST_CATEGORIES, MOST_NAMES = 12, 7
MOST_BINS = 24


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


def shared_bins(samples: Mapping[str, np.ndarray]) -> Bins | None:
    """Bins for the data and the end of the fit; the start may lie beyond them. None without any value."""
    finite = {kind: values[np.isfinite(values)] for kind, values in samples.items()}
    pooled = np.concatenate([finite[kind] for kind in ("data", "end")])
    if not len(pooled):
        return None
    distinct = np.unique(np.concatenate(list(finite.values())).round(9))
    if len(distinct) <= MOST_CATEGORIES and len(pooled) >= 4 * len(distinct):
        return Bins(np.arange(len(distinct) + 1) - 0.5, distinct)
    tops = [_top(finite[kind]) for kind in ("data", "end") if len(finite[kind])]
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


def histogram_figure(
    name: str, samples: Mapping[str, np.ndarray], whose: str = "", rate_unit: str = "Hz"
) -> Markup | None:
    """One statistic: data filled, start dashed, end solid. None if there is no value to show.

    `whose` ends its description, where there are several of that name; `rate_unit` is that of the curves.
    """
    bins = shared_bins(samples) if samples else None
    if bins is None:
        return None
    heights = {kind: bins.heights(values) for kind, values in samples.items() if np.isfinite(values).any()}
    looks = {
        "data": {"fill": True, "color": DATA, "linewidth": 0},
        "start": {"color": START, "linestyle": (0, (3, 1.5)), "linewidth": 1.2},
        "end": {"color": END, "linewidth": 1.5},
    }

    def paint(axes: Axes) -> None:
        for kind, height in heights.items():
            axes.stairs(height, bins.edges, **looks[kind])
        axes.set_xlim(bins.edges[0], bins.edges[-1])
        axes.set_ylim(0, 1.06 * _highest(heights))
        if bins.categories is not None:
            shown = range(0, len(bins.categories), -(-len(bins.categories) // MOST_NAMES))
            axes.set_xticks(shown, [number(bins.categories[i]) for i in shown])
        label_axes(axes, axis_label(name, rate_unit), "density" if bins.categories is None else "fraction")

    return draw(paint, f"Distribution of {label(name)}{whose}")


def _highest(heights: Mapping[str, np.ndarray]) -> float:
    """The top of the axis: a start that is one spike must not flatten the rest."""
    compared = [h.max() for kind, h in heights.items() if kind != "start"]
    start = heights["start"].max() if "start" in heights else 0.0
    return float(min(max(start, *compared), 1.8 * max(compared))) or 1.0


def histogram_note(samples: Mapping[str, np.ndarray]) -> str:
    """What the panel cannot show: undefined values, and those beyond the axis."""
    bins = shared_bins(samples) if samples else None
    if bins is None:
        return ""
    undefined = {k: float(np.isnan(v).mean()) for k, v in samples.items() if v.ndim == 1 and len(v)}
    beyond = {k: bins.beyond(v) for k, v in samples.items()}
    found = {"undefined": undefined, "beyond the axis": beyond}
    parts = [
        f"{what}: " + ", ".join(f"{percent(f)} of {kind}" for kind, f in fractions.items() if f >= 0.005)
        for what, fractions in found.items()
        if max(fractions.values(), default=0) >= 0.005
    ]
    return "; ".join(parts)
