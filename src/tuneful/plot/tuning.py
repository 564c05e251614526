"""Tuning curves with error bars, beside the nearest generated ones; over conditions, and along a position."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from tuneful.errors import UserError, suggest
from tuneful.plot.layouts import Layout, layout_of
from tuneful.plot.naming import response_of
from tuneful.plot.selection import Projection, choose, finite_rates, nearest, unit_labels
from tuneful.plot.style import END, ENTRIES, INK, RULE, label_axes, literal, panel

SHOWN = 4  # units, if nobody names any
MANY = 40  # conditions: with more, points are small


def curves(
    data: xr.Dataset,
    units: str | int | Sequence[str | int] | None = None,
    *,
    model: xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot tuning curves, with standard errors over trials where these are known, and where not measured a gap.

    Angles that go round are on a periodic axis, sizes over a wide range on a logarithmic one. Where one unit is
    shown, conditions in which it was not measured are shaded.

    Parameters
    ----------
    data
        Curves, as `tuneful.load` gives them.
    units
        One or several, by name or number; by default a few that span rates and modulation.
    model
        Generated curves in the same conditions: beside each unit, the one nearest to it.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        For a unit that is not there.

    >>> from tuneful.curves import make_dataset
    >>> data = make_dataset([[1.0, 3.0, 2.0]], {"size": [1, 4, 16]}, rate_var=[[4, 4, 4]], n_trials=[[9, 9, 9]])
    >>> from matplotlib.figure import Figure
    >>> curves(data, "u0", ax=Figure().add_subplot()).get_xscale()
    'log'
    """
    chosen, layout, names = _indices(data, units), layout_of(data), unit_labels(data)
    rates, errors = np.asarray(data["rate"].values, float)[chosen], standard_errors(data)[chosen]
    generated = None if model is None else finite_rates(model)
    beside = [None if generated is None else nearest(curve, generated) for curve in rates]
    known = [curve for curve in beside if curve is not None]
    is_one = len(chosen) == 1
    with panel(ax) as axes:
        layout.paint(axes)
        if is_one:
            _shade_missing(axes, rates[0][layout.order], layout.places)
        colours = cycle([INK] if is_one else [*ENTRIES, INK])
        for i, curve, colour in zip(range(len(chosen)), beside, colours, strict=False):
            name = "measured" if is_one else literal(names[chosen[i]])
            _paint_curve(axes, layout, rates[i], errors[i], colour, name)
            if curve is not None:
                _paint_generated(axes, layout, curve, END if is_one else colour, is_one, i == 0)
        reach = np.nan_to_num(errors)
        axes.set_ylim(*response_limits([rates - reach, rates + reach, *known]))
        label_axes(axes, layout.title, response_of(data))
        if is_one and ax is None:
            axes.set_title(literal(f"Unit {names[chosen[0]]}"))
    return axes


def standard_errors(data: xr.Dataset) -> np.ndarray:
    """Standard errors of rates over trials (units, S), NaN where variance or number of trials are not known."""
    if not {"rate_var", "n_trials"} <= set(data):
        return np.full(data["rate"].shape, np.nan)
    variance, trials = (np.asarray(data[name].values, float) for name in ("rate_var", "n_trials"))
    return np.sqrt(variance / np.where(trials > 0, trials, np.nan))


