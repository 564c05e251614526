"""Which conditions to measure next, by the fitted circuit of a run, kept in its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.analysis.coordinates import COMMA, Coordinates
from tuneful.analysis.experimental_design import (
    Criterion,
    Realised,
    best_conditions,
    ranked,
    units_against_conditions,
)
from tuneful.analysis.predictions import mean_slopes
from tuneful.curves import features, named_conditions
from tuneful.errors import UserError
from tuneful.fitting.checks import stimuli_checked
from tuneful.fitting.linearised import realised_at
from tuneful.fitting.tables import versions
from tuneful.fitting.unconstrained import parameter_names, unconstrained_values
from tuneful.objectives import Generated
from tuneful.plain import plain
from tuneful.report.answers.design import design_page
from tuneful.runs.asked_conditions import Features, new_conditions, with_conditions
from tuneful.runs.checkpoints import StatesOf
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import DESIGN, DESIGN_PAGE, DESIGN_STATES, RunFolder
from tuneful.runs.inference_files import about_answer
from tuneful.runs.predicted_files import predicted_names, values_at_draws
from tuneful.runs.progress import Progress
from tuneful.settings import Section

ALL, OPTION = "all", "--candidates"


class DesignSettings(Section):
    """What a design is asked.

    candidates
        Values of features, all of which are crossed.
    add
        How many conditions to choose.
    for_
        Names of parameters, with commas, or "all"; or the name of one thing that `tuneful predict` predicted.
    units
        How many are measured; those of the run by default.
    cost_unit, cost_condition
        Of a unit, and of every condition that a unit is shown; both or none.
    curves, seed
        To simulate, and what decides them.
    """

    candidates: dict[str, list[float]]
    add: int = 1
    for_: str = ALL
    units: int | None = None
    cost_unit: float | None = None
    cost_condition: float | None = None
    curves: int = 1500
    seed: int = 0


def realised_with(
    fit: Fit, candidates: Features, asked: DesignSettings, states: StatesOf, progress: Progress
) -> tuple[Realised, list[str]]:
    """The fitted circuit in present and candidate conditions, and the names of its parameters.

    What was simulated and computed before a kill is taken from `states`, which keep it as it grows.

    Raises
    ------
    UserError
        For conditions that the circuit cannot answer, and where too little settles.
    """
    task, present = fit.task_, features(fit.dataset_)
    circuit, _ = with_conditions(fit.circuit_, present, candidates, OPTION)
    progress.note(stimuli_checked(circuit))
    problem = dataclasses.replace(task.problem, circuit=circuit, penalties=())
    at = unconstrained_values(circuit, problem.fitted)
    first, new = (len(next(iter(some.values()))) for some in (present, candidates))
    names = parameter_names(at)
    saved = states.load(lambda: _nothing(first + new, new, len(names)))
    if saved is None:
        progress.say(f"simulating the circuit in {new} new conditions, with derivatives")
        key = jax.random.fold_in(jax.random.key(asked.seed), 2**20 + 1)
        sample = realised_at(problem, at, key, asked.curves * max(len(task.labels), 1))
    else:
        cells = circuit.cells_per_realisation, problem.labels
        sample = Generated(saved["rates"], saved["weight"], *cells), saved["tangents"]
    settled = float(np.asarray(sample[0].realisation_weight).mean())
    if settled < 0.5:
        raise UserError(
            f"Only {settled:.0%} of the realisations settle in these conditions: leave out the strongest."
        )
    counts = np.bincount(task.held_out.matching.units[task.held_out.matching.units >= 0])
    known = {} if saved is None else _known(saved, first)

    def keep(realised: Realised) -> None:
        states.keep(len(realised.known), lambda: _packed(realised), False)
        progress.now_and_then(len(realised.known), "information of an experiment")

    progress.begin(len(known))
    return Realised(*sample, first, tuple((counts / counts.sum()).tolist()), known, keep), names


def _nothing(conditions: int, candidates: int, n: int) -> dict[str, Any]:
    """What `_packed` gives before anything is known."""
    own = jnp.result_type(float)
    shapes = {"rates": (0, conditions), "weight": (0,), "tangents": (0, conditions, n)}
    empty = {name: jnp.zeros(shape, own) for name, shape in shapes.items()}
    return empty | {"added": np.zeros((0, candidates), bool), "information": np.zeros((0, n, n))}


def _packed(realised: Realised) -> dict[str, Any]:
    """The sample, and the information of experiments by which candidates they add."""
    added = [np.isin(realised.candidates, key) for key in realised.known]
    sample = {"rates": realised.generated.rates, "weight": realised.generated.weight, "tangents": realised.tangents}
    return sample | {"added": np.array(added), "information": np.array(list(realised.known.values()))}


def _known(saved: dict[str, Any], first: int) -> dict[tuple[int, ...], np.ndarray]:
    keys = [tuple((np.flatnonzero(row) + first).tolist()) for row in saved["added"]]
    return dict(zip(keys, saved["information"], strict=True))


def chosen_parameters(coordinates: Coordinates, asked: str, predicted: Sequence[str] = ()) -> tuple[int, ...]:
    """Numbers of the entries of parameters that are asked for; empty for all.

    Raises
    ------
    UserError
        For what is none; the nearest name, also of what is `predicted`, is suggested.

    >>> from tuneful.circuits import SSN
    >>> chosen_parameters(Coordinates(SSN(), ("J", "sigma")), "J_EI, sigma")
    (1, 4, 5, 6, 7)
    """
    if asked == ALL:
        return ()
    found = [coordinates.called(name, f"--for {asked}", predicted) for name in COMMA.split(asked)]
    return tuple(sorted({i for entries in found for i in entries}))


def execute_design(
    path: Path, fit: Fit, asked: DesignSettings, progress: Progress, command: str | None = None
) -> dict[str, Any]:
    """Rank candidate conditions and choose some; write design.json and a page into the folder of the run.

    A call that was killed is gone on with by one with the same candidates, curves and seed.

    Raises
    ------
    UserError
        For candidates, parameters or costs that do not go, and for a folder that is in use.
    """
    if (asked.cost_unit is None) != (asked.cost_condition is None):
        raise UserError("Give both --cost-unit and --cost-condition, or none.")
    candidates = new_conditions(fit.circuit_, features(fit.dataset_), asked.candidates, OPTION)
    n = len(next(iter(candidates.values())))
    if not 1 <= asked.add <= n:
        raise UserError(f"--add {asked.add}: there are {n} new candidates, and one or more of them are to be chosen.")
    folder = RunFolder(path)
    with folder.lock():
        about = about_answer(fit.circuit_, fit.result_)
        decides = {"candidates": candidates, "curves": asked.curves, "seed": asked.seed}
        states = StatesOf(path / DESIGN_STATES, plain(about | decides))
        aim = _aim(folder, fit, asked)
        realised, names = realised_with(fit, candidates, asked, states, progress)
        try:
            found = dict(_found(asked, aim, realised, names, named_conditions(candidates, n)))
        except ValueError as error:
            raise UserError(str(error)) from error
        about |= {"settings": asked.model_dump(), "versions": versions(), "command": command}
        table = plain(found | about)
        with folder.writing(DESIGN_PAGE) as temporary:
            design_page(table).write(temporary)
        folder.write_json(DESIGN, table)
        states.discard()
    return table


@dataclass(frozen=True)
class Aim:
    """What a design makes small: the criterion, what it is of in words, and how much of a prediction it sees.

    linear
        The part of the variance of a prediction over the draws that its slopes explain; None for parameters.
    """

    criterion: Criterion
    words: str
    linear: float | None = None


def _aim(folder: RunFolder, fit: Fit, asked: DesignSettings) -> Aim:
    """What is asked for: parameters, or one of the predictions of the run.

    Raises
    ------
    UserError
        For what is neither.
    """
    units = asked.units or fit.task_.held_out.whole.sizes["unit"]
    predicted = predicted_names(folder, fit.result_)
    if asked.for_ not in predicted:
        coordinates = Coordinates(fit.circuit_, fit.task_.problem.fitted)
        return Aim(
            Criterion(units, chosen_parameters(coordinates, asked.for_, predicted)),
            "parameters" if asked.for_ == ALL else asked.for_,
        )
    try:
        slopes, linear = mean_slopes(*values_at_draws(folder, fit, asked.for_))
    except ValueError as error:
        raise UserError(f"--for {asked.for_!r}: {error}") from error
    return Aim(Criterion(units, along=tuple(slopes.tolist())), asked.for_, linear)


def _found(
    asked: DesignSettings, aim: Aim, realised: Realised, names: Sequence[str], labels: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """What a design says, in numbers and words."""
    criterion, units = aim.criterion, aim.criterion.units
    first = realised.present
    chosen = best_conditions(realised, criterion, asked.add)
    now, then = realised.per_curve(), realised.per_curve(chosen)
    before, after = np.exp(criterion(now)), np.exp(criterion(then))
    yield "units", units
    yield "for", asked.for_
    yield "linear", aim.linear
    yield "present", first
    yield "candidates", [{"name": labels[i - first], "error": np.exp(v)} for i, v in ranked(realised, criterion)]
    yield "chosen", [{"name": labels[i - first], "number": i - first} for i in chosen]
    yield "now", before
    yield "then", after
    pairs = zip(names, criterion.errors(now), criterion.errors(then), strict=True)
    yield "errors", [{"name": name, "now": a, "then": b} for name, a, b in pairs]
    plans = []
    if asked.cost_unit is not None and asked.cost_condition is not None:
        plans = units_against_conditions(realised, criterion, chosen, asked.cost_unit, asked.cost_condition)
    yield "plans", [{"conditions": p.conditions, "units": p.units, "error": np.exp(p.criterion)} for p in plans]
    best = " and ".join(labels[i - first] for i in chosen)
    said = f"Measure {best}:" if after < before else f"No candidate is seen to help: with {best},"
    yield "verdict", f"{said} the standard error of {aim.words} goes from {before:.2g} to {after:.2g}."
