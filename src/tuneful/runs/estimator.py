"""Fit: from a circuit, an objective and a dataset to a fitted circuit, in memory or in a run folder."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from tuneful.registry import build, circuits, objectives, settings_of
from tuneful.registry import penalties as installed
from tuneful.fitting.settings import FitSettings
from tuneful.settings import differences, parse
from tuneful.errors import UserError
from tuneful.fitting.evaluation import HeldOut, Prediction, predict, stability
from tuneful.fitting.history import History, step_line
from tuneful.runs.progress import Progress
from tuneful.report.fit import ReportContent, write_report
from tuneful.fitting.tables import parameter_table, statistics_table, versions, warnings, without_nan
from tuneful.runs.folder import CONFIG, RunFolder
from tuneful.fitting.simulation import natural_values, simulate, true_values
from tuneful.circuits import AbstractCircuit
from tuneful.curves import Comparison, compare, features, split, statistics_for, validate
from tuneful.fitting import Course, Problem
from tuneful.objectives import AbstractObjective, AbstractPenalty, EnergyDistance, Measured

STEPS, START, END, EVALUATION, PREDICTION, STABILITY = range(6)  # streams of random numbers, all from the one seed


class Fit:
    """Fit the statistics of a circuit to a set of measured tuning curves.

    Parameters
    ----------
    circuit
        The model, at the parameters where the fit starts. Its stimuli are replaced by those of the data.
    objective
        What is minimised; `EnergyDistance()` by default.
    penalties
        What is avoided besides, such as `RatePenalty()`; none by default.
    **settings
        Fields of `tuneful.runs.configuration.FitSettings`: ``held_out``, ``fitted``, ``max_steps``, ``window``,
        ``tolerance``, ``evaluate_every``, ...

    Attributes (after `fit` or `load`)
    ----------------------------------
    params_
        Fitted values of all parameters in natural units, by name.
    circuit_
        The fitted circuit.
    result_
        Everything in ``result.json``: distances to the held-out units, parameters, versions.
    prediction_
        Curves in the conditions of the setting ``predict``, if there is one.
    dataset_
        The data, with a coordinate ``held_out`` on ``unit``.

    Raises
    ------
    UserError
        For settings that are unknown or out of range.

    >>> import tuneful, jax
    >>> circuit = tuneful.circuits.FeedforwardM1(grid=6)
    >>> data = tuneful.simulate(circuit, 20, jax.random.key(1))
    >>> fit = tuneful.Fit(circuit, max_steps=2, final_curves=20)
    >>> sorted(fit.fit(data, seed=0, progress=False).params_)
    ['J', 'dphi', 'dsigma', 'phi_l', 'sigma_l']
    """

    def __init__(
        self,
        circuit: AbstractCircuit,
        objective: AbstractObjective | None = None,
        penalties: Sequence[AbstractPenalty] = (),
        **settings: Any,
    ):
        self.circuit = circuit
        self.objective = EnergyDistance() if objective is None else objective
        self.penalties = tuple(penalties)
        self.settings = parse(FitSettings, settings, "Fit")
        self._history = History()

    def fit(
        self,
        dataset: xr.Dataset,
        seed: int,
        *,
        out: Path | str | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = True,
        data_name: str | None = None,
        command: str | None = None,
    ) -> Self:
        """Fit to a dataset of tuning curves.

        A part of the units is set aside by the seed before anything else, and used for reporting only.

        Parameters
        ----------
        dataset
            See `tuneful.load`.
        seed
            Decides the held-out units and all random numbers; the same seed gives the same result.
        out
            A run folder: configuration, log, checkpoints, results and report are kept there.
        resume
            Go on with the run in ``out`` if there is one; the result has the same bits as without interruption.
        overwrite
            Replace the run in ``out``.
        progress
            Show a bar (terminal) or lines (elsewhere) on standard error.
        data_name, command
            What the report calls the data, and the command that it gives for doing this again.

        Raises
        ------
        UserError, DatasetError
            One sentence on what is wrong with the configuration, the folder or the data.
        """
        self._take(validate(dataset), seed, data_name)
        self._command = command
        folder = RunFolder(out) if out is not None else None
        course, seconds = self._begin(folder, resume, overwrite)
        with Progress(self.settings.max_steps + course.plan.steps, course.steps, progress) as bar:
            seconds = self._go(course, seconds, folder, bar)
            if course.is_broken:
                bar.say(str(course.ended))
            bar.say("drawing curves of the fitted circuit")
            self._conclude(course, seconds)
        if folder is not None:
            self._write(folder)
        return self

    def sample(self, n: int, seed: int) -> xr.Dataset:
        """Draw n curves of the fitted circuit, as a dataset of the same form as the data."""
        return simulate(self.circuit_, n, jax.random.key(seed))

    def score(self, dataset: xr.Dataset) -> dict[str, Comparison]:
        """Compare curves of the fitted circuit with any dataset measured in the same conditions."""
        dataset = validate(dataset)
        circuit = _at_conditions_of(dataset, self.circuit_)
        generated = simulate(circuit, self.settings.final_curves, self._key(END))
        names = statistics_for(dataset)
        return compare(generated["rate"].values, dataset["rate"].values, features(dataset), names, self.seed_)

    def save(self, path: Path | str, overwrite: bool = False) -> None:
        """Write everything into a run folder."""
        folder = RunFolder(path)
        folder.prepare(overwrite)
        self._write_setup(folder)
        folder.rewrite_metrics(self._history.lines())
        self._write(folder)

    @classmethod
    def load(
        cls,
        path: Path | str,
        circuit: AbstractCircuit | None = None,
        objective: AbstractObjective | None = None,
        penalties: Sequence[AbstractPenalty] | None = None,
    ) -> Self:
        """Read a finished run. What is not installed by name must be given as it was."""
        folder = RunFolder(path)
        config = folder.read_fit_config()
        result = folder.read_json("result.json")
        fit = cls(
            circuit or build("circuit", circuits(), config["circuit"]),
            objective or build("objective", objectives(), config["objective"]),
            [build("penalty", installed(), s) for s in config["penalties"]] if penalties is None else penalties,
            **config["fit"],
        )
        dataset = folder.read_dataset("data.nc")
        fit._take(dataset.drop_vars("held_out"), config["seed"], config["data"])
        fit._history = History(folder.read_metrics())
        fit.result_ = result
        fit.start_, fit.end_ = folder.read_dataset("start.nc"), folder.read_dataset("result.nc")
        fit.prediction_ = fit._read_prediction(folder)
        fit.circuit_ = fit.problem_.circuit.with_values({k: v["value"] for k, v in result["parameters"].items()})
        return fit

    def report(self, path: Path | str) -> None:
        """Write the report, one self-contained HTML page."""
        write_report(self._report_content(), Path(path))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One dictionary a step: loss, gradient norm, rejected fraction, parameters, seconds."""
        return self._history.steps

    @property
    def evaluations_(self) -> list[dict[str, Any]]:
        """Every so often, the Kolmogorov-Smirnov distance to the held-out units in every statistic."""
        return self._history.evaluations

    @property
    def params_(self) -> dict[str, np.ndarray]:
        """Fitted values of all parameters in natural units, by name."""
        return {name: np.asarray(value) for name, value in natural_values(self.circuit_).items()}

    def _take(self, dataset: xr.Dataset, seed: int, data_name: str | None) -> None:
        """Set units aside and state the problem."""
        self.seed_ = seed
        self.data_name_ = data_name or str(dataset.attrs.get("source", "a dataset in memory"))
        train, test = split(dataset, self.settings.held_out, seed)
        held_out = np.isin(dataset["unit"].values, test["unit"].values)
        self.dataset_ = dataset.assign_coords(held_out=("unit", held_out))
        self._n_train = train.sizes["unit"]
        self._held_out = HeldOut(test, dataset, statistics_for(dataset), seed)
        _refuse_identical(train["rate"].values)
        circuit = _at_conditions_of(dataset, self.circuit)
        fitted = self.settings.fitted or tuple(circuit.parameters())
        measured = Measured.from_rates(train["rate"].values)
        steps = self.settings.steps()
        self.problem_ = Problem(circuit, self.objective, measured, fitted, self.penalties, **steps)

    def _key(self, stream: int) -> Array:
        return jax.random.fold_in(jax.random.key(self.seed_), stream)

    def _begin(self, folder: RunFolder | None, resume: bool, overwrite: bool) -> tuple[Course, float]:
        """The course from where it stands, a checkpoint or the start, and the seconds it took so far."""
        try:
            course = Course(self.problem_, self.settings.stopping(), self._key(STEPS))
        except ValueError as error:
            raise UserError(str(error)) from error
        self._history = History()
        if folder is None:
            return course, 0.0
        if not (resume and folder.exists):
            folder.prepare(overwrite)
            self._write_setup(folder)
            return course, 0.0
        self._check_same(folder)
        saved, seconds = folder.load_checkpoint((course.saved(), np.zeros(()))) or (course.saved(), 0.0)
        course.restore(saved)
        self._history = History(folder.read_metrics(until=course.steps))
        folder.rewrite_metrics(self._history.lines())
        return course, float(seconds)

    def _go(self, course: Course, seconds: float, folder: RunFolder | None, bar: Progress) -> float:
        """Take steps to the end of the course; log, evaluate and save on the way. Returns the seconds it took."""
        settings, began = self.settings, time.perf_counter() - seconds
        while course.ended is None:
            record = course.step()
            step, circuit = course.steps, course.circuit
            lines = [step_line(step, circuit, record, time.perf_counter() - began)]
            bar.step(lines[0]["loss"])
            if step % settings.evaluate_every == 0:
                key = jax.random.fold_in(self._key(EVALUATION), step)
                distances = self._held_out.distances(circuit, settings.evaluation_curves, key)
                lines.append({"step": step, "statistics": distances})
                bar.evaluated(step, distances)
            self._history.add(lines)
            if folder is not None:
                folder.append_metrics(without_nan(lines))
                if step % settings.checkpoint_every == 0:
                    folder.save_checkpoint(step, (course.saved(), np.asarray(time.perf_counter() - began)))
        return time.perf_counter() - began

    def _conclude(self, course: Course, seconds: float) -> None:
        """Draw curves at the start and at the end of the fit, compare, predict, and say what was found."""
        settings, self.circuit_ = self.settings, course.answer
        self.start_ = simulate(self.problem_.circuit, settings.evaluation_curves, self._key(START))
        self.end_ = simulate(self.circuit_, settings.final_curves, self._key(END))
        self.prediction_ = predict(self.circuit_, self.dataset_, settings, self._key(PREDICTION))
        table = statistics_table(self._held_out.compare(self.end_), self._held_out.compare(self.start_))
        truth = true_values(self.dataset_, self.circuit_)
        not_taken = [line for line in self.history_ if not line["taken"]]
        found = {
            "circuit": self.circuit_.label,
            "objective": self.objective.label,
            "data": self.data_name_,
            "seed": self.seed_,
            "command": self._command,
            "steps": course.steps,
            "descent_steps": course.steps if course.descent is None else course.descent,
            "wall_seconds": round(seconds, 3),
            "stopped": course.ended,
            "rejected_fraction": self.end_.attrs["rejected_fraction"],
            "outcomes": json.loads(self.end_.attrs["outcomes"]),
            "stability": stability(self.circuit_, settings.stability, self._key(STABILITY)),
            "non_finite_steps": sum(not line["finite"] for line in not_taken),
            "retreats": sum(line["finite"] for line in not_taken),
            "n_train": self._n_train,
            "n_held_out": self._held_out.units.sizes["unit"],
            "statistics": table,
            "prediction": None if self.prediction_ is None else self.prediction_.table(),
            "parameters": parameter_table(self.problem_.circuit, self.circuit_, self.problem_.fitted, truth),
            "versions": versions(),
            "settings": self._config(),
        }
        self.result_ = without_nan(found | {"warnings": warnings(found)})

    def _config(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return without_nan(
            {
                "circuit": settings_of(self.circuit),
                "objective": settings_of(self.objective),
                "penalties": [settings_of(penalty) for penalty in self.penalties],
                "data": self.data_name_,
                "fit": self.settings.model_dump(mode="json"),
                "seed": self.seed_,
                "precision": jnp.result_type(float).name,
            }
        )

    def _write_setup(self, folder: RunFolder) -> None:
        folder.write_dataset("data.nc", self.dataset_)
        folder.write_json(CONFIG, self._config() | {"versions": versions()})

    def _check_same(self, folder: RunFolder) -> None:
        """Refuse to resume a run that was asked differently."""
        before = folder.read_json(CONFIG)
        changed = differences(before, self._config() | {key: before[key] for key in ("data", "versions")})
        if changed:
            raise UserError(
                f"The run in {folder.path} was started with another {changed[0]}: "
                "resume it with its own settings, or choose another --out."
            )
        if not folder.read_dataset("data.nc").equals(self.dataset_):
            raise UserError(f"The run in {folder.path} was started with other curves: choose another --out.")

    def _write(self, folder: RunFolder) -> None:
        """Write what was found; result.json comes last and marks the run as finished."""
        folder.write_dataset("start.nc", self.start_)
        folder.write_dataset("result.nc", self.end_)
        if self.prediction_ is not None:
            folder.write_dataset("prediction.nc", self.prediction_.fitted)
            if self.prediction_.truth is not None:
                folder.write_dataset("prediction_truth.nc", self.prediction_.truth)
        self.report(folder.path / "report.html")
        folder.write_json("result.json", self.result_)

    @staticmethod
    def _read_prediction(folder: RunFolder) -> Prediction | None:
        if not folder.has("prediction.nc"):
            return None
        truth = folder.read_dataset("prediction_truth.nc") if folder.has("prediction_truth.nc") else None
        return Prediction(folder.read_dataset("prediction.nc"), truth)

    def _report_content(self) -> ReportContent:
        at_start = {name: row["ks_start"] for name, row in self.result_["statistics"].items()}
        return ReportContent(
            result=self.result_,
            steps=self.history_,
            evaluations=[{"step": 0, "statistics": at_start}, *self.evaluations_],
            measured=self.dataset_,
            start=self.start_,
            end=self.end_,
            prediction=None if self.prediction_ is None else self.prediction_.fitted,
            prediction_truth=None if self.prediction_ is None else self.prediction_.truth,
        )


def _refuse_identical(rates: np.ndarray) -> None:
    """Refuse units without any difference: there is no scale to whiten with, and no distribution to fit."""
    highest = np.where(np.isnan(rates), -np.inf, rates).max(0)
    lowest = np.where(np.isnan(rates), np.inf, rates).min(0)
    if not (highest > lowest).any():
        raise UserError(
            f"The {len(rates)} units left for the fit all have the same curve (its highest rate is "
            f"{highest.max():g} Hz): there is no distribution to fit."
        )


def _at_conditions_of(dataset: xr.Dataset, circuit: AbstractCircuit) -> AbstractCircuit:
    try:
        return circuit.at_conditions(features(dataset))
    except ValueError as error:
        raise UserError(str(error)) from error
