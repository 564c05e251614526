"""What a fitted circuit predicts, with bands over what the data leave open, kept in the folder of its run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from pydantic import Field

from tuneful.analysis.predicted_quantities import QUANTITIES, PredictedQuantities, types_of
from tuneful.analysis.predictions import Predictions, predict
from tuneful.circuits import AbstractCircuit
from tuneful.curves import features
from tuneful.errors import UserError, suggest
from tuneful.fitting.checks import stimuli_checked
from tuneful.fitting.simulation import true_values
from tuneful.fitting.tables import versions
from tuneful.plain import plain
from tuneful.report.answers.predictions import predictions_page
from tuneful.runs.asked_conditions import Features, new_conditions, with_conditions
from tuneful.runs.checkpoints import StatesOf
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import (
    PREDICTIONS,
    PREDICTIONS_DRAWS,
    PREDICTIONS_PAGE,
    PREDICTIONS_STATES,
    RunFolder,
)
from tuneful.runs.inference_files import about_answer
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.predict_table import predictions_table
from tuneful.runs.predicted_files import read_draws
from tuneful.runs.progress import Progress, show_steps
from tuneful.settings import Section

OPTION = "--conditions"
PREDICTING = 2**20 + 2  # a stream of random numbers besides those of the fit


class PredictSettings(Section):
    """What is asked of a fitted circuit.

    conditions
        Values of features, all of which are crossed, besides the measured ones.
    input
        Extra input to all cells of a type, by its name, in the unit of the circuit's input; by default 1 to each.
    draws
        Of the parameters, the first of the inference.
    curves
        Simulated at each draw, of each label.
    networks
        Realisations at each draw that are looked at as dynamical systems; 0 for none.
    level
        Of the bands.
    seed
        Decides all random numbers.
    """

    conditions: dict[str, list[float]] = Field(default_factory=dict)
    input: dict[str, float] | None = None
    draws: int = Field(default=100, ge=10)
    curves: int = Field(default=480, ge=4)
    networks: int = Field(default=24, ge=0)
    level: float = Field(default=0.9, gt=0.5, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)


def execute_predictions(
    path: Path, fit: Fit, asked: PredictSettings, progress: Progress, command: str | None = None
) -> dict[str, Any]:
    """Predict at the draws of an inference; write predictions.json, predictions.nc and a page into the run folder.

    A call that was killed is gone on with by one that asks for the same.

    Raises
    ------
    UserError
        Without an inference, for conditions and types of cells that the circuit does not know, where hardly anything
        settles at the estimate, and for a folder that is in use.
    KeyboardInterrupt
        If it was interrupted.
    """
    inference = fit.inference_table
    if inference is None:
        raise UserError(
            f"{path} holds no inference of its answer, of whose draws bands are made: tuneful infer first."
        )
    circuit, shown, said = _in_conditions(fit, asked.conditions)
    quantities = _quantities(fit, circuit, shown, asked)
    folder = RunFolder(path)
    with folder.lock():
        folder.go_on()
        progress.note(said)
        drawn = [circuit.with_values(values) for values in read_draws(folder, asked.draws)]
        estimate = circuit.with_values({name: row["value"] for name, row in inference["parameters"].items()})
        truth = true_values(fit.dataset_, circuit)
        about = about_answer(fit.circuit_, fit.result_)
        about |= {"settings": asked.model_dump(), "inference": inference["settings"]}
        states = StatesOf(path / PREDICTIONS_STATES, plain(about))
        found = predict(
            quantities,
            estimate,
            drawn,
            jax.random.fold_in(jax.random.key(asked.seed), PREDICTING),
            truth=circuit.with_values(truth) if truth else None,
            level=asked.level,
            keeper=states,
            observers=[asked_to_stop, show_steps(progress)],
        )
        if not found.values["settled"] > 0:
            raise UserError(f"{path}: nothing settles at the estimate in these conditions: leave out the strongest.")
        table = dict(predictions_table(fit, quantities, found)) | about | {"versions": versions(), "command": command}
        _write(folder, quantities, found, plain(table))
        states.discard()
    return plain(table)


def _in_conditions(fit: Fit, asked: Mapping[str, list[float]]) -> tuple[AbstractCircuit, Features, list[str]]:
    """The circuit in measured and in other conditions, the features of all, and what is to be said of them."""
    present = features(fit.dataset_)
    if not asked:
        return fit.circuit_, present, []
    more = new_conditions(fit.circuit_, present, asked, OPTION)
    circuit, whole = with_conditions(fit.circuit_, present, more, OPTION)
    return circuit, whole, stimuli_checked(circuit)


def _quantities(fit: Fit, circuit: AbstractCircuit, shown: Features, asked: PredictSettings) -> PredictedQuantities:
    types, task, present = types_of(circuit), fit.task_, fit.dataset_.sizes["condition"]
    for name in asked.input or {}:
        if name not in types:
            known = suggest(name, types) if types else " It takes no such input."
            raise UserError(f"--input {name}: the circuit has no cells of that type.{known}")
    return PredictedQuantities(
        problem=dataclasses.replace(task.problem, circuit=circuit),
        label_names=task.held_out.matching.names,
        statistics=task.held_out.names,
        conditions=shown,
        n_conditions=len(next(iter(shown.values()))) if shown else present,
        present=present,
        curves=asked.curves,
        networks=asked.networks,
        inputs=dict.fromkeys(types, 1.0) if asked.input is None else asked.input,
    )


def _write(folder: RunFolder, quantities: PredictedQuantities, found: Predictions, table: dict[str, Any]) -> None:
    with folder.writing(PREDICTIONS_DRAWS) as path:
        draws_dataset(quantities, found).to_netcdf(path, engine="h5netcdf")
    with folder.writing(PREDICTIONS_PAGE) as path:
        predictions_page(table).write(path)
    folder.write_json(PREDICTIONS, table)


def draws_dataset(quantities: PredictedQuantities, found: Predictions) -> xr.Dataset:
    """Predictions at every draw: dimensions ``draw`` and those of the quantity, features as coordinates."""
    variables = {
        name: (("draw", *QUANTITIES[name].along), values, {"units": QUANTITIES[name].unit})
        for name, values in found.draws.items()
    }
    axes = {axis for name in found.draws for axis in QUANTITIES[name].along} - {"condition"}
    coords: dict[str, Any] = {axis: list(quantities.along(axis)) for axis in sorted(axes)}
    coords |= {name: ("condition", values) for name, values in quantities.conditions.items()}
    coords["is_new"] = ("condition", np.arange(quantities.n_conditions) >= quantities.present)
    return xr.Dataset(variables, coords, {"created_by": "tuneful"})
