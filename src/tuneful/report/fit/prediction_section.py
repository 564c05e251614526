"""The section on conditions that were not fitted: a figure along one feature, or a table of conditions."""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import features, rate_unit
from tuneful.numbers import DASH, distance, number
from tuneful.plot import populations
from tuneful.plot.feature_axes import FeatureAxis
from tuneful.plot.naming import response_of, title_of
from tuneful.plot.populations import spread
from tuneful.plot.selection import finite_rates
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.figures import view
from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.prediction import Distances, data_along, distances, feature_along, model_along, truth_along
from tuneful.report.fit.wording import APART, verdict
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
        "panels": [view(panel) for panel in panels(content)],
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


def panels(content: ReportContent) -> list[Panel]:
    """Rates over the feature that alone varies, and their distances from the truth; nothing over several features."""
    name = feature_along(content)
    if content.prediction is None or name is None:
        return []
    new, found = np.asarray(content.prediction[name].values, dtype=float), distances(content)
    axis = FeatureAxis.of(content.measured, name, new)
    sides = {
        "model": model_along(content, content.prediction, name),
        "data": data_along(content, name),
        "truth": truth_along(content, name),
    }
    paint = partial(populations.prediction, axis, sides, new, response=response_of(content.measured))
    said = f"Rates of the fitted circuit and of the data over {axis.title}{content.whose}"
    shown = [Panel(f"Rate over {name}", "median and 10–90 % of the cells", paint, said, size=WIDE)]
    if found is not None:
        paint = partial(populations.new_distances, axis, new, found.ks, found.line)
        said = f"KS distance of the rates in new conditions over {axis.title}{content.whose}"
        note = "of the rates, fitted from true circuit"
        shown.append(Panel("Distance in each new condition", note, paint, said, right=0.79))
    return shown


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
