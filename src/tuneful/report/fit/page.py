"""The page: what the template shows, put together from the content, the figures and the words."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tuneful.curves import rate_unit
from tuneful.curves.labels import in_one
from tuneful.files import write_atomically
from tuneful.plain import plain
from tuneful.report.document import render_template
from tuneful.report.fit import (
    course,
    crossed,
    curves,
    gallery,
    histograms,
    incidents,
    inference_section,
    parameters,
    prediction_section,
    trajectories,
    wording,
)
from tuneful.report.fit.content import ReportContent, held_out, samples
from tuneful.report.numbers import DASH, as_float, count, distance, duration, number
from tuneful.report.wording import flattened, outcome_in_words, symbol

Panel = dict[str, Any]
GALLERY = 8  # measured curves that are shown, or of each label half as many


def render(content: ReportContent) -> str:
    """The report as one HTML document that needs nothing else: styles, figures and numbers are inside.

    The same content gives the same text. The numbers of ``result`` are also there as JSON, in the element with
    the id ``tuneful-result``, with null for what is not finite.

    Parameters
    ----------
    content
        What to show. Missing keys and values that are NaN or None appear as an en-dash.

    >>> from tuneful.report.fit import render
    >>> html = render(content)  # doctest: +SKIP
    """
    return render_template("fit/page.html.jinja", _view(content))


def write_report(content: ReportContent, path: str | os.PathLike[str]) -> None:
    """Write the report to a file, all of it or nothing: a reader never finds half a page.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    write_atomically(path, render(content))


