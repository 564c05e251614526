"""A fit and its folder: configuration, log, checkpoints, results and page around a fit without files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import xarray as xr
from threadpoolctl import threadpool_limits

from tuneful.curves.labels import each, in_one
from tuneful.descents import Moment, Observer, Outcome
from tuneful.errors import UserError
from tuneful.fitting.course import Course
from tuneful.fitting.evaluation import Prediction
from tuneful.fitting.fits import FitResult, FitTask, Recorder, run_course, with_one_step
from tuneful.fitting.history import History
from tuneful.fitting.tables import Findings, other_versions, results_table, versions
from tuneful.fitting.unconstrained import parameter_values
from tuneful.plain import plain
from tuneful.report import fit as fit_page
from tuneful.report.fit.content import ReportContent
from tuneful.runs.checkpoints import Checkpoints, StatesOf
from tuneful.runs.configuration import RunConfig, upgraded
from tuneful.runs.curves_source import digest
from tuneful.runs.finishing import FITTED, finishing, fitted_table
from tuneful.runs.folder import CONFIG, ONE_STEP_STATES, PAGE, RESULT, Place, RunFolder
from tuneful.runs.inference_files import discard_inference, discard_other_answers, inference_of
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.own_code import changed_code
from tuneful.runs.progress import Progress, Stopwatch, show_steps
from tuneful.settings import parse

START, END, PREDICTION, TRUTH = "start.nc", "result.nc", "prediction.nc", "prediction_truth.nc"


@dataclass(frozen=True, eq=False)
class FittedRun:
    """A fit that ended: its configuration, what it found, curves of it, and the content of result.json."""

    config: RunConfig
    result: FitResult
    findings: Findings
    table: dict[str, Any]


def execute_fit(
    task: FitTask,
    config: RunConfig,
    place: Place | None,
    history: History,
    progress: Progress,
    command: str | None = None,
    on_fitted: Callable[[FitResult], object] = lambda result: None,
) -> FittedRun:
    """Run a task to its end, in a folder or, without a place, in memory.

    `on_fitted` is told when the descent has ended, before anything is drawn or written of it that could fail.

    Raises
    ------
    UserError
        For a folder that cannot be used, or in which something else was run.
    KeyboardInterrupt
        If it was interrupted; its state is saved by then if there is a folder.
    """
    progress.note(task.remarks)
    course = task.course()
    config = config.model_copy(update={"versions": versions()})
    if place is None:
        return _execute(task, course, config, None, history, progress, command, on_fitted)
    folder = place.folder
    if not place.goes_on:
        folder.refuse(place.overwrite)
    with folder.lock():
        if place.goes_on:
            config = _gone_on_with(folder, task, config, progress)
        else:
            folder.prepare(place.overwrite)
            write_setup(folder, task, config)
        return _execute(task, course, config, folder, history, progress, command, on_fitted)


def _execute(
    task: FitTask,
    course: Course,
    config: RunConfig,
    folder: RunFolder | None,
    history: History,
    progress: Progress,
    command: str | None,
    on_fitted: Callable[[FitResult], object],
) -> FittedRun:
    keeper = None if folder is None else Checkpoints(folder.checkpoints, task.settings.checkpoint_every)
    clock = Stopwatch() if keeper is None else lambda: keeper.clock()  # the keeper's is set back where a run goes on
    recorder = Recorder(task, course, history, clock)
    observers: list[Observer] = [] if folder is None else [_Log(folder, recorder)]
    observers.append(asked_to_stop)
    observers.append(_Bar(progress, recorder, course.stopping.max_steps + course.refining.steps))
    # Devices share the cores: the threads of a factorisation on one would wait for those of another.
    with threadpool_limits(1 if len(jax.devices()) > 1 else None, "blas"):
        result = run_course(task, course, recorder, keeper=keeper, observers=observers)
        result, states = _with_one_step(result, folder, progress)
    seconds = clock()
    if result.ending.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    if result.ending.outcome.is_broken:
        progress.say(str(result.ending))
    on_fitted(result)
    with finishing(folder, "fit.params_" if folder is None else FITTED):
        if folder is not None:
            folder.write_json(FITTED, fitted_table(result))
        progress.say("drawing curves of the fitted circuit")
        settings = {name: value for name, value in config.written().items() if name != "versions"}
        about = {
            "command": command,
            "data": config.data.name,
            "settings": settings,
            "wall_seconds": round(seconds, 3),
        }
        run = _reported(result, config, about)
        if folder is not None:
            write_findings(folder, task, history, run.findings, run.table)
            folder.discard(FITTED)
        if states is not None:
            states.discard()
    return run


def _with_one_step(
    result: FitResult, folder: RunFolder | None, progress: Progress
) -> tuple[FitResult, StatesOf | None]:
    """Take the steps of a learned score, if asked to; in a folder, with states to go on from after a kill."""
    settings = result.task.settings
    if not settings.one_step or result.ending.outcome is Outcome.INTERRUPTED:
        return result, None
    asked = settings.score_realisations, settings.score_spread, parameter_values(result.circuit), result.task.seed
    states = None if folder is None else StatesOf(folder.path / ONE_STEP_STATES, plain(asked))
    observers = [asked_to_stop, show_steps(progress)]
    return with_one_step(result, keeper=states, observers=observers), states


def _reported(result: FitResult, config: RunConfig, about: dict[str, Any]) -> FittedRun:
    findings = Findings.of(result)
    table = results_table(result, findings, about)
    table["warnings"] += other_versions(config.versions)
    return FittedRun(config, result, findings, table)


def report_content(
    measured: xr.Dataset,
    history: History,
    findings: Findings,
    table: dict[str, Any],
    inference: dict[str, Any] | None = None,
) -> ReportContent:
    """What the page of a fit to `measured` curves shows; `inference` is the content of inference.json."""
    labels = list(table.get("labels", ()))
    at_start = each(table["statistics"], labels, lambda rows: {name: row["ks_start"] for name, row in rows.items()})
    prediction = findings.prediction
    return ReportContent(
        result=table,
        steps=history.steps,
        evaluations=[{"step": 0, "statistics": at_start}, *history.evaluations],
        measured=measured,
        start=findings.start,
        end=findings.end,
        prediction=None if prediction is None else prediction.fitted,
        prediction_truth=None if prediction is None else prediction.truth,
        inference=inference,
    )


def write_findings(
    folder: RunFolder, task: FitTask, history: History, findings: Findings, table: dict[str, Any]
) -> None:
    """Write what was found; result.json comes last and marks the run as finished.

    What was computed of another answer, which the run had before, is removed.
    """
    inference = inference_of(folder, table)
    if inference is None:
        discard_inference(folder)
    discard_other_answers(folder, table)
    for name, curves in _curves(findings).items():
        if curves is None:
            folder.discard(name)  # of a run that was asked for more before
        else:
            folder.write_dataset(name, curves)
    if task.settings.page:
        with folder.writing(PAGE) as path:
            fit_page.write_report(report_content(task.dataset, history, findings, table, inference), path)
    else:
        folder.discard(PAGE)
    folder.write_json(RESULT, table)


def read_findings(folder: RunFolder, table: dict[str, Any]) -> tuple[History, Findings]:
    """Read what `write_findings` wrote."""
    start, end, fitted, truth = (
        folder.read_dataset(name) if folder.has(name) else None for name in (START, END, PREDICTION, TRUTH)
    )
    if start is None or end is None:
        raise UserError(f"{folder.path} lacks {START if start is None else END}: resume the run to make it again.")
    prediction = None if fitted is None else Prediction(fitted, truth)
    findings = Findings(start, end, prediction, table.get("stability"), table.get("places"))
    return History(folder.read_metrics()), findings


def _curves(findings: Findings) -> dict[str, xr.Dataset | None]:
    """The files of curves."""
    prediction = findings.prediction
    fitted, truth = (None, None) if prediction is None else (prediction.fitted, prediction.truth)
    return {START: findings.start, END: findings.end, PREDICTION: fitted, TRUTH: truth}


def write_setup(folder: RunFolder, task: FitTask, config: RunConfig) -> None:
    """Write what a run begins with."""
    folder.write_dataset("data.nc", task.dataset)
    folder.write_json(CONFIG, config.written())


def read_run_config(folder: RunFolder) -> RunConfig:
    """Read the configuration of a fit.

    Raises
    ------
    UserError
        If the folder is of something else.
    """
    if folder.kind() != "fit":
        raise UserError(f"{folder.path} is not the folder of a fit.")
    folder.refuse_damage()
    return parse(RunConfig, upgraded(folder.read_json(CONFIG), str(folder.path / CONFIG)), str(folder.path / CONFIG))


def _gone_on_with(folder: RunFolder, task: FitTask, config: RunConfig, progress: Progress) -> RunConfig:
    """The configuration with which a run goes on.

    Raises
    ------
    UserError
        If it was asked differently.
    """
    with folder.reading():
        before = read_run_config(folder)
    changed = config.changes(before)
    if "data.sha256" in changed:
        raise UserError(f"The run in {folder.path} was started with other curves: choose another --out.")
    if sentences := changed_code(config.code, before.code):
        raise UserError(f"{sentences[0]} Bring it back, or choose another --out than {folder.path}.")
    folder.refuse_changes(changed)
    if digest(folder.read_dataset("data.nc")) != digest(task.dataset):
        raise UserError(f"{folder.path / 'data.nc'} does not hold the curves of the run: put the original back.")
    folder.go_on()
    config = config.model_copy(update={"data": before.data, "versions": before.versions})
    progress.note(other_versions(config.versions))
    folder.write_json(CONFIG, config.written())
    return config


class _Log:
    """An observer that writes the lines of the recorder into the folder."""

    def __init__(self, folder: RunFolder, recorder: Recorder):
        self._folder, self._recorder = folder, recorder

    def __call__(self, moment: Moment) -> None:
        if moment.record is None:  # the log up to here, if a run goes on
            self._recorder.history.add(self._folder.read_metrics(until=moment.steps))
            self._folder.rewrite_metrics(self._recorder.history.lines())
        if self._recorder.latest:
            self._folder.append_metrics(plain(self._recorder.latest))


class _Bar:
    """An observer that shows the lines of the recorder."""

    def __init__(self, progress: Progress, recorder: Recorder, total: int):
        self._progress, self._recorder, self._total = progress, recorder, total

    def __call__(self, moment: Moment) -> None:
        if moment.record is None:
            self._progress.begin(moment.steps, self._total)
        for line in self._recorder.latest:
            if "statistics" in line:
                self._progress.evaluated(line["step"], in_one(line["statistics"], self._recorder.labels))
            else:
                self._progress.now_and_then(line["step"], f"loss {line['loss']:.4g}")
