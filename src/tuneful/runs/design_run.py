"""Which conditions to measure next, by the fitted circuit of a run, kept in its folder."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tuneful.analysis.experimental_design import (
    Criterion,
    Realised,
    best_conditions,
    ranked,
    units_against_conditions,
)
from tuneful.circuits import AbstractCircuit
from tuneful.curves import features
from tuneful.errors import UserError, suggest
from tuneful.fitting.checks import stimuli_checked
from tuneful.fitting.linearised import realised_at
from tuneful.fitting.tables import versions
from tuneful.fitting.unconstrained import parameter_names, unconstrained_values
from tuneful.plain import plain
from tuneful.report.answers.design import design_page
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import DESIGN, DESIGN_PAGE, RunFolder
from tuneful.runs.inference_files import about_answer
from tuneful.runs.progress import Progress
from tuneful.settings import Section

ALL = "all"
Features = dict[str, np.ndarray]


class DesignSettings(Section):
    """What a design is asked.

    candidates
        Values of features, all of which are crossed.
    add
        How many conditions to choose.
    for_
        Names of parameters, with commas, or "all".
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


def as_candidates(texts: Sequence[str]) -> dict[str, list[float]]:
    """Read ``size=1,2,4``: values by the name of their feature.

    Raises
    ------
    UserError
        For anything else.

    >>> as_candidates(["size=1,2", "contrast=10"])
    {'size': [1.0, 2.0], 'contrast': [10.0]}
    """
    found = dict[str, list[float]]()
    for text in texts:
        name, _, values = text.partition("=")
        try:
            numbers = [float(value) for value in values.split(",")]
        except ValueError:
            numbers = []
        if not name or not numbers or name in found or not np.isfinite(numbers).all():
            raise UserError(
                f"--candidates {text}: write FEATURE=VALUE,VALUE,..., each feature once, such as size=1,2,4."
            )
        found[name] = numbers
    return found


def new_conditions(
    circuit: AbstractCircuit, present: Mapping[str, np.ndarray], asked: Mapping[str, Sequence[float]]
) -> Features:
    """The candidates: all combinations of values that are not shown already.

    Features that are not asked for stay as they are, if they are the same in all present conditions.

    Raises
    ------
    UserError
        For features that the circuit or the data do not know, that are lacking, and where nothing new is left.
    """
    known = {*present, *circuit.conditions(), *circuit.stimulus_features}
    for name in asked:
        if name not in known:
            raise UserError(
                f"--candidates: {type(circuit).__name__} has no feature {name!r}.{suggest(name, sorted(known))}"
            )
        if name not in present:
            raise UserError(
                f"--candidates: the data do not say the {name} of their conditions, so that nothing varies in it."
            )
    values = dict(asked)
    for name, there in present.items():
        if name not in values:
            if len(np.unique(there)) > 1:
                raise UserError(
                    f"--candidates: {name} varies between the conditions: say which values of it are candidates."
                )
            values[name] = [float(there[0])]
    shown = {tuple(float(present[name][i]) for name in values) for i in range(len(next(iter(present.values()))))}
    rows = [row for row in dict.fromkeys(itertools.product(*values.values())) if row not in shown]
    if not rows:
        raise UserError("--candidates: all of these conditions are shown already.")
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(values)}


def realised_with(fit: Fit, candidates: Features, curves: int, seed: int) -> tuple[Realised, list[str], list[str]]:
    """The fitted circuit in present and candidate conditions, the names of its parameters, and what is to be said.

    Raises
    ------
    UserError
        For conditions that the circuit cannot answer, and where too little settles.
    """
    task, present = fit.task_, features(fit.dataset_)
    whole = {name: np.concatenate([present[name], candidates[name]]) for name in present}
    try:
        circuit = fit.circuit_.at_conditions(whole)
    except ValueError as error:
        raise UserError(f"--candidates: {error}") from error
    said = stimuli_checked(circuit)
    problem = dataclasses.replace(task.problem, circuit=circuit, penalties=())
    at = unconstrained_values(circuit, problem.fitted)
    key = jax.random.fold_in(jax.random.key(seed), 2**20 + 1)
    generated, tangents = realised_at(problem, at, key, curves * max(len(task.labels), 1))
    counts = np.bincount(task.held_out.matching.units[task.held_out.matching.units >= 0])
    shares = tuple((counts / counts.sum()).tolist())
    settled = float(np.asarray(generated.realisation_weight).mean())
    if settled < 0.5:
        raise UserError(
            f"Only {settled:.0%} of the realisations settle in these conditions: leave out the strongest."
        )
    return Realised(generated, tangents, len(next(iter(present.values()))), shares), parameter_names(at), said


