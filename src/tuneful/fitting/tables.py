"""What a fit found, as plain numbers: the content of result.json."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tuneful.circuits import AbstractCircuit
from tuneful.curves import Comparison
from tuneful.curves.labels import in_one, of_label
from tuneful.descents import Outcome
from tuneful.fitting.evaluation import Prediction, count_stable, predict
from tuneful.fitting.fits import END, PLACES, PREDICTION, STABILITY, START, FitResult, FitTask
from tuneful.fitting.places import CURVES, compare_places
from tuneful.fitting.simulation import simulate, true_values
from tuneful.fitting.unconstrained import by_name, parameter_values
from tuneful.plain import plain

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Findings:
    """Curves of the circuit at the start and at the end of a fit, in new conditions, and how many are stable.

    `places` tells of starts that ended elsewhere (`Places.table`); None where there is no such place.
    """

    start: xr.Dataset
    end: xr.Dataset
    prediction: Prediction | None
    stability: dict[str, Any] | None
    places: dict[str, Any] | None = None

    def __repr__(self) -> str:
        start, end = (curves.sizes["unit"] for curves in (self.start, self.end))
        return f"<Findings: {start} curves at the start, {end} at the end, prediction {self.prediction!r}>"

    @classmethod
    def of(cls, result: FitResult) -> Self:
        """Draw them.

        Raises
        ------
        UserError
            If nothing settles.
        """
        task, circuit = result.task, result.circuit
        settings, cells = task.settings, task.held_out.matching.of_cells()
        return cls(
            simulate(task.problem.circuit, settings.evaluation_curves, task.key(START), cells=cells),
            simulate(circuit, settings.final_curves, task.key(END), cells=cells),
            predict(circuit, task.dataset, settings, task.key(PREDICTION), cells),
            count_stable(circuit, settings.stability, task.key(STABILITY)),
            ended_elsewhere(result),
        )


def ended_elsewhere(result: FitResult) -> dict[str, Any] | None:
    """Compare the answer with the places where other starts ended that were followed into the largest sample.

    None where there are none (`Refining.starts`): starts that were left in a smaller sample have not ended anywhere.
    """
    others = result.state.refinement.places[1:] if result.certificate else []
    if not others:
        return None
    named = {f"start {i}": by_name(point, result.estimate) for i, point in enumerate(others, 2)}
    places = {"the answer": result.estimate} | named
    curves = min(CURVES, result.task.settings.refine_batch)
    return compare_places(result.task.problem, places, result.task.key(PLACES), curves, 4 * curves).table()


def results_table(result: FitResult, findings: Findings, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything in result.json.

    Parameters
    ----------
    result, findings
        Of a fit.
    about
        What the fit itself does not know: ``data`` (its name), ``command``, ``wall_seconds``, ``settings``.
    """
    task, problem = result.task, result.task.problem
    predicted, names = findings.prediction, task.held_out.matching.names
    not_taken = [line for line in result.history.steps if not line["taken"]]
    found = {
        "circuit": result.circuit.label,
        "objective": problem.objective.label,
        "data": about["data"],
        "seed": task.seed,
        "command": about["command"],
        "steps": result.steps,
        "descent_steps": result.descent_steps,
        "wall_seconds": about["wall_seconds"],
        "outcome": result.ending.outcome,
        "stopped": str(result.ending),
        "certificate": result.certificate,
        "rejected_fraction": findings.end.attrs["rejected_fraction"],
        "outcomes": json.loads(findings.end.attrs["outcomes"]),
        "places": findings.places,
        "stability": findings.stability,
        "non_finite_steps": sum(not line["finite"] for line in not_taken),
        "retreats": sum(line["finite"] for line in not_taken),
        "unsolved_gradients": sum(line["unsolved"] for line in result.history.steps),
        "n_train": task.n_fitted,
        "n_held_out": task.held_out.units.sizes["unit"],
        "statistics": statistics_table(task.held_out.compare(findings.end), task.held_out.compare(findings.start)),
        "prediction": None if predicted is None else predicted.table(names),
        "parameters": parameter_table(
            problem.circuit,
            result.circuit,
            problem.fitted,
            true_values(task.dataset, result.circuit),
            result.parameter_errors,
        ),
        "versions": versions(),
        "settings": about["settings"],
    }
    found |= {"labels": labels_table(task)} if task.labels else {}
    found |= {"one_step": result.one_step} if result.stepped is not None else {}
    return plain(found | {"warnings": [*task.remarks, *warnings(found)]})


def labels_table(task: FitTask) -> dict[str, dict[str, Any]]:
    """How many units and recorded cells each label has, and what it weighs in the distance that was minimised."""
    data, matching, aside = task.problem.data, task.held_out.matching, task.held_out.units
    return {
        name: {
            "n_train": data.counts[i], "n_held_out": of_label(aside, name).sizes["unit"],
            "n_cells": matching.cells.count(i), "weight": data.weights[i],
        }
        for i, name in enumerate(matching.names)
    }  # fmt: skip


