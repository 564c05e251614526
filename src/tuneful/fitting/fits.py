"""A fit without files: from a circuit, an objective and a dataset to a fitted circuit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import jax
import numpy as np
from jax import Array

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.observation import measured_like, name_of
from tuneful.curves import features, parted, rate_unit, split, validate
from tuneful.curves.labels import COMPARED_AS, How, Matching, match_units
from tuneful.descents import Ending, Keeper, Moment, Observer, Outcome, descend
from tuneful.display import card
from tuneful.errors import UserError
from tuneful.fitting.checks import check_fit, defined_statistics
from tuneful.fitting.course import Course, CourseState
from tuneful.fitting.evaluation import HeldOut
from tuneful.fitting.history import History, Line
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.fitting.score_learning import ScorePlan
from tuneful.fitting.score_steps import NotLearned, Stepped, one_step
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.uncertainty import parameter_errors
from tuneful.fitting.unconstrained import by_name, parameter_names, parameter_values, with_unconstrained
from tuneful.objectives import AbstractObjective, AbstractPenalty, Measured
from tuneful.objectives.per_label import label_weights

if TYPE_CHECKING:
    import xarray as xr

STEPS, START, END, EVALUATION, PREDICTION, STABILITY = range(6)  # streams of random numbers, all from the one seed
SCORE, PLACES = 9, 10  # as well; those between are streams of inference and tests


@dataclass(frozen=True, eq=False)
class FitTask:
    """What is to be fitted, checked: everything that decides the result.

    dataset
        The data, with a coordinate ``held_out`` on ``unit``, and ``compared_as`` where there are labels or units are
        left out: the name of the label, "" of those.
    problem
        The circuit at the conditions of the data, the objective, and the curves to be matched.
    held_out
        The units that are set aside, for reporting only.
    settings
        Complete.
    """

    dataset: xr.Dataset
    problem: Problem
    held_out: HeldOut
    settings: FitSettings
    seed: int

    @classmethod
    def of(
        cls,
        circuit: AbstractCircuit,
        objective: AbstractObjective,
        dataset: xr.Dataset,
        settings: FitSettings,
        seed: int,
        penalties: Sequence[AbstractPenalty] = (),
        match: Mapping[str, How] | None = None,
        aside: Collection[str] | None = None,
    ) -> Self:
        """Match units with recorded cells (`tuneful.curves.labels`), set some aside by the seed, state the problem.

        With `aside`, the units of these names are set aside, whatever the seed.

        Raises
        ------
        UserError
            One sentence on what in circuit, data or settings does not fit together; a `DatasetError` for the data.
        """
        dataset, matching = matched(dataset, circuit, match or {})
        settings = settings.for_objective(objective.label)
        compared = matching.compared(dataset)
        by = COMPARED_AS if len(matching.names) > 1 else None
        train, test = split(compared, settings.held_out, seed, by) if aside is None else parted(compared, aside)
        circuit = at_conditions_of(dataset, circuit)
        fitted = settings.fitted or tuple(circuit.parameters())
        measured = _measured(train, matching, objective, settings)
        how = settings.steps(), matching.cells, settings.schedule()
        problem = Problem(circuit, objective, measured, fitted, tuple(penalties), *how)
        aside = np.isin(dataset["unit"].values, test["unit"].values)
        held_out = HeldOut(test, compared, defined_statistics(compared, test), seed, matching)
        return cls(dataset.assign_coords(held_out=("unit", aside)), problem, held_out, settings, seed)

    def __repr__(self) -> str:
        units, conditions = self.problem.data.rates.shape
        return (
            f"<FitTask: {name_of(self.problem.circuit)} by {self.problem.objective.label}, {units} units in "
            f"{conditions} conditions, {self.held_out.units.sizes['unit']} held out by seed {self.seed}>"
        )

    def key(self, stream: int) -> Array:
        """The random key of one of the streams at the top of this file."""
        return jax.random.fold_in(jax.random.key(self.seed), stream)

    @cached_property
    def remarks(self) -> list[str]:
        """What is to be said before the first step; a `UserError` for what could not end well (`check_fit`)."""
        return check_fit(self)

    def course(self) -> Course:
        """The fit as a descent.

        Raises
        ------
        UserError
            For what could not end well, and for parameters, penalties or a refinement that do not go with the circuit
            or the objective.
        """
        _ = self.remarks
        try:
            return Course(self.problem, self.settings.stopping(), self.settings.refining(), self.key(STEPS))
        except ValueError as error:
            raise UserError(str(error)) from error

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels by which results are told; none where all units are compared with all cells."""
        names = self.held_out.matching.names
        return names if len(names) > 1 else ()

    @property
    def n_fitted(self) -> int:
        """How many units the fit sees."""
        return len(self.problem.data.rates)


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found.

    circuit
        The fitted circuit, at the conditions of the data.
    estimate
        The fitted parameters in unconstrained coordinates, by name.
    ending
        Why the fit ended: an outcome, and the sentence that says it.
    history
        Steps and evaluations.
    state
        What is needed to go on: pass it to `fit_circuit`.
    task
        What was fitted.
    stepped
        Where steps of a learned score led from there, if they were asked for; circuit and estimate are theirs then.
    """

    circuit: AbstractCircuit
    estimate: dict[str, Array]
    ending: Ending
    history: History
    state: CourseState
    task: FitTask
    stepped: Stepped | NotLearned | None = None

    def __repr__(self) -> str:
        return f"<FitResult: {self.ending} ({self.steps} steps), {self.circuit!r}>"

    def _repr_html_(self) -> str:
        start, end = parameter_values(self.task.problem.circuit), parameter_values(self.circuit)
        rows = [(name, start[name], end[name], about.unit) for name, about in self.circuit.parameters().items()]
        title, ending = f"Fit of {name_of(self.circuit)}", f"{self.ending} ({self.steps} steps)"
        return card(title, ending, (("parameter", "start", "end", "unit"), rows))

    @property
    def certificate(self) -> dict[str, Any] | None:
        """What fresh random numbers say of a refined answer (`Certificate.table`); None of any other."""
        found = self.state.refinement.certificate()
        return None if found is None else found.table(parameter_names(self.estimate))

    @property
    def parameter_errors(self) -> dict[str, dict[str, Any]]:
        """How well the data fix each fitted parameter (`uncertainty.parameter_errors`); empty where not known."""
        if isinstance(self.stepped, Stepped) and self.stepped.is_taken:
            return parameter_errors(self.circuit, self.estimate, self.stepped.covariance)
        found = self.state.refinement.certificate()
        if found is None or not np.isfinite(found.covariance).all():
            return {}
        return parameter_errors(self.circuit, self.estimate, found.covariance, found.left_open)

    @property
    def one_step(self) -> dict[str, Any] | None:
        """What came of the steps of a learned score (`Stepped.table`); None where none were asked for."""
        return None if self.stepped is None else self.stepped.table(parameter_names(self.estimate))

    @property
    def steps(self) -> int:
        """Steps in all, refining ones included."""
        return len(self.state.path)

    @property
    def descent_steps(self) -> int:
        """Steps of the stochastic descent."""
        return self.steps if self.state.descent_steps is None else self.state.descent_steps


class Recorder:
    """An observer of a fit that notes every step, and every so often the distances to the held-out units.

    `latest` are the lines of this moment; `clock`, if there is one, gives the seconds that the fit took so far.
    """

    def __init__(self, task: FitTask, course: Course, history: History, clock: Callable[[], float] | None = None):
        self.history, self.latest = history, list[Line]()
        self._task, self._course, self._clock = task, course, clock
        self.labels = task.labels  # by which distances are told

    def __call__(self, moment: Moment[CourseState, StepRecord]) -> None:
        self.latest = []
        if moment.record is not None:
            circuit = self._course.circuit(moment.state)
            self.latest.append(step_line(moment.steps, circuit, moment.record, self._clock))
            if moment.steps % self._task.settings.evaluate_every == 0:
                self.latest.append({"step": moment.steps, "statistics": self._distances(circuit, moment.steps)})
        self.history.add(self.latest)

    def _distances(self, circuit: AbstractCircuit, step: int) -> dict[str, Any]:
        key = jax.random.fold_in(self._task.key(EVALUATION), step)
        return self._task.held_out.distances(circuit, self._task.settings.evaluation_curves, key)


def fit_circuit(
    circuit: AbstractCircuit,
    objective: AbstractObjective,
    dataset: xr.Dataset,
    settings: FitSettings,
    seed: int,
    penalties: Sequence[AbstractPenalty] = (),
    *,
    match: Mapping[str, How] | None = None,
    state: CourseState | None = None,
    observers: Sequence[Observer] = (),
) -> FitResult:
    """Fit the statistics of a circuit to a set of tuning curves; nothing is written or printed.

    Parameters
    ----------
    circuit
        The model, at the parameters where the fit starts. Its stimuli are replaced by those of the data.
    objective, penalties
        What is minimised, and what is avoided besides.
    dataset
        See `tuneful.load`.
    settings
        How the fit is run.
    seed
        Decides the held-out units and all random numbers.
    match
        Which units stand for which recorded cells, see `tuneful.curves.labels.match_units`.
    state
        Of an earlier result of the same task, to go on from there.
    observers
        Called at every moment, see `tuneful.descents.descend`.

    Raises
    ------
    UserError
        What `FitTask.of` and `FitTask.course` refuse.

    >>> from tuneful.circuits import FeedforwardM1
    >>> from tuneful.fitting.simulation import simulate
    >>> from tuneful.objectives import EnergyDistance
    >>> data = simulate(FeedforwardM1(grid=6), 20, jax.random.key(1))
    >>> result = fit_circuit(FeedforwardM1(grid=6, J=500.0), EnergyDistance(), data, FitSettings(max_steps=2), seed=0)
    >>> str(result.ending), sorted(result.estimate)
    ('reached the maximum of 2 steps', ['J', 'dphi', 'dsigma', 'phi_l', 'sigma_l'])
    """
    task = FitTask.of(circuit, objective, dataset, settings, seed, penalties, match)
    course = task.course()
    result = run_course(task, course, Recorder(task, course, History()), state=state, observers=observers)
    return with_one_step(result) if settings.one_step else result


def run_course(
    task: FitTask,
    course: Course,
    recorder: Recorder,
    *,
    state: CourseState | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> FitResult:
    """Take a prepared task to its end; observers are called after the recorder, and may look at its latest lines."""
    done = descend(course, state=state, keeper=keeper, observers=(recorder, *observers))
    estimate = course.named(course.estimate(done.state))
    return FitResult(course.answer(done.state), estimate, done.ending, recorder.history, done.state, task)


def with_one_step(
    result: FitResult, *, keeper: Keeper | None = None, observers: Sequence[Observer] = ()
) -> FitResult:
    """Go on from an answer by steps of a learned score (`tuneful.fitting.score_steps`); one that is broken stays.

    Where too few realisations settle to learn a score from, the answer stays, too, and `stepped` says why.

    Parameters
    ----------
    result
        Of a fit.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    KeyboardInterrupt
        If an observer asked to stop.
    """
    ending, task = result.ending.outcome, result.task
    if (ending.is_broken and ending is not Outcome.STALLED) or ending is Outcome.INTERRUPTED:
        return result
    plan = ScorePlan(task.settings.score_spread, task.settings.score_realisations)
    about = task.problem, result.estimate, plan, task.key(SCORE)
    try:
        stepped = one_step(*about, keeper=keeper, observers=observers)
    except UserError as error:
        return dataclasses.replace(result, stepped=NotLearned(str(error)))
    if not stepped.is_taken:
        return dataclasses.replace(result, stepped=stepped)
    estimate = by_name(stepped.point, result.estimate)
    circuit = with_unconstrained(result.circuit, estimate)
    return dataclasses.replace(result, circuit=circuit, estimate=estimate, stepped=stepped)


def step_line(step: int, circuit: AbstractCircuit, record: StepRecord, clock: Callable[[], float] | None) -> Line:
    """Write a step as a line; `circuit` is the one that it led to."""
    line = {
        "step": step,
        "loss": float(record.loss),
        "penalty": float(record.penalty),
        "gradient_norm": float(record.gradient_norm),
        "rejected": float(record.rejected),
        "saturated": float(record.saturated),
        "unsolved": int(record.unsolved),
        "finite": bool(record.finite),
        "taken": bool(record.taken),
        "parameters": parameter_values(circuit),
    }
    return line if clock is None else line | {"seconds": round(clock(), 3)}


def matched(dataset: xr.Dataset, circuit: AbstractCircuit, match: Mapping[str, How]) -> tuple[xr.Dataset, Matching]:
    """A dataset, validated, with the label of every unit, and what the recorded cells of a circuit are then.

    Raises
    ------
    UserError
        For units without partner, and for properties of another number of cells than the circuit records.
    """
    dataset = validate(dataset.drop_vars(COMPARED_AS, errors="ignore"))
    matching = match_units(dataset, circuit.populations(), match, name_of(circuit))
    if matching.cells and len(matching.cells) != circuit.cells_per_realisation:
        raise UserError(
            f"{name_of(circuit)}.populations tells of {len(matching.cells)} cells, where a realisation "
            f"has {circuit.cells_per_realisation}: give one value for every row of the rates."
        )
    return matching.marked(dataset), matching


def _measured(train: xr.Dataset, matching: Matching, objective: AbstractObjective, settings: FitSettings) -> Measured:
    """The curves that a fit sees; of each label, if there are any."""
    rates = train["rate"].values
    if not matching.cells:
        if settings.label_weights:
            raise UserError("label_weights: all units are compared with all recorded cells, there are no labels.")
        return Measured.from_rates(rates)
    labels = np.zeros(len(rates), int)
    if COMPARED_AS in train.coords:
        labels = np.array([matching.names.index(name) for name in train[COMPARED_AS].values])
    counts = np.bincount(labels).tolist()
    weights = label_weights(objective, matching.names, counts, settings.label_weights)
    return Measured.from_rates(rates, labels, weights)


def at_conditions_of(dataset: xr.Dataset, circuit: AbstractCircuit) -> AbstractCircuit:
    """The circuit with the stimuli of a dataset, measured as they were; a `UserError` if it cannot take them."""
    trials = dataset["n_trials"].values[dataset["rate"].notnull().values] if "n_trials" in dataset else np.ones(1)
    known = trials[np.isfinite(trials)]
    mean = len(known) / np.sum(1 / known) if len(known) else 1.0  # harmonic: variances of trial averages add up
    try:
        return measured_like(circuit.at_conditions(features(dataset)), rate_unit(dataset), float(mean))
    except KeyError as error:
        there = ", ".join(features(dataset)) or "none at all"
        needed = f"{name_of(circuit)} needs the feature {error}"
        raise UserError(f"{needed}, and the data have {there}: name the features of the conditions.") from error
    except ValueError as error:
        raise UserError(str(error)) from error
