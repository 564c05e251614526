"""The section on conditions that were not fitted: a figure along one feature, or a table of conditions."""

from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import features, rate_unit
from tuneful.report.fit.content import ReportContent, finite_rates
from tuneful.report.fit.curves import response_of, title_of
from tuneful.report.fit.prediction import (
    Distances,
    data_along,
    distances,
    feature_along,
    model_along,
    spread,
    truth_along,
)
from tuneful.report.fit.prediction_figures import distances_figure, rates_figure
from tuneful.report.fit.wording import APART, verdict
from tuneful.report.numbers import DASH, distance, number
from tuneful.report.wording import apart, in_words

DISTINGUISHABLE = apart("distinguishable from it")


def section(content: ReportContent) -> dict[str, Any] | None:
    """What the template shows of a prediction; None if there is none."""
    if content.prediction is None:
        return None
    name, found = feature_along(content), distances(content)
    return {
        "verdict": _verdict(found),
        "has_truth": content.prediction_truth is not None,
        "unit": rate_unit(content.measured),
        "panels": [] if name is None else _panels(content, content.prediction, name, found),
        "table": _table(content, content.prediction, found) if name is None else None,
    }


def _verdict(found: Distances | None) -> str:
    """In how many conditions the prediction cannot be told from the truth, in one sentence."""
    if found is None or not np.isfinite(found.line):
        return ""
    n, within = len(found.known), int((found.known <= found.line).sum())
    negation = "not " if n == 1 and not within else ""
    return (
        f"In {_which(within, n)}, the rates of the fitted circuit are {negation}within sampling error of those of "
        f"the circuit that made the data (5\N{NO-BREAK SPACE}% line {distance(found.line)})."
    )


def _which(within: int, n: int) -> str:
    if n == 1:
        return "the new condition"
    if within == n:
        return f"{'both' if n == 2 else 'all ' + in_words(n)} new conditions"
    return f"{in_words(within) if within else 'none'} of the {in_words(n)} new conditions"


def _panels(content: ReportContent, prediction: xr.Dataset, name: str, found: Distances | None) -> list[dict]:
    axis, new = title_of(prediction, name), np.asarray(prediction[name].values, dtype=float)
    model = model_along(content, prediction, name)
    data, truth = data_along(content, name), truth_along(content, name)
    rates = rates_figure(axis, model, data, truth, new, content.whose, response_of(content.measured))
    panels = [{"title": f"Rate over {name}", "note": "median and 10–90 % of the cells", "svg": rates}]
    if found is not None:
        svg = distances_figure(axis, new, found, model, content.whose)
        note = "of the rates, fitted from true circuit"
        panels.append({"title": "Distance in each new condition", "note": note, "svg": svg})
    return panels


def _table(content: ReportContent, prediction: xr.Dataset, found: Distances | None) -> dict[str, Any]:
    """One row per predicted condition: its features, the spread of the rates, and the distance from the truth."""
    columns = features(prediction) or {"condition": prediction["condition"].values}
    model = _spreads(prediction)
    truth = None if content.prediction_truth is None else _spreads(content.prediction_truth)
    return {
        "features": [title_of(prediction, name) for name in columns],
        "rows": [
            {
                "condition": [number(value) if not isinstance(value, str) else value for value in place],
                "model": model[i],
                "truth": DASH if truth is None else truth[i],
                **_judged(found, i),
            }
            for i, place in enumerate(zip(*(column.tolist() for column in columns.values()), strict=True))
        ],
        "with_ks": found is not None,
    }


def _spreads(curves: xr.Dataset) -> list[str]:
    return [
        f"{number(median)} ({number(low)}–{number(high)})" for low, median, high in spread(finite_rates(curves)).T
    ]


def _judged(found: Distances | None, i: int) -> dict[str, Any]:
    ks, line = (np.nan, np.nan) if found is None else (found.ks[i], found.line)
    found_to_be = verdict({"ks": ks, "line": line})
    return {"ks": distance(ks), "verdict": DISTINGUISHABLE if found_to_be is APART else found_to_be}
