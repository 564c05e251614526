"""Where the conditions of curves lie: on a lattice, over one feature, over two crossed ones, or in their order."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from tuneful.curves import features
from tuneful.numbers import number
from tuneful.plot.feature_axes import FeatureAxis
from tuneful.plot.naming import title_of, unit_of
from tuneful.plot.style import RULE

AXES = ("x", "y", "z")
MOST_BLOCKS = 5
MOST_TICKS = 7

Crossing = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """Where the conditions lie on the horizontal axis, and how that is explained.

    `order` sorts the conditions, `places` (S,) are the sorted ones' positions, `breaks` the indices where the
    line is interrupted, `bounds` where blocks meet, `feature` the axis if there is one; where that goes round,
    the first condition comes again at the end.
    """

    order: np.ndarray
    places: np.ndarray
    breaks: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    title: str = "condition"
    caption: str = ""
    feature: FeatureAxis | None = None

    @property
    def line(self) -> np.ndarray:
        """The places that a line goes through, with NaN where it is interrupted."""
        return np.insert(self.places.astype(float), list(self.breaks), np.nan)

    def along(self, values: np.ndarray) -> np.ndarray:
        """Values of the conditions (S,) at the places of `line`."""
        return np.insert(np.asarray(values, float)[self.order], list(self.breaks), np.nan)

    def paint(self, axes: Axes) -> None:
        """Set the horizontal axis up, and show where blocks meet."""
        for bound in self.bounds:
            axes.axvline(bound, color=RULE, linewidth=0.8, zorder=0)
        if self.feature is not None:
            self.feature.paint(axes)
        elif self.ticks:
            axes.set_xticks(*(list(column) for column in zip(*self.ticks, strict=True)))
            axes.tick_params(axis="x", length=0)


def layout_of(dataset: xr.Dataset) -> Layout:
    """The layout that suits the features: a lattice of positions, one or two varying features, or just the order."""
    found = features(dataset)
    numeric = {k: np.asarray(v, dtype=float) for k, v in found.items() if np.issubdtype(v.dtype, np.number)}
    if set(AXES) <= set(numeric):
        return _lattice([numeric[axis] for axis in AXES], unit_of(dataset, "z"))
    crossing = crossing_of(dataset)
    if crossing is not None:
        return _blocks(dataset, crossing)
    varying = [name for name, values in found.items() if len(np.unique(values)) > 1]
    if len(varying) == 1 and varying[0] in numeric:
        values = numeric[varying[0]]
        if len(np.unique(values)) == len(values):
            return _along_feature(FeatureAxis.of(dataset, varying[0]), values)
    labels = dataset["condition"].values if "condition" in dataset.coords else None
    return _in_order(dataset.sizes["condition"], labels)


def crossing_of(dataset: xr.Dataset) -> Crossing | None:
    """The two numeric features that alone vary, if there is a curve over the first of them; else None.

    >>> from tuneful.curves import make_dataset
    >>> crossing_of(make_dataset([[1.0, 2, 3, 4]], {"size": [1, 1, 4, 4], "contrast": [50, 100, 50, 100]}))
    ('size', 'contrast')
    """
    varying = {name: values for name, values in features(dataset).items() if len(np.unique(values)) > 1}
    if len(varying) != 2 or not all(np.issubdtype(values.dtype, np.number) for values in varying.values()):
        return None
    first, second = varying
    longest = np.unique(varying[second], return_counts=True)[1].max()
    return (first, second) if longest > 1 else None


def _along_feature(axis: FeatureAxis, values: np.ndarray) -> Layout:
    order = np.argsort(values)
    layout = Layout(order, values[order], title=axis.title, feature=axis)
    if axis.period is None:
        return layout
    places = np.append(values[order], axis.values[0] + axis.period)
    return dataclasses.replace(layout, order=np.append(order, order[0]), places=places)


def _blocks(dataset: xr.Dataset, crossing: Crossing) -> Layout:
    """Conditions side by side: over the first feature, a joined run for each value of the second."""
    first, second = (np.asarray(dataset[name].values, float) for name in crossing)
    order = np.lexsort((first, second))
    rank, run = (np.unique(values[order], return_inverse=True)[1] for values in (first, second))
    places = rank + run * (rank.max() + 2.0)
    values, starts = np.unique(run, return_index=True)
    middle = values * (rank.max() + 2.0) + rank.max() / 2
    shown = slice(None, None, -(-len(values) // MOST_TICKS))
    names = [number(value) for value in np.unique(second)]
    name, unit = crossing[1], unit_of(dataset, crossing[1])
    return Layout(
        order,
        places,
        breaks=tuple(starts[1:].tolist()),
        bounds=tuple((middle[1:] - (rank.max() + 2.0) / 2).tolist()),
        ticks=tuple(zip(middle.tolist(), names, strict=True))[shown],
        title=title_of(dataset, name),
        caption=f"A joined run has one {name}{f' ({unit})' if unit else ''}, and {crossing[0]} increases along it.",
    )


def _lattice(positions: Sequence[np.ndarray], unit: str) -> Layout:
    x, y, z = (np.round(axis, 9) for axis in positions)
    order = np.lexsort((x, y, z))
    new_block = np.diff(z[order]) != 0
    new_run = new_block | (np.diff(y[order]) != 0)
    if new_block.sum() >= MOST_BLOCKS:  # scattered positions: no blocks to be seen
        return Layout(order, np.arange(len(order)), title="position, sorted by z, y, x")
    places = np.arange(len(order)) + np.concatenate([[0], np.cumsum(1.0 * new_block + 0.4 * new_run)])
    ends = np.flatnonzero(new_block)
    blocks = np.split(places, ends + 1)
    levels = np.unique(z)
    return Layout(
        order,
        places,
        breaks=tuple((np.flatnonzero(new_run) + 1).tolist()),
        bounds=tuple(float(places[i] + places[i + 1]) / 2 for i in ends),
        ticks=tuple((float(b.mean()), f"z = {number(v)}") for b, v in zip(blocks, levels, strict=True)),
        title="hand position",
        caption="Each point is one hand position. A block has one z, a joined run one y, and x increases along the "
        f"run{_spacing(unit)}.",
    )


def _in_order(n: int, labels: np.ndarray | None) -> Layout:
    short = labels is not None and n <= 6 and max(len(str(v)) for v in labels) <= 6
    ticks = tuple((float(i), str(labels[i])) for i in range(n)) if labels is not None and short else ()
    return Layout(np.arange(n), np.arange(n, dtype=float), ticks=ticks, title="condition")


def _spacing(unit: str) -> str:
    return f"; positions are in units of {unit}".replace(" mm", "\N{NO-BREAK SPACE}mm") if unit else ""
