"""What a fitted circuit predicts, in numbers and in words: the content of predictions.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tuneful.analysis.predicted_quantities import QUANTITIES, PredictedQuantities
from tuneful.analysis.predictions import Predictions
from tuneful.curves import rate_unit
from tuneful.report.answers.predictions import said
from tuneful.runs.estimator import Fit

MUCH = 0.25  # of the width of a band that one standard error of the simulation may be
MOSTLY = 0.9  # realisations settle


def predictions_table(fit: Fit, quantities: PredictedQuantities, found: Predictions) -> Iterator[tuple[str, Any]]:
    """What is said, number by number: parts of the content of predictions.json."""
    rows = [row for name in found.values for row in _rows(name, quantities, found)]
    n_conditions, present = quantities.n_conditions, quantities.present
    yield "level", found.level
    yield "draws", len(found.draws["settled"])
    yield "conditions", {name: values.tolist() for name, values in quantities.conditions.items()}
    yield "condition_names", quantities.along("condition")
    yield "new", [i >= present for i in range(n_conditions)]
    yield "inputs", dict(quantities.inputs)
    yield "unit", rate_unit(fit.dataset_)
    yield "measured", _measured(fit, n_conditions)
    yield "rows", rows
    yield "remarks", list(_remarks(rows))
    yield "verdict", " ".join(said(rows, {"level": found.level, "new": n_conditions - present}))


def _rows(name: str, quantities: PredictedQuantities, found: Predictions) -> Iterator[dict[str, Any]]:
    columns = {key: np.ravel(np.asarray(value)) for key, value in _columns(name, found).items()}
    for i, (words, where) in enumerate(zip(quantities.names(name), quantities.places(name), strict=True)):
        about = {"name": words, "quantity": name, "where": where, "unit": QUANTITIES[name].unit}
        yield about | {key: float(values[i]) for key, values in columns.items()}


def _columns(name: str, found: Predictions) -> dict[str, np.ndarray]:
    low, median, high = found.band(name)
    columns = {"value": found.values[name], "low": low, "median": median, "high": high}
    columns |= {"simulation_error": found.simulation_error(name), "lost": found.lost(name)}
    return columns | ({"truth": found.truth[name]} if found.truth else {})


def _measured(fit: Fit, n_conditions: int) -> dict[str, list[float]]:
    """Mean rates of the measured units by label, NaN in new conditions."""
    matching, rates = fit.task_.held_out.matching, fit.dataset_["rate"].values
    found = {}
    for label, name in enumerate(matching.names):
        means = np.full(n_conditions, np.nan)
        own = rates[matching.units == label]
        seen = np.isfinite(own).any(axis=0)
        means[: rates.shape[1]][seen] = np.nanmean(own[:, seen], axis=0)
        found[name] = means.tolist()
    return found


def _remarks(rows: list[dict[str, Any]]) -> Iterator[str]:
    lost = max(row["lost"] for row in rows)
    if lost:
        yield f"At up to {lost:.0f} draws hardly anything settles: bands are of the others."
    settled = next(row for row in rows if row["quantity"] == "settled")
    if settled["low"] < MOSTLY:
        yield (
            f"At the lower end of the band {settled['low']:.0%} of the realisations settle; all else is of those "
            "that do."
        )
    widths = [(row["high"] - row["low"], row["simulation_error"]) for row in rows if row["quantity"] == "rate_mean"]
    if any(error > MUCH * width for width, error in widths):
        yield (
            "The simulation alone moves some bands of mean rates by more than a quarter of their width: more "
            "--curves would make that smaller."
        )