def statistics_of(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of the table of statistics; where there are labels, "E: rate" of the statistic "rate" of "E"."""
    return in_one(result["statistics"], result.get("labels", ()))


def versions(*more: str) -> dict[str, str]:
    """Versions of everything that the numbers depend on."""
    packages = ("tuneful", "jax", "jaxlib", "equinox", "optax", "numpy", "xarray", *more)
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


def _version(name: str) -> str:
    """Of an installed package; code may also be on the path only."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def other_versions(begun_with: Mapping[str, str]) -> list[str]:
    """A sentence if a run was begun with other versions than are here."""
    here = {"python": platform.python_version()}
    here |= {name: _version(name) for name in begun_with.keys() - here.keys()}
    other = [f"{name} {old} (now {here[name]})" for name, old in begun_with.items() if here[name] != old]
    if not other:
        return []
    return [f"The run was begun with {', '.join(other)}: the last bits of its numbers may depend on that."]


def statistics_table(end: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Distances between the model and the held-out units, by statistic, or by label and statistic."""
    return {
        name: statistics_table(c, start[name]) if isinstance(c, Mapping) else _row(c, start[name])
        for name, c in end.items()
    }


def _row(end: Comparison, start: Comparison) -> dict[str, Any]:
    return {
        "ks": end.ks, "line": end.critical_value, "floor": end.floor, "n_data": end.n_data, "n_model": end.n_model,
        "ks_start": start.ks,
    }  # fmt: skip


def parameter_table(
    initial: AbstractCircuit,
    final: AbstractCircuit,
    fitted: Iterable[str],
    truth: Mapping[str, Any],
    errors: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Values of all parameters, fitted or not, in their own units."""
    before, after, names = parameter_values(initial), parameter_values(final), set(fitted)
    return {
        name: {
            "value": after[name], "initial": before[name], "truth": truth.get(name), "fitted": name in names,
            "unit": about.unit, "symbol": about.symbol, "meaning": about.meaning,
            "entries": about.entries, "standard_error": None, "identified": None, **errors.get(name, {}),
        }
        for name, about in final.parameters().items()
    }  # fmt: skip


def warnings(found: Mapping[str, Any]) -> list[str]:
    """Sentences on whatever a reader of the numbers must not miss."""
    sentences, statistics = [], statistics_of(found)
    if found["rejected_fraction"] > 0:
        sentences.append(
            f"{found['rejected_fraction']:.1%} of the realisations at the end of the fit did not settle and were "
            "left out: the model's curves are conditioned on settling."
        )
    if found["non_finite_steps"]:
        sentences.append(
            f"{found['non_finite_steps']} steps had a loss or a gradient that was not finite and were not taken."
        )
    if found["retreats"]:
        sentences.append(
            f"At {found['retreats']} steps more realisations than max_lost did not settle or saturated, and the "
            "fit went back to its last good parameters."
        )
    if found["unsolved_gradients"]:
        sentences.append(
            f"{found['unsolved_gradients']} steady states had a derivative that was not found in time: they are "
            "no part of the gradients."
        )
    if found["steps"] and found["non_finite_steps"] == found["steps"]:
        sentences.append("No step had a finite loss, the first included: the parameters are the initial ones.")
    from_truth = [
        name for name, row in found["parameters"].items() if row["fitted"] and row["truth"] == row["initial"]
    ]
    if from_truth:
        sentences.append(
            f"The fit began at the truth of {', '.join(from_truth)}: to end near it is no success there."
        )
    start, end = mean_distances(statistics)
    if end > start:
        sentences.append(
            f"The fit ended farther from the held-out units than it began: its mean KS distance is {end:.3f}, and "
            f"was {start:.3f} at the start (for so few units and curves, each is uncertain by up to "
            f"{distance_error(statistics):.3f})."
        )
    if found["outcome"] == Outcome.STALLED:
        sentences.append(f"{found['stopped'][:1].upper()}{found['stopped'][1:]}.")
    if found["outcome"] == Outcome.MAX_STEPS:
        sentences.append("The fit had not converged by its own rule when it reached the maximum of steps.")
    if found.get("places"):
        sentences.append(f"Starts ended in {len(found['places']['places'])} places: {found['places']['words']}")
    if found.get("one_step"):
        sentences.append(found["one_step"]["words"])
    undefined = [name for name, row in statistics.items() if plain(row["ks"]) is None]
    if undefined:
        sentences.append(f"Not defined for these curves: {', '.join(undefined)}.")
    return sentences


def mean_distances(statistics: Mapping[str, Mapping[str, Any]]) -> tuple[float, float]:
    """Mean Kolmogorov-Smirnov distance at the start and at the end, over the statistics that are defined at both.

    >>> mean_distances({"rate": {"ks_start": 0.5, "ks": 0.25}, "r2": {"ks_start": 0.4, "ks": float("nan")}})
    (0.5, 0.25)
    """
    pairs = np.array([(row["ks_start"], row["ks"]) for row in statistics.values()], float).reshape(-1, 2)
    start, end = pairs[np.isfinite(pairs).all(axis=1)].T
    return (float(start.mean()), float(end.mean())) if start.size else (math.nan, math.nan)


def distance_error(statistics: Mapping[str, Mapping[str, Any]]) -> float:
    """The largest standard error that a mean Kolmogorov-Smirnov distance can have, for these numbers of curves.

    A distance is a difference F_n(v) - F_m(v) of two empirical distribution functions, whose variance is
    F (1 - F) (1 / n + 1 / m) at any one v, at most (1 / n + 1 / m) / 4. Statistics of one curve may err together.

    >>> round(distance_error({"rate": {"n_data": 25, "n_model": 100}}), 3)
    0.112
    """
    errors = [math.sqrt(1 / row["n_data"] + 1 / row["n_model"]) / 2 for row in statistics.values() if _counted(row)]
    return sum(errors) / len(errors)


def _counted(row: Mapping[str, Any]) -> bool:
    return row["n_data"] > 0 and row["n_model"] > 0
