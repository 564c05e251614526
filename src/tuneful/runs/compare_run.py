"""A comparison of runs and its folder: every refit is kept as it is done, a table and a page at the end."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from tuneful.analysis.clusters import own_properties
from tuneful.analysis.model_comparison import Scores, common_view, folds
from tuneful.circuits import AbstractCircuit
from tuneful.circuits.observation import name_of
from tuneful.curves import rate_unit
from tuneful.curves.labels import COMPARED_AS
from tuneful.descents import Outcome
from tuneful.errors import UserError
from tuneful.fitting.fits import FitTask, Recorder, run_course
from tuneful.fitting.history import History
from tuneful.fitting.linearised import generated_at
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.tables import other_versions, versions
from tuneful.fitting.unconstrained import parameter_values, unconstrained_values
from tuneful.objectives import Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.plain import plain
from tuneful.report.answers.comparison import comparison_page
from tuneful.runs.compare_config import KIND, CompareConfig, ComparedRun
from tuneful.runs.compare_table import comparison_table
from tuneful.runs.curves_source import digest
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import CONFIG, PAGE, Place, RunFolder
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.progress import Progress
from tuneful.solvers.precision import computing_in

COMPARED = "compare.json"
SCORING = 2**20  # a stream of random numbers besides those of the fits


@dataclass(frozen=True, eq=False)
class Compared:
    """The runs of a comparison, about the same curves, and how its units are dealt out.

    fits
        The runs, finished.
    data
        All compared units.
    fold
        The fold of each of them; without refits, 0 of those that all runs held out, and -1 of the others.
    """

    fits: tuple[Fit, ...]
    data: Measured
    fold: np.ndarray

    @cached_property
    def view(self) -> FeatureMap:
        """How the curves of all runs are seen."""
        return common_view(self.data, rate_unit(self.fits[0].task_.dataset) == "Hz")

    @property
    def units(self) -> np.ndarray:
        """Names of the compared units."""
        return self.fits[0].task_.held_out.whole["unit"].values

    def labels(self, run: int) -> np.ndarray:
        """The number of each unit's label in a run."""
        units = self.fits[run].task_.held_out.matching.units
        return units[units >= 0]

    def clusters(self, name: str | None) -> np.ndarray | None:
        """The value of a property of each unit.

        Raises
        ------
        UserError
            If units have no such property, or all have the same value of it.
        """
        if name is None:
            return None
        known = own_properties(self.fits[0].task_.held_out.whole)
        if name not in known:
            raise UserError(f"--clusters {name}: the units have no such property, but {', '.join(known) or 'none'}.")
        if len(np.unique(known[name])) < 2:
            raise UserError(f"--clusters {name}: all units have the same value, and clusters are what must differ.")
        return known[name]


def as_compared(path: Path) -> tuple[Fit, ComparedRun]:
    """Read one of the runs.

    Raises
    ------
    UserError
        If it is not the folder of a finished fit.
    """
    with RunFolder(path).reading():
        fit = Fit.load(path)
        answer = json.dumps([fit.config_.written(), plain(fit.params_)], sort_keys=True)
    name = path.resolve().name
    return fit, ComparedRun(path=str(path), name=name, sha256=hashlib.sha256(answer.encode()).hexdigest())


def compared(fits: Sequence[Fit], config: CompareConfig) -> Compared:
    """Deal the units of runs out to folds.

    Raises
    ------
    UserError
        If the runs are not about the same units in the same conditions, or there is only one run.
    """
    if len(fits) < 2:
        raise UserError("A comparison needs two runs or more: name the folders of finished fits.")
    first, *others = fits
    for fit, run in zip(others, config.runs[1:], strict=True):
        if _curves_of(fit) != _curves_of(first):
            raise UserError(
                f"{config.runs[0].path} and {run.path} are not about the same curves: fit both to the same units in "
                "the same conditions, in the same file."
            )
        if set(_unit_names(fit)) != set(_unit_names(first)):
            raise UserError(
                f"{config.runs[0].path} and {run.path} leave out different units: compare runs whose [match] takes "
                "the same ones."
            )
    whole = first.task_.held_out.whole
    data = Measured.from_rates(whole["rate"].values)
    return Compared(tuple(fits), data, _dealt(fits, config))


def _curves_of(fit: Fit) -> str:
    return digest(fit.dataset_.drop_vars(["held_out", COMPARED_AS], errors="ignore"))


def _unit_names(fit: Fit) -> list[str]:
    return [str(name) for name in fit.task_.held_out.whole["unit"].values]


def _dealt(fits: Sequence[Fit], config: CompareConfig) -> np.ndarray:
    n = len(_unit_names(fits[0]))
    if not config.refit:
        aside = [np.isin(_unit_names(fit), fit.task_.held_out.units["unit"].values) for fit in fits]
        if any((own != aside[0]).any() for own in aside):
            raise UserError(
                "--no-refit: the runs held out different units, so that some would be judged by units that they were "
                "fitted to: fit all with one seed and one held_out, or leave out --no-refit."
            )
        return np.where(aside[0], 0, -1)
    if n < 2 * config.folds:
        raise UserError(f"{n} units are too few for {config.folds} folds: choose fewer folds.")
    units = fits[0].task_.held_out.matching.units
    return folds(n, config.folds, np.random.default_rng(config.seed), units[units >= 0])


