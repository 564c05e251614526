"""Conditions that cross two features, sizes and contrasts for instance: where curves lie, and their means."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from tuneful.curves import features
from tuneful.report.figures import END, INK, Level, draw, label_axes, name_levels
from tuneful.report.fit.content import ReportContent, finite_rates, held_out
from tuneful.report.fit.curves import Layout, response_of, title_of, unit_of
from tuneful.report.numbers import number

MOST_LINES = 7  # of a panel: with more, means are maps
MOST_TICKS = 7
FAINTEST = 0.25  # opacity of the first line, that of the last being 1
WIDE_RANGE = 4  # from the smallest value of a feature to the largest: beyond, its axis is logarithmic

Crossing = tuple[str, str]


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


def blocks(dataset: xr.Dataset, crossing: Crossing) -> Layout:
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


def mean_panels(content: ReportContent) -> list[dict[str, Any]]:
    """Mean curves, measured and generated ones on the same axes; nothing where no two features are crossed."""
    data = held_out(content.measured)
    crossing = crossing_of(data)
    generated = finite_rates(content.end)
    if crossing is None or not len(generated) or not data.sizes["unit"]:
        return []
    measured = np.asarray(data["rate"].values, float)
    known = ~np.isnan(measured).all(axis=0)
    mean = np.where(known, np.nanmean(np.where(known, measured, 0), axis=0), np.nan)
    sides = {"measured": (mean, f"{number(len(measured))} units", INK)}
    sides["generated"] = (generated.mean(axis=0), f"{number(len(generated))} curves", END)
    top = 1.06 * float(max(np.nanmax(values) for values, _, _ in sides.values())) or 1.0
    return [
        {
            "title": f"Mean of {side} curves",
            "note": note,
            "svg": mean_figure(
                data, crossing, values, {"colour": colour, "top": top}, f"Mean of {side} curves{content.whose}"
            ),
        }
        for side, (values, note, colour) in sides.items()
    ]


def mean_figure(
    dataset: xr.Dataset, crossing: Crossing, values: np.ndarray, look: Mapping[str, Any], description: str
) -> Markup:
    """Responses over the first feature, a line for each value of the second; of many values, a map.

    Parameters
    ----------
    dataset
        Whose conditions these are.
    crossing
        The two features.
    values
        One a condition, NaN where not known.
    look
        `colour` and `top`, where the vertical axis of lines, or the darkest of a map, ends.
    description
        Read aloud.
    """
    first, second = (np.asarray(dataset[name].values, float) for name in crossing)
    levels = np.unique(second)
    title = title_of(dataset, crossing[0])

    def lines(axes: Axes) -> None:
        named = []
        for level, opacity in zip(levels, np.linspace(FAINTEST, 1, len(levels)), strict=True):
            own = np.flatnonzero(second == level)
            own = own[np.argsort(first[own])]
            axes.plot(first[own], values[own], color=look["colour"], alpha=opacity, marker=".", clip_on=False)
            known = values[own][~np.isnan(values[own])]
            middle = known.mean() if len(known) else np.nan  # ends are often close to each other, as those of tuning
            named.append(Level(float(middle), number(level), look["colour"], "-"))
        _feature_axis(axes, np.unique(first))
        axes.set_ylim(min(0.0, float(np.nanmin(values))), look["top"])
        label_axes(axes, title, response_of(dataset))
        name_levels(axes, named)

    def cells(axes: Axes) -> None:
        columns, rows = (np.unique(side, return_inverse=True) for side in (first, second))
        for column, row, value in zip(columns[1], rows[1], values, strict=True):
            shade = 0.0 if np.isnan(value) else float(np.clip(value / look["top"], 0, 1))
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=look["colour"], alpha=shade))
        for set_ticks, (known, _) in ((axes.set_xticks, columns), (axes.set_yticks, rows)):
            shown = np.arange(len(known))[:: -(-len(known) // MOST_TICKS)]
            set_ticks(shown.tolist(), [number(known[i]) for i in shown])
        axes.set_xlim(-0.5, len(columns[0]) - 0.5)
        axes.set_ylim(-0.5, len(rows[0]) - 0.5)
        axes.set_xlabel(title, labelpad=2)
        axes.set_ylabel(title_of(dataset, crossing[1]), labelpad=5)

    return draw(lines if len(levels) <= MOST_LINES else cells, description, right=0.84)


def mean_caption(dataset: xr.Dataset) -> str:
    """How the panels of means are to be read; nothing where there are none."""
    crossing = crossing_of(dataset)
    if crossing is None:
        return ""
    if len(np.unique(dataset[crossing[1]].values)) <= MOST_LINES:
        return f"A line for each value of {title_of(dataset, crossing[1])}, named on the right, the highest darkest."
    return f"The darker, the larger the {response_of(dataset)}: on both sides alike."


def _feature_axis(axes: Axes, values: np.ndarray) -> None:
    """Ticks at the values, on a logarithmic axis where they span a wide range."""
    if values[0] > 0 and values[-1] / values[0] > WIDE_RANGE:
        axes.set_xscale("log")
    shown = values[:: -(-len(values) // MOST_TICKS)]
    axes.xaxis.set_major_locator(FixedLocator(shown.tolist()))
    axes.set_xticks(shown.tolist(), [number(value) for value in shown])
    axes.xaxis.set_minor_locator(NullLocator())
