"""The test of a fitted circuit, kept in the folder of its run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tuneful.analysis.goodness_of_fit import Hypothesis, goodness_of_fit
from tuneful.curves import features, rate_unit
from tuneful.descents import Observer
from tuneful.errors import UserError
from tuneful.fitting.tables import versions
from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.plain import plain
from tuneful.report.answers.goodness import goodness_page
from tuneful.runs.checkpoints import StatesOf
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import GOODNESS, GOODNESS_PAGE, GOODNESS_STATES, RunFolder
from tuneful.runs.inference_files import about_answer
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.progress import Progress, show_steps


def hypothesis_of(fit: Fit, held_out: bool = False) -> Hypothesis:
    """What a fit claims: its circuit at the answer, and the units that it should have produced.

    Parameters
    ----------
    fit
        Fitted, or loaded.
    held_out
        Only the units that it did not see.
    """
    task = fit.task_
    units = task.held_out.units if held_out else task.held_out.whole
    numbers = dict(zip(task.dataset["unit"].values.tolist(), task.held_out.matching.units.tolist(), strict=True))
    problem = dataclasses.replace(task.problem, circuit=fit.circuit_, penalties=())
    return Hypothesis(
        problem=problem,
        at=unconstrained_values(fit.circuit_, problem.fitted),
        rates=units["rate"].values.astype(float),
        labels=np.array([numbers[name] for name in units["unit"].values.tolist()]),
        label_names=task.held_out.matching.names,
        conditions=features(units),
        statistics=task.held_out.names,
        is_rate=rate_unit(task.dataset) == "Hz",
    )


def execute_goodness(
    path: Path, fit: Fit, asked: dict[str, Any], progress: Progress, command: str | None = None
) -> dict[str, Any]:
    """Test the circuit of a run; write goodness.json and a page into its folder.

    A call that was killed is gone on with by one that asks for the same.

    Parameters
    ----------
    path, fit
        The run, and the fit that was read from it.
    asked
        ``sets``, ``curves``, ``seed`` and ``held_out``.
    progress
        Told how far it is.
    command
        What does this again.

    Raises
    ------
    UserError
        If too few realisations settle at the answer, or the folder is in use or holds other files of these names.
    KeyboardInterrupt
        If it was interrupted.
    """
    folder = RunFolder(path)
    with folder.lock():
        key = jax.random.fold_in(jax.random.key(asked["seed"]), 2**20)
        states = StatesOf(path / GOODNESS_STATES, plain(about_answer(fit.circuit_, fit.result_) | asked))
        observers: list[Observer] = [asked_to_stop, show_steps(progress)]
        try:
            about = hypothesis_of(fit, asked["held_out"]), key, asked["sets"], asked["curves"], progress.say
            found = goodness_of_fit(*about, keeper=states, observers=observers)
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error
        told = {"simulated": found.simulated, "units": len(about[0].rates), "held_out": asked["held_out"]}
        asked_for = {"settings": asked, "versions": versions("scipy"), "command": command}
        table = plain(found.table() | told | about_answer(fit.circuit_, fit.result_) | asked_for)
        with folder.writing(GOODNESS_PAGE) as temporary:
            goodness_page(table).write(temporary)
        folder.write_json(GOODNESS, table)
        states.discard()
    return table