def chosen_parameters(names: Sequence[str], asked: str) -> tuple[int, ...]:
    """Numbers of the parameters that are asked for, all entries of an array; empty for all.

    >>> chosen_parameters(["J[0]", "J[1]", "sigma"], "J")
    (0, 1)
    """
    if asked == ALL:
        return ()
    stems = [name.partition("[")[0] for name in names]
    wanted = [word.strip() for word in asked.split(",")]
    for word in wanted:
        if word not in stems and word not in names:
            raise UserError(
                f"--for {asked}: no fitted parameter is called {word!r}.{suggest(word, dict.fromkeys(stems))}"
            )
    return tuple(i for i, name in enumerate(names) if name in wanted or stems[i] in wanted)


def execute_design(
    path: Path, fit: Fit, asked: DesignSettings, progress: Progress, command: str | None = None
) -> dict[str, Any]:
    """Rank candidate conditions and choose some; write design.json and a page into the folder of the run.

    Raises
    ------
    UserError
        For candidates, parameters or costs that do not go, and for a folder that is in use.
    """
    if (asked.cost_unit is None) != (asked.cost_condition is None):
        raise UserError("Give both --cost-unit and --cost-condition, or none.")
    candidates = new_conditions(fit.circuit_, features(fit.dataset_), asked.candidates)
    n = len(next(iter(candidates.values())))
    if not 1 <= asked.add <= n:
        raise UserError(f"--add {asked.add}: there are {n} new candidates, and one or more of them are to be chosen.")
    folder = RunFolder(path)
    with folder.lock():
        progress.say(f"simulating the circuit in {n} new conditions, with derivatives")
        realised, names, said = realised_with(fit, candidates, asked.curves, asked.seed)
        progress.note(said)
        try:
            found = dict(_found(fit, asked, realised, names, _named(candidates)))
        except ValueError as error:
            raise UserError(str(error)) from error
        about = about_answer(fit.circuit_, fit.result_)
        about |= {"settings": asked.model_dump(), "versions": versions(), "command": command}
        table = plain(found | about)
        with folder.writing(DESIGN_PAGE) as temporary:
            design_page(table).write(temporary)
        folder.write_json(DESIGN, table)
    return table


def _found(
    fit: Fit, asked: DesignSettings, realised: Realised, names: Sequence[str], labels: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """What a design says, in numbers and words."""
    units = asked.units or fit.task_.held_out.whole.sizes["unit"]
    criterion = Criterion(units, chosen_parameters(names, asked.for_))
    first = realised.present
    chosen = best_conditions(realised, criterion, asked.add)
    now, then = realised.per_curve(), realised.per_curve(chosen)
    before, after = np.exp(criterion(now)), np.exp(criterion(then))
    yield "units", units
    yield "for", asked.for_
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
    what = "parameters" if asked.for_ == ALL else asked.for_
    best = " and ".join(labels[i - first] for i in chosen)
    yield "verdict", f"Measure {best}: the standard error of {what} goes from {before:.2g} to {after:.2g}."


def _named(candidates: Features) -> list[str]:
    """What candidates are called: by the features in which they differ, or by all."""
    telling = [name for name, values in candidates.items() if len(np.unique(values)) > 1] or list(candidates)
    n = len(next(iter(candidates.values())))
    return [", ".join(f"{name} = {candidates[name][i]:g}" for name in telling) for i in range(n)]
