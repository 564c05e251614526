"""The panels of the page of a fit, of one label each: what is painted, under which title."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from tuneful import plot
from tuneful.curves import DatasetError, rate_unit
from tuneful.curves.labels import in_one
from tuneful.numbers import DASH, as_float, distance, number
from tuneful.plot import courses, histograms, populations, selection, trajectories, tuning
from tuneful.plot.layouts import crossing_of
from tuneful.plot.naming import label, response_of, title_of, unit_of
from tuneful.plot.selection import Pair, finite_rates, held_out
from tuneful.plot.sheets import Panel
from tuneful.plot.style import END, INK, WIDE
from tuneful.report.fit.content import ReportContent
from tuneful.report.wording import capitalised

GALLERY = 8  # measured curves that are shown, or of each label half as many
COURSE = {"loss": "Loss", "gradient_norm": "Gradient norm"}


def top(content: ReportContent) -> float:
    """Where the common axis of all distances ends."""
    statistics = content.result.get("statistics") or {}
    told = [in_one(entry.get("statistics") or {}, content.labels) for entry in content.evaluations]
    return courses.highest_distance([{"statistics": table} for table in told], in_one(statistics, content.labels))


def distances(content: ReportContent, top: float) -> list[Panel]:
    """KS distances over the steps, all with one vertical axis that ends at `top`."""
    if not content.evaluations:
        return []
    return [
        Panel(
            label(name),
            f"KS {distance(entry.get('ks_start'))} → {distance(entry.get('ks'))}",
            partial(courses.distance_course, content.evaluations, name, entry, top=top),
            f"KS distance over training: {label(name)}{content.whose}",
            right=0.79,
            name=name,
        )
        for name, entry in (content.result.get("statistics") or {}).items()
    ]


def distributions(content: ReportContent) -> list[Panel]:
    """Distributions of those statistics that these conditions allow."""
    sides = {"data": held_out(content.measured), "start": content.start, "model": content.end}
    unit, panels = rate_unit(content.measured), []
    for name in content.result.get("statistics") or {}:
        try:
            found = histograms.samples(name, sides)
        except DatasetError:
            continue
        if histograms.shared_bins(found) is not None:
            paint = partial(histograms.histogram, name, found, unit)
            said = f"Distribution of {label(name)}{content.whose}"
            panels.append(Panel(label(name), histograms.histogram_note(found), paint, said, name=name))
    return panels


def population(content: ReportContent) -> list[Panel]:
    """Mean and spread in every condition, of the data and of the model."""
    data = held_out(content.measured)
    if not data.sizes["unit"]:
        return []
    paint = partial(plot.population, data, content.end)
    said = f"Mean and spread of measured and generated curves{content.whose}"
    return [Panel("Mean and spread", "mean, and 10–90 % of the cells", paint, said, size=WIDE)]


def means(content: ReportContent) -> list[Panel]:
    """Mean curves, measured and generated ones on the same axes; nothing where no two features are crossed."""
    data, generated = held_out(content.measured), finite_rates(content.end)
    if crossing_of(data) is None or not len(generated) or not data.sizes["unit"]:
        return []
    measured = populations.mean_and_spread(data["rate"].values)[1]
    sides = {"measured": (measured, f"{number(data.sizes['unit'])} units", INK)}
    sides["generated"] = (generated.mean(axis=0), f"{number(len(generated))} curves", END)
    highest = 1.06 * float(max(np.nanmax(values) for values, _, _ in sides.values())) or 1.0
    return [
        Panel(
            f"Mean of {side} curves",
            note,
            partial(populations.means, data, values, colour=colour, top=highest),
            f"Mean of {side} curves{content.whose}",
            right=0.84,
        )
        for side, (values, note, colour) in sides.items()
    ]


def mean_caption(content: ReportContent) -> str:
    """How the panels of means are to be read; nothing where there are none."""
    crossing = crossing_of(content.measured)
    if crossing is None:
        return ""
    if len(np.unique(content.measured[crossing[1]].values)) <= populations.MOST_LINES:
        name = title_of(content.measured, crossing[1])
        return f"A line for each value of {name}, named on the right, the highest darkest."
    return f"The darker, the larger the {response_of(content.measured)}: on both sides alike."


def pairs(content: ReportContent) -> list[Pair]:
    """The measured curves that are shown, each with the generated one nearest to it."""
    several = len(content.result.get("labels") or ()) > 1
    return selection.pairs(held_out(content.measured), content.end, GALLERY // 2 if several else GALLERY)


def curves(content: ReportContent, shown: list[Pair]) -> list[Panel]:
    """Measured curves and the nearest generated ones over the conditions."""
    data, unit = content.measured, rate_unit(content.measured)
    return [
        Panel(
            f"Unit {pair.unit}",
            f"{number(pair.difference, 2)} {unit} apart" if pair.nearest is not None else "no generated curve",
            partial(plot.curves, data, pair.unit, model=content.end),
            f"Measured and nearest generated curve of unit {pair.unit}",
            name=pair.unit,
        )
        for pair in shown
    ]


def projections(content: ReportContent, shown: list[Pair]) -> list[Panel]:
    """The same curves along their preferred positions; nothing where there are no positions."""
    positions = selection.positions_of(content.measured)
    if positions is None:
        return []
    about = {"spacing": unit_of(content.measured, "x"), "response": response_of(content.measured)}
    panels = [_projection(pair, positions, about) for pair in shown]
    return panels if any(panel.paint for panel in panels) else []


def _projection(pair: Pair, positions: np.ndarray, about: Mapping[str, str]) -> Panel:
    measured = selection.project(pair.measured, positions)
    # The generated curve is seen through the gaps of the measured one: both fits then rest on the same positions.
    seen = None if pair.nearest is None else np.where(np.isnan(pair.measured), np.nan, pair.nearest)
    generated = None if seen is None else selection.project(seen, positions)
    r2 = [DASH if found is None else f"{found.r2:.2f}" for found in (measured, generated)]
    is_empty = measured is None and generated is None
    return Panel(
        f"Unit {pair.unit}",
        f"R² {r2[0]} measured, {r2[1]} generated",
        None if is_empty else partial(tuning.projection, measured, generated, **about),
        f"Curve of unit {pair.unit} along its preferred position",
        name=pair.unit,
    )


def trajectory(content: ReportContent, name: str, about: Mapping[str, Any], title: str) -> Panel | None:
    """The path of a parameter, under the title of the page or of a picture; None of what was not fitted or logged."""
    if not about.get("fitted", True) or not trajectories.has_path(content.steps, name, about):
        return None
    paint = partial(trajectories.parameter_course, content.steps, name, about)
    return Panel(title, about.get("meaning") or "", paint, f"Parameter over training: {name}", right=0.84, name=name)


def course(content: ReportContent) -> list[Panel]:
    """The loss and other numbers of the steps."""
    shown = dict(COURSE)
    if any(as_float(step.get("rejected")) > 0 for step in content.steps):
        shown["rejected"] = "Fraction rejected"
    return [
        Panel(
            title,
            "",
            partial(courses.step_course, content.steps, key, title=title.lower(), logarithmic=key == "gradient_norm"),
            f"{capitalised(title)} over training",
        )
        for key, title in shown.items()
        if courses.has_course(content.steps, key, key == "gradient_norm")
    ]
