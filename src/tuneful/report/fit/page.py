"""The page: what the template shows, put together from the content, the figures and the words."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tuneful.files import write_atomically
from tuneful.numbers import DASH, as_float, count, distance, duration, number
from tuneful.plot.layouts import layout_of
from tuneful.plot.naming import label
from tuneful.plot.selection import held_out
from tuneful.plot.sheets import Panel
from tuneful.plot.tuning import standard_errors
from tuneful.report.document import made_by, render_template
from tuneful.report.figures import view
from tuneful.report.fit import incidents, inference_section, panels, parameters, prediction_section, verdicts, wording
from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.every_unit import all_curves
from tuneful.report.wording import Verdict, outcome_in_words, symbol

# Of curves, while there are none.
WITHOUT = ("predictions", "distributions", "population", "means", "curves", "all_curves", "projections")
NOT_YET = dict.fromkeys(WITHOUT, ()) | {
    "mean_caption": "", "layout_caption": "", "n_shown": 0, "n_shown_from": 0,
    "any_missing": False, "any_errors": False,
}  # fmt: skip


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


def render_running(content: ReportContent, answer: str, decides: Sequence[Verdict]) -> str:
    """The same page of a fit that goes on, or stopped before its end: what is known so far, and no curves.

    Parameters
    ----------
    content
        The log, and a result with what there is of it; curves of the model are not looked at.
    answer, decides
        What happens, in a sentence; and judgements of it.
    """
    view = _view(content, NOT_YET) | {"answer": answer, "decides": decides, "incidents": [], "which": "held-out"}
    return render_template("fit/page.html.jinja", view)


def _view(content: ReportContent, of_curves: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the template shows; `of_curves` stands in for what is shown of curves."""
    result, parts = content.result, content.parts()
    shown = _of_curves(content, parts) if of_curves is None else of_curves
    return made_by(result) | {
        "answer": wording.answer(result),
        "decides": verdicts.deciding(result, content.inference),
        "ks_now": "KS at end" if of_curves is None else "KS now",
        "value_now": "End" if of_curves is None else "Now",
        "facts": _facts(result),
        "labels": {part.label: _about(part.result) for part in parts},
        "statistics": _shown(parts, [_statistics(part) for part in parts]),
        "distances": _panels(parts, [panels.distances(part, panels.top(content)) for part in parts]),
        "parameters": parameters.table(result),
        "any_truth": parameters.any_truth(result),
        "any_error": parameters.any_error(result),
        "inference": inference_section.section(content),
        "trajectories": _trajectories(content),
        "course": [view(panel) for panel in panels.course(content)],
        "incidents": incidents.sentences(result),
        "warnings": [str(warning) for warning in result.get("warnings") or []],
        "command": wording.command(result),
        **shown,
        **_kinds_of_entries(result),
    }


def _of_curves(content: ReportContent, parts: Sequence[ReportContent]) -> dict[str, Any]:
    """What is shown of curves."""
    pairs = [panels.pairs(part) for part in parts]
    return {
        "predictions": _shown(parts, [prediction_section.section(part) for part in parts]),
        "distributions": _panels(parts, [panels.distributions(part) for part in parts]),
        "population": _panels(parts, [panels.population(part) for part in parts]),
        "means": _panels(parts, [panels.means(part) for part in parts]),
        "mean_caption": panels.mean_caption(content),
        "curves": _panels(parts, [panels.curves(part, own) for part, own in zip(parts, pairs, strict=True)]),
        "all_curves": all_curves(parts),
        "n_shown": sum(map(len, pairs)),
        "n_shown_from": sum(held_out(part.measured).sizes["unit"] for part in parts),
        "which": wording.which_units(content.result),
        "any_missing": any(np.isnan(pair.measured).any() for own in pairs for pair in own),
        "any_errors": bool(np.isfinite(standard_errors(content.measured)).any()),
        "layout_caption": layout_of(content.measured).caption,
        "projections": _panels(parts, [panels.projections(p, own) for p, own in zip(parts, pairs, strict=True)]),
    }


def _kinds_of_entries(result: Mapping[str, Any]) -> dict[str, bool]:
    """Which keys the figures of parameters need."""
    shown = [len(group["rows"]) for group in parameters.table(result) if group["fitted"]]
    return {"any_scalar": min(shown, default=0) == 1, "any_matrix": max(shown, default=0) > 1}


def _panels(parts: Sequence[ReportContent], made: Sequence[list[Panel]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The panels of each part, drawn, under the name of its label."""
    return [(name, [view(panel) for panel in found]) for name, found in _shown(parts, made)]


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


def _statistics(content: ReportContent) -> list[dict[str, Any]]:
    """Rows of the table of statistics."""
    entries = _entries(content.result, "statistics")
    keys = ("ks_start", "ks", "line", "floor")
    numbers = {name: {key: as_float(entry.get(key)) for key in keys} for name, entry in entries.items()}
    widest = max((v for row in numbers.values() for v in row.values() if math.isfinite(v)), default=1.0) or 1.0
    return [
        {
            "label": label(name),
            **{key: distance(value) for key, value in numbers[name].items()},
            "at": {key: round(100 * v / widest, 2) for key, v in numbers[name].items() if math.isfinite(v)},
            "n_data": number(entry.get("n_data")),
            "n_model": number(entry.get("n_model")),
            "verdict": wording.verdict(entry),
        }
        for name, entry in entries.items()
    ]


def _trajectories(content: ReportContent) -> list[dict[str, Any]]:
    about = _entries(content.result, "parameters")
    found = [
        panels.trajectory(content, str(name), entry, symbol(entry.get("symbol") or name))
        for name, entry in about.items()
    ]
    return [view(panel) for panel in found if panel is not None]
