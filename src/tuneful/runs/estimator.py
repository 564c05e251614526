"""Fit: a thin face on fits without files and on run folders, with the habits of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import jax.numpy as jnp
import numpy as np

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.keys import Key
from tuneful.curves import statistics_for
from tuneful.curves.labels import How
from tuneful.display import card
from tuneful.errors import NotFittedError, TunefulWarning, UserError
from tuneful.fitting.evaluation import HeldOut
from tuneful.fitting.fits import END, FitResult, FitTask, at_conditions_of, matched
from tuneful.fitting.history import History
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate
from tuneful.fitting.unconstrained import parameter_values
from tuneful.networks.arguments import shown
from tuneful.objectives import AbstractObjective, AbstractPenalty
from tuneful.readers import examine, load
from tuneful.runs import fit_display
from tuneful.runs.own_code import changed_code, made
from tuneful.settings import parse
from tuneful.solvers.precision import computing_in

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from tuneful.analysis import Inference
    from tuneful.fitting.evaluation import Prediction
    from tuneful.fitting.tables import Findings
    from tuneful.report.fit.content import ReportContent
    from tuneful.runs.configuration import RunConfig
    from tuneful.runs.folder import Place
    from tuneful.runs.progress import Progress

PARTS = ("circuit", "objective", "penalties", "match")


class Fit:
    """Fit the statistics of a circuit to a set of measured tuning curves.

    Parameters
    ----------
    circuit
        The model, at the parameters where the fit starts. Its stimuli are replaced by those of the data. A class, its
        name (``"m1"``) or the place of one's own (``"my.py:Ring"``, which is run) stands for the circuit at its
        defaults.
    objective
        What is minimised, in the same way; `EnergyDistance()` by default.
    penalties
        What is avoided besides, such as `RatePenalty()`; none by default.
    match
        Which units stand for which recorded cells, where names differ: ``{"cell_type": {"PC": "E", "PV": "I"}}`` (see
        `tuneful.curves.labels.match_units`).
    **settings
        Fields of `tuneful.fitting.FitSettings`: ``held_out``, ``fitted``, ``batch``, ``learning_rate``,
        ``max_steps``, ``window``, ``tolerance``, ``evaluate_every``, ...

    Attributes
    ----------
    params_
        Fitted values of all parameters in their own units, by name.
    circuit_
        The fitted circuit.
    result_
        Everything in ``result.json``: distances to the held-out units, parameters, versions.
    history_, evaluations_
        One dictionary a step, and one for every comparison with the held-out units.
    prediction_
        Curves in the conditions of the setting ``predict``, if there is one.
    dataset_
        The data, with a coordinate ``held_out`` on ``unit``.
    task_, findings_
        What was fitted, and the curves that were drawn at the end.
    config_
        The configuration of the run, as ``config.json`` has it.

    All of these raise a `NotFittedError` before.

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

    circuit_: AbstractCircuit
    result_: dict[str, Any]
    findings_: Findings
    task_: FitTask
    _history: History
    config_: RunConfig
    _given: dict[str, Any]  # settings as they came, beside what they were read as
    inference_table: dict[str, Any] | None = None  # of the folder that the fit was read from, see `tuneful infer`

    def __init__(
        self,
        circuit: AbstractCircuit | type[AbstractCircuit] | str,
        objective: AbstractObjective | type[AbstractObjective] | str | None = None,
        penalties: Sequence[AbstractPenalty] = (),
        match: Mapping[str, How] | None = None,
        **settings: Any,
    ):
        self.circuit: AbstractCircuit = made("circuit", circuit)
        self.objective: AbstractObjective = made("objective", "energy" if objective is None else objective)
        self.penalties, self.match = _penalties(penalties), {} if match is None else match
        self.settings, self._given = parse(FitSettings, settings, "Fit"), settings

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there: what a fit brings, before there was one."""
        if name in type(self).__annotations__ or isinstance(getattr(type(self), name, None), property):
            raise NotFittedError(f"There is no {name} yet: call fit(data, seed), or Fit.load(run), first.")
        raise AttributeError(f"A Fit has no attribute {name!r}.", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<{fit_display.title(self)}: {fit_display.state(self)}>"

    def _repr_html_(self) -> str:
        """What notebooks show: how it ended, distances and parameters."""
        tables = fit_display.tables(self.__dict__.get("result_"))
        return card(fit_display.title(self), fit_display.state(self), *tables)

    def summary(self) -> str:
        """The distances and parameters as the terminal shows them, in lines to be printed."""
        from tuneful.report.fit.summary import fit_summary

        return fit_summary(self.result_)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What this fit is made of: `Fit(**fit.get_params())` is another one, not fitted; `deep` changes nothing."""
        settings = {name: getattr(self.settings, name) for name in type(self.settings).model_fields}
        return {name: getattr(self, name) for name in PARTS} | settings | self._given

    def set_params(self, **changes: Any) -> Self:
        """Change parts or settings by name; what was fitted is kept until the next fit.

        Raises
        ------
        UserError
            For a name that is unknown, or a value out of range; nothing is changed then.
        """
        other = type(self)(**(self.get_params() | changes))
        self.__dict__ |= {name: getattr(other, name) for name in (*PARTS, "settings", "_given")}
        return self

    def fit(
        self,
        dataset: xr.Dataset | Any,
        seed: int,
        *,
        out: Path | str | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = True,
        data_name: str | None = None,
    ) -> Self:
        """Fit to a dataset of tuning curves.

        A part of the units is set aside by the seed before anything else, and used for reporting only.

        Parameters
        ----------
        dataset
            Tuning curves, or whatever `tuneful.load` takes without options: a DataFrame, a DataArray, a path, ...
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
        data_name
            What the report calls the data.

        Raises
        ------
        UserError, DatasetError
            One sentence on what is wrong with the configuration, the folder or the data.
        KeyboardInterrupt
            On Ctrl-C; a run in a folder can be gone on with.

        Warns
        -----
        TunefulWarning
            Without a progress, of what is printed with it: data that say little, a fit that ended farther from the
            data than it began or had not converged, and all else in ``result_["warnings"]``.
        """
        from tuneful.runs.curves_source import digest
        from tuneful.runs.folder import Place, RunFolder
        from tuneful.runs.progress import Progress

        reading = examine(dataset)
        dataset = reading.noted
        name = data_name or str(dataset.attrs.get("source", "a dataset in memory"))
        config = self._described(seed, {"path": "data.nc", "name": name, "sha256": digest(dataset)})
        place = None if out is None else Place(RunFolder(out), resume, overwrite)
        with Progress(progress) as bar:
            bar.note(reading.notes)
            self.execute(dataset, config, place, bar)
            bar.note(said for said in self.result_["warnings"] if said not in self.task_.remarks)
        return self

    def execute(
        self,
        dataset: xr.Dataset,
        config: RunConfig,
        place: Place | None,
        progress: Progress,
        command: str | None = None,
    ) -> Self:
        """Fit as `fit` does, with a complete configuration of this very fit; see `tuneful.runs.execute_fit`."""
        from tuneful.runs.fit_run import execute_fit

        self._history = History()
        about = config.fit, config.seed, self.penalties, config.match
        self.task_ = FitTask.of(self.circuit, self.objective, dataset, *about)
        run = execute_fit(self.task_, config, place, self._history, progress, command, self._fitted)
        self.config_, self.circuit_ = run.config, run.result.circuit
        self.findings_, self.result_ = run.findings, run.table
        return self

    def _fitted(self, result: FitResult) -> None:
        """Keep the circuit when its descent has ended: what is drawn of it after that may fail."""
        self.circuit_ = result.circuit
        for name in ("findings_", "result_", "inference_table"):  # of an earlier fit
            self.__dict__.pop(name, None)

    def sample(self, n: int, seed: Key) -> xr.Dataset:
        """Draw n curves of the fitted circuit, as a dataset of the same form as the data."""
        return simulate(self.circuit_, n, seed)

    def score(self, dataset: xr.Dataset | Any) -> dict[str, Any]:
        """Compare curves of the fitted circuit with any dataset, as in `fit`, measured in the same conditions.

        A `Comparison` by the name of the statistic; where there are labels, by label and name.
        """
        dataset, matching = matched(load(dataset), self.circuit_, self.match)
        circuit, units = at_conditions_of(dataset, self.circuit_), matching.compared(dataset)
        generated = simulate(circuit, self.settings.final_curves, self.task_.key(END), cells=matching.of_cells())
        return HeldOut(units, units, statistics_for(units), self.task_.seed, matching).compare(generated)

    def inference(self, *, progress: bool = True, **settings: Any) -> Inference:
        """Find intervals of the fitted parameters, and what the data do not tell apart; nothing is written.

        Parameters
        ----------
        progress
            Show how far it is on standard error.
        **settings
            Fields of `tuneful.analysis.InferenceSettings`: ``method`` ("sandwich", "bootstrap", "profile", or
            several), ``level``, ``replicates``, ``clusters``, ``curves``, ``seed``, ...

        Raises
        ------
        UserError
            What `tuneful.analysis.infer` refuses.
        """
        from tuneful.analysis import InferenceSettings, infer
        from tuneful.runs.progress import Progress, show_steps

        asked = parse(InferenceSettings, settings, "inference")
        with Progress(progress) as bar, computing_in(self.config_.precision):
            return infer(self.task_, self.circuit_, asked, observers=[show_steps(bar)])

    def save(self, path: Path | str, overwrite: bool = False) -> None:
        """Write everything into a run folder."""
        from tuneful.runs.fit_run import write_findings, write_setup
        from tuneful.runs.folder import RunFolder

        found = self.task_, self._history, self.findings_, self.result_  # before anything is touched
        folder = RunFolder(path)
        folder.refuse(overwrite)
        with folder.lock():
            folder.prepare(overwrite)
            write_setup(folder, self.task_, self.config_)
            folder.rewrite_metrics(self._history.lines())
            write_findings(folder, *found)

    @classmethod
    def load(
        cls,
        path: Path | str,
        circuit: AbstractCircuit | type[AbstractCircuit] | str | None = None,
        objective: AbstractObjective | type[AbstractObjective] | str | None = None,
        penalties: Sequence[AbstractPenalty] | None = None,
    ) -> Self:
        """Read a finished run.

        A circuit or an objective of one's own must be imported before, or given: as it was, or as its class or the
        place of its class (``"my.py:Ring"``), which get the settings of the run. Code is not run because the run
        names it; a warning says if it is not that of the run any more.
        """
        from tuneful.runs.fit_run import read_findings, read_run_config
        from tuneful.runs.folder import RESULT, RunFolder
        from tuneful.runs.inference_files import inference_of

        folder = RunFolder(path)
        with folder.reading():
            config = read_run_config(folder)
            result = folder.read_json(RESULT)
            fit = cls(*config.components(circuit, objective, penalties))
            completed = config.completed(fit.circuit, fit.objective, fit.penalties)
            for sentence in changed_code(completed.code, config.code):
                warnings.warn(sentence, TunefulWarning, stacklevel=2)
            fit.settings, fit.match, fit.config_, fit.result_ = config.fit, config.match, config, result
            dataset = folder.read_dataset("data.nc").drop_vars("held_out")
            about = config.fit, config.seed, fit.penalties, config.match
            fit.task_ = FitTask.of(fit.circuit, fit.objective, dataset, *about)
            fit._history, fit.findings_ = read_findings(folder, result)
            fit.inference_table = inference_of(folder, result)
            values = {name: row["value"] for name, row in result["parameters"].items()}
            fit.circuit_ = fit.task_.problem.circuit.with_values(values)
        return fit

    def report(self, path: Path | str) -> None:
        """Write the report, one self-contained HTML page."""
        from tuneful.report.fit import write_report

        write_report(self.content(), Path(path))

    def plot(self, what: str = "overview", only: Sequence[str] = ()) -> Figure:
        """Draw a figure of a panel each for the statistics, parameters or units of `only`, or for all.

        What there is, ``population``, ``curves``, ``distributions`` ..., is said when something else is asked for;
        `tuneful.plot` has single plots.
        """
        from tuneful.report.fit.pictures import figure

        return figure(self.content(), what, only)

    def content(self) -> ReportContent:
        """What the page and the figures show."""
        from tuneful.runs.fit_run import report_content

        about = self.task_.dataset, self._history, self.findings_, self.result_
        return report_content(*about, self.inference_table)

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
        """Fitted values of all parameters in their own units, by name."""
        return {name: np.asarray(value) for name, value in parameter_values(self.circuit_).items()}

    @property
    def dataset_(self) -> xr.Dataset:
        """The data, with a coordinate ``held_out`` on ``unit``."""
        return self.task_.dataset

    @property
    def prediction_(self) -> Prediction | None:
        """Curves in the conditions of the setting ``predict``, if there is one."""
        return self.findings_.prediction

    def _described(self, seed: int, data: dict[str, Any]) -> RunConfig:
        """This fit as a configuration."""
        from tuneful.runs.configuration import RunConfig

        about = {"circuit": self.circuit.label, "data": data, "seed": seed, "match": self.match}
        about |= {"precision": jnp.result_type(float).name}
        config = parse(RunConfig, about, "Fit").model_copy(update={"fit": self.settings})
        return config.completed(self.circuit, self.objective, self.penalties)


def _penalties(given: Sequence[AbstractPenalty]) -> tuple[AbstractPenalty, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(penalty, AbstractPenalty) for penalty in given):
        raise UserError(f"penalties must be a list such as [RatePenalty()], not {shown(given)}.")
    return tuple(given)