def response_limits(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """From 0, or where responses that are no rates are below, to a little above the highest."""
    known = np.concatenate([np.ravel(v) for v in values]) if len(values) else np.zeros(0)
    known = known[np.isfinite(known)]
    low, high = 1.1 * min(0.0, float(known.min(initial=0))), 1.1 * float(known.max(initial=-np.inf))
    return low, high if high > low else low + 1.0


def projection(
    measured: Projection | None,
    generated: Projection | None = None,
    *,
    spacing: str = "",
    response: str = "rate (Hz)",
    ax: Axes | None = None,
) -> Axes:
    """Plot rates against position along the preferred-position vector, each curve along its own, with linear fits."""
    with panel(ax) as axes:
        for curve, colour, marker, name in ((measured, INK, "o", "measured"), (generated, END, "D", "generated")):
            if curve is not None:
                _paint_projection(axes, curve, colour, marker, name)
        axes.set_ylim(bottom=0)
        label_axes(axes, f"projected position{_in_unit(spacing)}", response)
    return axes


def _indices(data: xr.Dataset, units: str | int | Sequence[str | int] | None) -> list[int]:
    if not data.sizes["unit"]:
        raise UserError("There is no unit to be plotted: the dataset is empty.")
    if units is None:
        seen = np.flatnonzero(~np.isnan(data["rate"].values).all(axis=1))
        return seen[choose(np.asarray(data["rate"].values, float)[seen], SHOWN)].tolist()
    names = unit_labels(data)
    asked = [units] if isinstance(units, str | int) else list(units)
    return [_index(names, one) for one in asked]


def _index(names: Sequence[str], asked: str | int) -> int:
    if str(asked) in names:
        return names.index(str(asked))
    if isinstance(asked, int | np.integer) and -len(names) <= asked < len(names):
        return int(asked) % len(names)
    raise UserError(f"There is no unit {str(asked)!r} among {len(names)}.{suggest(str(asked), list(names))}")


def _paint_curve(axes: Axes, layout: Layout, rates: np.ndarray, errors: np.ndarray, colour: str, name: str) -> None:
    size = 3.2 if len(layout.places) <= MANY else 1.6
    look = {"color": colour, "marker": "o", "markersize": size, "linewidth": 0.8, "zorder": 3}
    axes.plot(layout.line, layout.along(rates), clip_on=False, label=name, **look)
    if np.isfinite(errors).any():
        bars = {"fmt": "none", "ecolor": colour, "elinewidth": 0.8, "zorder": 3}
        axes.errorbar(layout.line, layout.along(rates), yerr=layout.along(errors), **bars)


def _paint_generated(
    axes: Axes, layout: Layout, curve: np.ndarray, colour: str, is_one: bool, is_named: bool
) -> None:
    size = 3.2 if len(layout.places) <= MANY else 1.6
    look = {"marker": ".", "markersize": size, "linewidth": 1.5} if is_one else {"linewidth": 1.2, "linestyle": "--"}
    name = "nearest generated" if is_named else "_"
    axes.plot(layout.line, layout.along(curve), color=colour, clip_on=False, label=name, **look)


def _shade_missing(axes: Axes, curve: np.ndarray, places: np.ndarray) -> None:
    """Grey bands that reach half-way to the neighbours, on any scale."""
    to_panel = axes.transScale.transform
    at = to_panel(np.column_stack([places, np.ones(len(places))]))[:, 0]
    half = 0.5 * float(np.diff(at).min()) if len(at) > 1 else 0.5
    back = axes.transScale.inverted().transform
    for place in at[np.isnan(curve)]:
        (low, _), (high, _) = back([(place - half, 0.0), (place + half, 0.0)])
        axes.axvspan(low, high, color=RULE, linewidth=0, zorder=0)


def _paint_projection(axes: Axes, curve: Projection, colour: str, marker: str, name: str) -> None:
    fill = colour if marker == "o" else "none"
    points = {"color": colour, "markerfacecolor": fill, "markersize": 3, "markeredgewidth": 0.9, "clip_on": False}
    axes.plot(curve.positions, curve.rates, marker, zorder=3, label=name, **points)
    ends = np.array([curve.positions.min(), curve.positions.max()])
    axes.plot(
        ends,
        curve.offset + curve.slope * ends,
        color=colour,
        linewidth=1,
        linestyle="-" if fill == colour else "--",
    )
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)


def _in_unit(spacing: str) -> str:
    if not spacing:
        return ""
    return f" (× {spacing})" if spacing[0].isdigit() else f" ({spacing})"