def _view(content: ReportContent) -> dict[str, Any]:
    result = content.result
    crossing = crossed.crossing_of(content.measured)
    unit = rate_unit(content.measured), curves.response_of(content.measured)
    layout = curves.layout_of(content.measured) if crossing is None else crossed.blocks(content.measured, crossing)
    parts = content.parts()
    pairs = [gallery.pairs(part, GALLERY if len(parts) == 1 else GALLERY // 2) for part in parts]
    groups = parameters.table(result)
    entries_shown = [len(group["rows"]) for group in groups if group["fitted"]]
    return {
        "answer": wording.answer(result),
        "facts": _facts(result),
        "versions": _versions(result),
        "labels": {part.label: _about(part.result) for part in parts},
        "statistics": _shown(parts, [_statistics(part) for part in parts]),
        "distances": _shown(parts, [_distances(part, _top(content)) for part in parts]),
        "distributions": _shown(parts, [_distributions(part) for part in parts]),
        "curves": _shown(parts, [[_curve_panel(pair, layout, *unit) for pair in own] for own in pairs]),
        "means": _shown(parts, [crossed.mean_panels(part) for part in parts]),
        "mean_caption": crossed.mean_caption(content.measured),
        "n_shown": sum(map(len, pairs)),
        "n_shown_from": sum(held_out(part.measured).sizes["unit"] for part in parts),
        "which": wording.which_units(result),
        "any_missing": any(np.isnan(pair.measured).any() for own in pairs for pair in own),
        "layout_caption": layout.caption,
        "projections": _shown(parts, [_projections(part, own) for part, own in zip(parts, pairs, strict=True)]),
        "predictions": _shown(parts, [prediction_section.section(part) for part in parts]),
        "parameters": groups,
        "any_scalar": min(entries_shown, default=0) == 1,
        "any_matrix": max(entries_shown, default=0) > 1,
        "any_truth": parameters.any_truth(result),
        "any_error": parameters.any_error(result),
        "inference": inference_section.section(content),
        "trajectories": _trajectories(content),
        "course": _course(content),
        "incidents": incidents.sentences(result),
        "warnings": [str(warning) for warning in result.get("warnings") or []],
        "command": wording.command(result),
        "settings": flattened(_entries(result, "settings")),
        "numbers": plain(result),
    }


def _shown(parts: Sequence[ReportContent], made: Sequence[Any]) -> list[tuple[str, Any]]:
    """What was made of each part under the name of its label, without what is empty."""
    return [(part.label, found) for part, found in zip(parts, made, strict=True) if found]


def _entries(result: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return result.get(key) or {}


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    units = f"{number(result.get('n_train'))} units fitted, {number(result.get('n_held_out'))} held out"
    return [
        ("Circuit", _text(result.get("circuit"))),
        ("Data", f"{_text(result.get('data'))} ({units})"),
        ("Objective", _text(result.get("objective"))),
        ("Seed", _text(result.get("seed"))),
        ("Length", f"{_steps(result)} in {duration(result.get('wall_seconds'))}"),
        ("Stopped", _text(result.get("stopped") or outcome_in_words(result.get("outcome")))),
    ]


def _about(result: Mapping[str, Any]) -> str:
    """What a label stands for in the fit."""
    units = f"{number(result.get('n_train'))} units fitted, {number(result.get('n_held_out'))} held out"
    return f"{units}, weight {number(result.get('weight'), 2)}"


def _steps(result: Mapping[str, Any]) -> str:
    steps, descent = result.get("steps"), result.get("descent_steps")
    whole = count(steps, "step")
    return whole if not steps or not descent or descent == steps else f"{whole}, {steps - descent} of them refining,"


def _text(value: Any) -> str:
    return DASH if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) else str(value)


def _versions(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{package} {version}" for package, version in _entries(result, "versions").items())


def _statistics(content: ReportContent) -> list[dict[str, Any]]:
    """Rows of the table of statistics."""
    entries = _entries(content.result, "statistics")
    keys = ("ks_start", "ks", "line", "floor")
    numbers = {name: {key: as_float(entry.get(key)) for key in keys} for name, entry in entries.items()}
    widest = max((v for row in numbers.values() for v in row.values() if math.isfinite(v)), default=1.0) or 1.0
    return [
        {
            "label": wording.label(name),
            **{key: distance(value) for key, value in numbers[name].items()},
            "at": {key: round(100 * v / widest, 2) for key, v in numbers[name].items() if math.isfinite(v)},
            "n_data": number(entry.get("n_data")),
            "n_model": number(entry.get("n_model")),
            "verdict": wording.verdict(entry),
        }
        for name, entry in entries.items()
    ]


def _top(content: ReportContent) -> float:
    """Where the common axis of all distances ends."""
    statistics = _entries(content.result, "statistics")
    told = [in_one(_entries(entry, "statistics"), content.labels) for entry in content.evaluations]
    return course.highest_distance([{"statistics": table} for table in told], in_one(statistics, content.labels))


def _distances(content: ReportContent, top: float) -> list[Panel]:
    if not content.evaluations:
        return []
    statistics, whose = _entries(content.result, "statistics"), content.whose
    return [
        {
            "title": wording.label(name),
            "note": f"KS {distance(entry.get('ks_start'))} → {distance(entry.get('ks'))}",
            "svg": course.distance_figure(name, wording.label(name) + whose, content.evaluations, entry, top),
        }
        for name, entry in statistics.items()
    ]


def _distributions(content: ReportContent) -> list[Panel]:
    names = _entries(content.result, "statistics")
    values = {name: samples(content, name) for name in names}
    panels = [
        {
            "title": wording.label(name),
            "note": histograms.histogram_note(values[name]),
            "svg": histograms.histogram_figure(name, values[name], content.whose, rate_unit(content.measured)),
        }
        for name in names
    ]
    return [panel for panel in panels if panel["svg"]]


def _curve_panel(pair: gallery.Pair, layout: curves.Layout, unit: str, response: str) -> Panel:
    apart = f"{number(pair.difference, 2)} {unit} apart" if pair.nearest is not None else "no generated curve"
    return {"title": f"Unit {pair.unit}", "note": apart, "svg": curves.curve_figure(pair, layout, response)}


def _projections(content: ReportContent, pairs: list[gallery.Pair]) -> list[Panel]:
    positions = gallery.positions_of(content)
    if positions is None:
        return []
    about = curves.unit_of(content.measured, "x"), curves.response_of(content.measured)
    panels = [_projection_panel(pair, positions, *about) for pair in pairs]
    return panels if any(panel["svg"] for panel in panels) else []


def _projection_panel(pair: gallery.Pair, positions: np.ndarray, unit: str, response: str) -> Panel:
    measured = gallery.project(pair.measured, positions)
    # The generated curve is seen through the gaps of the measured one: both fits then rest on the same positions.
    seen = None if pair.nearest is None else np.where(np.isnan(pair.measured), np.nan, pair.nearest)
    generated = None if seen is None else gallery.project(seen, positions)
    r2 = [DASH if p is None else f"{p.r2:.2f}" for p in (measured, generated)]
    return {
        "title": f"Unit {pair.unit}",
        "note": f"R² {r2[0]} measured, {r2[1]} generated",
        "svg": curves.projection_figure(pair.unit, measured, generated, unit, response),
    }


def _trajectories(content: ReportContent) -> list[Panel]:
    about = _entries(content.result, "parameters")
    panels = [
        {
            "title": symbol(entry.get("symbol") or name),
            "note": entry.get("meaning") or "",
            "svg": trajectories.parameter_figure(name, str(name), content.steps, entry),
        }
        for name, entry in about.items()
        if entry.get("fitted", True)
    ]
    return [panel for panel in panels if panel["svg"]]


def _course(content: ReportContent) -> list[Panel]:
    shown = {"loss": "Loss", "gradient_norm": "Gradient norm"}
    if any(as_float(step.get("rejected")) > 0 for step in content.steps):
        shown["rejected"] = "Fraction rejected"
    panels = [
        {"title": title, "note": "", "svg": course.course_figure(key, title, content.steps, key == "gradient_norm")}
        for key, title in shown.items()
    ]
    return [panel for panel in panels if panel["svg"]]
