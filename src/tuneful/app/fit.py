"""Fit: from a circuit, an objective and a dataset to a fitted circuit, in memory or in a run folder."""

import time
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from tuneful.app.components import build, circuits, objectives, settings_of
from tuneful.app.config import FitSettings, differences, parse
from tuneful.app.errors import UserError
from tuneful.app.progress import Progress
from tuneful.app.report import ReportContent, write_report
from tuneful.app.result import parameter_table, statistics_table, versions, warnings, without_nan
from tuneful.app.run_folder import CONFIG, RunFolder
from tuneful.app.simulate import natural_values, simulate, true_values
from tuneful.circuits import AbstractCircuit
from tuneful.curves import Comparison, compare, features, split, statistics_for, validate
from tuneful.fitting.loop import FitState, Problem, StepRecord, advance
from tuneful.fitting.parameters import with_free
from tuneful.objectives import AbstractObjective, EnergyDistance, Measured

STEPS, START, END, EVALUATION = range(4)  # streams of random numbers, all from the one seed


class Fit:
    """Fit the statistics of a circuit to a set of measured tuning curves.

    Parameters
    ----------
    circuit
        The model, at the parameters where the fit starts. Its stimuli are replaced by those of the data.
    objective
        What is minimised; `EnergyDistance()` by default.
    **settings
        Fields of `tuneful.app.config.FitSettings`: ``held_out``, ``fitted``, ``max_steps``, ``window``,
        ``tolerance``, ``evaluate_every``, ...

    Attributes (after `fit` or `load`)
    ----------------------------------
    params_
        Fitted values of all parameters in natural units, by name.
    circuit_
        The fitted circuit.
    result_
        Everything in ``result.json``: distances to the held-out units, parameters, versions.
    history_
        One dictionary a step: loss, gradient norm, rejected fraction, parameters, seconds.
    evaluations_
        Every so often, the Kolmogorov-Smirnov distance to the held-out units in every statistic.
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

    def __init__(self, circuit: AbstractCircuit, objective: AbstractObjective | None = None, **settings: Any):
        self.circuit = circuit
        self.objective = EnergyDistance() if objective is None else objective
        self.settings = parse(FitSettings, settings, "Fit")
        self.history_: list[dict[str, Any]] = []
        self.evaluations_: list[dict[str, Any]] = []

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
        state, path, seconds = self._begin(folder, resume, overwrite)
        with Progress(self.settings.max_steps, len(path), progress) as bar:
            self._descend(state, path, seconds, folder, bar)
            if self._stopped.startswith("stopped"):
                bar.say(self._stopped)
            bar.say("drawing curves of the fitted circuit")
            self._conclude()
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
        folder.rewrite_metrics(self._log())
        self._write(folder)

    @classmethod
    def load(
        cls,
        path: Path | str,
        circuit: AbstractCircuit | None = None,
        objective: AbstractObjective | None = None,
    ) -> Self:
        """Read a finished run. A circuit or objective that is not installed by name must be given as it was."""
        folder = RunFolder(path)
        config = folder.read_json(CONFIG)
        result = folder.read_json("result.json")
        fit = cls(
            circuit or build("circuit", circuits(), config["circuit"]),
            objective or build("objective", objectives(), config["objective"]),
            **config["fit"],
        )
        dataset = folder.read_dataset("data.nc")
        fit._take(dataset.drop_vars("held_out"), config["seed"], config["data"])
        fit._sort_log(folder.read_metrics())
        fit.result_ = result
        fit.start_, fit.end_ = folder.read_dataset("start.nc"), folder.read_dataset("result.nc")
        fit.circuit_ = fit.problem_.circuit.with_values({k: v["value"] for k, v in result["parameters"].items()})
        return fit

    def report(self, path: Path | str) -> None:
        """Write the report, one self-contained HTML page."""
        write_report(self._report_content(), Path(path))

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
        self._train, self._test = train, test
        _refuse_identical(train["rate"].values)
        self._names = statistics_for(dataset)
        circuit = _at_conditions_of(dataset, self.circuit)
        fitted = self.settings.fitted or tuple(circuit.parameters())
        self.problem_ = Problem(circuit, self.objective, Measured.from_rates(train["rate"].values), fitted)
        self.stopping_ = self.settings.stopping()

    def _key(self, stream: int) -> Array:
        return jax.random.fold_in(jax.random.key(self.seed_), stream)

    def _begin(self, folder: RunFolder | None, resume: bool, overwrite: bool) -> tuple[FitState, np.ndarray, float]:
        """The state to go on from: a checkpoint, or the start."""
        try:
            state = self.problem_.start(self._key(STEPS))
        except ValueError as error:
            raise UserError(str(error)) from error
        self._free, self._unravel = ravel_pytree(state.free)
        path, seconds = np.zeros((0, self._free.size)), np.zeros(())
        self.history_, self.evaluations_ = [], []
        if folder is None:
            return state, path, 0.0
        if not (resume and folder.exists):
            folder.prepare(overwrite)
            self._write_setup(folder)
            return state, path, 0.0
        self._check_same(folder)
        state, path, seconds = folder.load_checkpoint((state, path, seconds)) or (state, path, seconds)
        self._sort_log(folder.read_metrics(until=len(path)))
        folder.rewrite_metrics(self._log())
        return state, path, float(seconds)

    def _descend(
        self, state: FitState, done: np.ndarray, seconds: float, folder: RunFolder | None, bar: Progress
    ) -> None:
        """Take steps until the rule says stop; log, evaluate and save on the way."""
        settings, state = self.settings, _where_steps_leave_it(state)
        path = np.zeros((max(settings.max_steps, len(done)), done.shape[1]))
        path[: len(done)] = done
        step, began = len(done), time.perf_counter() - seconds
        skipped = int(state.skipped)
        while (reason := self.stopping_.reason(path[:step], skipped)) is None:
            state, record = advance(self.problem_, state)
            path[step] = np.asarray(ravel_pytree(state.free)[0])
            step, skipped = step + 1, int(state.skipped)
            line = self._step_line(step, state, record, time.perf_counter() - began)
            lines = [line]
            bar.step(line["loss"])
            if step % settings.evaluate_every == 0:
                lines.append(self._evaluate(step, state))
                bar.evaluated(step, lines[-1]["statistics"])
            self._sort_log(lines, append=True)
            if folder is not None:
                folder.append_metrics(without_nan(lines))
                if step % settings.checkpoint_every == 0:
                    folder.save_checkpoint(step, (state, path[:step], np.asarray(time.perf_counter() - began)))
        self._stopped, self._steps, self._seconds = reason, step, time.perf_counter() - began
        free = self._unravel(jnp.asarray(self.stopping_.estimate(path[:step]), self._free.dtype))
        self.circuit_ = with_free(self.problem_.circuit, free)

    def _step_line(self, step: int, state: FitState, record: StepRecord, seconds: float) -> dict[str, Any]:
        values = natural_values(with_free(self.problem_.circuit, state.free))
        return {
            "step": step,
            "loss": float(record.loss),
            "gradient_norm": float(record.gradient_norm),
            "rejected": float(record.rejected),
            "finite": bool(record.finite),
            "parameters": values,
            "seconds": round(seconds, 3),
        }

    def _evaluate(self, step: int, state: FitState) -> dict[str, Any]:
        """Distances of the present circuit to the held-out units."""
        circuit = with_free(self.problem_.circuit, state.free)
        key = jax.random.fold_in(self._key(EVALUATION), step)
        try:
            generated = simulate(circuit, self.settings.evaluation_curves, key)
        except UserError:  # nothing settled; the loop decides how long to go on
            return {"step": step, "statistics": dict.fromkeys(self._names, float("nan"))}
        comparison = self._compare(generated, with_floor=False)
        return {"step": step, "statistics": {name: c.ks for name, c in comparison.items()}}

    def _compare(self, generated: xr.Dataset, with_floor: bool = True) -> dict[str, Comparison]:
        measured = self._test["rate"].values
        return compare(
            generated["rate"].values,
            measured,
            features(self._test),
            self._names,
            self.seed_,
            floor_rates=self.dataset_["rate"].values if with_floor else measured,
        )

    def _conclude(self) -> None:
        """Draw curves at the start and at the end of the fit, and compare."""
        n = self.settings.final_curves
        self.start_ = simulate(self.problem_.circuit, n, self._key(START))
        self.end_ = simulate(self.circuit_, n, self._key(END))
        table = statistics_table(self._compare(self.end_), self._compare(self.start_))
        rejected = self.end_.attrs["rejected_fraction"]
        skipped = sum(not line["finite"] for line in self.history_)
        truth = true_values(self.dataset_, self.circuit_)
        self.result_ = without_nan(
            {
                "circuit": self.circuit_.label,
                "objective": self.objective.label,
                "data": self.data_name_,
                "seed": self.seed_,
                "command": self._command,
                "steps": self._steps,
                "wall_seconds": round(self._seconds, 3),
                "stopped": self._stopped,
                "rejected_fraction": rejected,
                "non_finite_steps": skipped,
                "n_train": self._train.sizes["unit"],
                "n_held_out": self._test.sizes["unit"],
                "statistics": table,
                "parameters": parameter_table(self.problem_.circuit, self.circuit_, self.problem_.fitted, truth),
                "warnings": warnings(table, rejected, skipped, self._stopped),
                "versions": versions(),
                "settings": self._config(),
            }
        )

    def _config(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return without_nan(
            {
                "circuit": settings_of(self.circuit),
                "objective": settings_of(self.objective),
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
        self.report(folder.path / "report.html")
        folder.write_json("result.json", self.result_)

    def _sort_log(self, lines: list[dict[str, Any]], append: bool = False) -> None:
        """Take lines of the log into `history_` and `evaluations_`."""
        if not append:
            self.history_, self.evaluations_ = [], []
        for line in lines:
            (self.evaluations_ if "statistics" in line else self.history_).append(line)

    def _log(self) -> list[dict[str, Any]]:
        """All lines of the log, in the order in which a run writes them."""
        return without_nan(sorted(self.history_ + self.evaluations_, key=lambda line: line["step"]))

    def _report_content(self) -> ReportContent:
        at_start = {name: row["ks_start"] for name, row in self.result_["statistics"].items()}
        return ReportContent(
            result=self.result_,
            steps=self.history_,
            evaluations=[{"step": 0, "statistics": at_start}, *self.evaluations_],
            measured=self.dataset_,
            start=self.start_,
            end=self.end_,
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


def _where_steps_leave_it(state: FitState) -> FitState:
    """Copy the state to every device before the first step, or the second would be compiled once more."""
    devices = jax.devices()
    if len(devices) == 1:
        return state
    return jax.device_put(state, NamedSharding(Mesh(np.array(devices), ("realisation",)), PartitionSpec()))