def execute_comparison(
    fits: Sequence[Fit], config: CompareConfig, place: Place, progress: Progress, command: str | None = None
) -> dict[str, Any]:
    """Compare runs in a folder of their own; return the content of compare.json.

    Raises
    ------
    UserError
        For runs that cannot be compared, and for a folder that cannot be used or in which something else was run.
    KeyboardInterrupt
        If it was interrupted; all refits that were done are kept.
    """
    asked, folder = compared(fits, config), place.folder
    clusters = asked.clusters(config.clusters)
    config = config.model_copy(update={"versions": versions()})
    if not place.goes_on:
        folder.refuse(place.overwrite)
    with folder.lock():
        if place.goes_on:
            config = _gone_on_with(folder, config, progress)
        else:
            folder.prepare(place.overwrite)
            folder.write_json(CONFIG, config.written())
        lines = _scored(asked, config, folder, progress)
        table = comparison_table(config, asked.units, asked.fold, lines, clusters)
        table |= {"circuits": [_about(fit) for fit in fits], "command": command}
        with folder.writing(PAGE) as path:
            comparison_page(table).write(path)
        folder.write_json(COMPARED, plain(table))
    return table


def _about(fit: Fit) -> dict[str, str]:
    return {"circuit": name_of(fit.circuit_), "objective": fit.objective.label, "data": fit.result_["data"]}


def _gone_on_with(folder: RunFolder, config: CompareConfig, progress: Progress) -> CompareConfig:
    if folder.kind() != KIND:
        raise UserError(f"{folder.path} holds a run of another command: choose another --out.")
    folder.refuse_damage()
    with folder.reading():
        before = folder.read_json(CONFIG)
        folder.refuse_changes(config.changes(before))
        begun_with = dict(before.get("versions", {}))
    progress.note(other_versions(begun_with))
    folder.go_on()
    return config.model_copy(update={"versions": begun_with})


def _scored(asked: Compared, config: CompareConfig, folder: RunFolder, progress: Progress) -> list[dict[str, Any]]:
    """A line for every run and fold, those of an earlier process included."""
    todo = [(run, fold) for run in range(len(asked.fits)) for fold in range(int(asked.fold.max()) + 1)]
    lines = folder.read_metrics(until=len(todo))
    folder.rewrite_metrics(lines)
    for step, (run, fold) in list(enumerate(todo, 1))[len(lines) :]:
        progress.say(f"{step} of {len(todo)}: {config.runs[run].name}, fold {fold + 1}")
        found = dict(_of_fold(asked, config, run, fold))
        lines.append(plain({"step": step, "run": run, "fold": fold} | found))
        folder.append_metrics(lines[-1:])
    return lines


def _of_fold(asked: Compared, config: CompareConfig, run: int, fold: int) -> Iterator[tuple[str, Any]]:
    """Fit without the units of a fold, if that is asked for, and score the curves of that fit by these units."""
    fit, own = asked.fits[run], np.flatnonzero(asked.fold == fold)
    with computing_in(fit.config_.precision):
        if config.refit:
            circuit, ending, steps = _refitted(fit, asked.units[own], config.steps)
            yield "ended", str(ending)
            yield "steps", steps
        else:
            circuit = fit.circuit_
        yield "parameters", parameter_values(circuit)
        scores = _scores(asked, config, run, fold, circuit)
        yield "scores", scores.by_unit[own]
        yield "simulation", scores.simulation_error(own)


def _refitted(fit: Fit, aside: np.ndarray, steps: int | None) -> tuple[AbstractCircuit, Any, int]:
    """The circuit of a run fitted to all units but those named, from its answer on."""
    settings = _with_steps(fit.settings, steps)
    about = fit.circuit_, fit.objective, fit.dataset_.drop_vars(["held_out", COMPARED_AS], errors="ignore")
    task = FitTask.of(*about, settings, fit.task_.seed, fit.penalties, fit.match, aside=aside.tolist())
    course = task.course()
    result = run_course(task, course, Recorder(task, course, History()), observers=[asked_to_stop])
    if result.ending.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return result.circuit, result.ending, result.steps


def _with_steps(settings: FitSettings, steps: int | None) -> FitSettings:
    """The settings of a run for a refit from its answer: one start, and nothing told on the way."""
    allowed = {name: min(getattr(settings, name), steps or 10**9) for name in ("max_steps", "refine_steps")}
    silent = settings.max_steps + settings.refine_steps + 1
    return settings.model_copy(update=allowed | {"starts": 1, "evaluate_every": silent, "predict": None})


def _scores(asked: Compared, config: CompareConfig, run: int, fold: int, circuit: AbstractCircuit) -> Scores:
    task = asked.fits[run].task_
    problem = dataclasses.replace(task.problem, circuit=circuit, penalties=())
    at = unconstrained_values(circuit, problem.fitted)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(config.seed), SCORING + run), fold)
    try:
        generated = generated_at(problem, at, key, config.curves * _parts(task))
        return Scores.of(generated, asked.view, asked.data, asked.labels(run))
    except ValueError as error:
        raise UserError(f"{config.runs[run].path}: {error}") from error


def _parts(task: FitTask) -> int:
    """Labels: every one of them gets the number of curves that is asked for, about."""
    return max(len(task.labels), 1)


def write_comparison_page(path: Path, page: Path) -> None:
    """Write the page of a finished comparison to a file.

    Raises
    ------
    UserError
        If the folder is damaged, or the comparison not finished.
    """
    folder = RunFolder(path)
    folder.refuse_damage()
    comparison_page(folder.read_json(COMPARED)).write(page)
