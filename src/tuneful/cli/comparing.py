"""What `tuneful compare`, `places`, `goodness`, `design` and `predict` do, once their arguments are read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneful.cli import commands
from tuneful.cli.beside import names_apart
from tuneful.errors import UserError
from tuneful.plain import plain
from tuneful.report.answers.design import design_summary
from tuneful.report.answers.goodness import goodness_summary
from tuneful.report.answers.predictions import predictions_summary
from tuneful.runs.asked_conditions import as_conditions
from tuneful.runs.compare_config import CompareConfig
from tuneful.runs.compare_run import as_compared, execute_comparison
from tuneful.runs.design_run import OPTION, DesignSettings, execute_design
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import CONFIG, DESIGN_PAGE, GOODNESS_PAGE, PAGE, PREDICTIONS_PAGE, Place, RunFolder
from tuneful.runs.goodness_run import execute_goodness
from tuneful.runs.interrupts import expect_run
from tuneful.runs.own_code import made
from tuneful.runs.places_run import places_of
from tuneful.runs.predict_run import OPTION as CONDITIONS
from tuneful.runs.predict_run import PredictSettings, execute_predictions
from tuneful.runs.progress import Progress
from tuneful.settings import parse
from tuneful.solvers.precision import computing_in


def run_compare(
    runs: Sequence[Path],
    out: Path,
    asked: Mapping[str, Any],
    code: Mapping[str, Sequence[str]],
    place: Mapping[str, bool],
) -> Path:
    """Compare runs as the command line asks; return the path of the page.

    Parameters
    ----------
    runs, out
        Folders of finished fits, and that of the comparison.
    asked
        Settings of `CompareConfig`.
    code
        Places of circuits and objectives of one's own, by kind: they are imported.
    place
        ``resume`` and ``overwrite``.
    """
    begin(code)
    read = [as_compared(path) for path in runs]
    config = parse(CompareConfig, {"runs": [run for _, run in read]} | dict(asked), "compare")
    expect_run(out / CONFIG, place["resume"])
    with Progress(show=True) as progress:
        fits = [fit for fit, _ in read]
        table = execute_comparison(fits, config, Place(RunFolder(out), **place), progress, commands.command_line())
    print(comparison_summary(table))
    return out / PAGE


def run_places(runs: Sequence[Path], asked: Mapping[str, Any], code: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Say which run has the lowest loss; return what was found. `asked` has ``seed`` and ``curves``."""
    begin(code)
    fits = dict(zip(names_apart(runs), map(loaded, runs), strict=True))
    with computing_in(next(iter(fits.values())).config_.precision):
        return plain(places_of(fits, **asked).table())


def run_goodness(run: Path, asked: dict[str, Any], code: Mapping[str, Sequence[str]]) -> Path:
    """Test the circuit of a run; return the path of the page. `asked` as in `execute_goodness`, `code` as above."""
    print(goodness_summary(_answered(execute_goodness, run, asked, code)))
    return run / GOODNESS_PAGE


def run_design(
    run: Path, candidates: Sequence[str], asked: dict[str, Any], code: Mapping[str, Sequence[str]]
) -> Path:
    """Choose conditions for a run; return the path of the page. `asked` are settings of `DesignSettings`."""
    settings = parse(DesignSettings, asked | {"candidates": as_conditions(candidates, OPTION)}, "design")
    print(design_summary(_answered(execute_design, run, settings, code)))
    return run / DESIGN_PAGE


def run_predict(
    run: Path,
    conditions: Sequence[str],
    inputs: Sequence[str],
    asked: dict[str, Any],
    code: Mapping[str, Sequence[str]],
) -> Path:
    """Predict with bands for a run; return the path of the page. `asked` are settings of `PredictSettings`."""
    each = as_conditions(inputs, "--input")
    if more := next((name for name, values in each.items() if len(values) > 1), None):
        raise UserError(f"--input {more}: one number for each type of cells, such as --input {more}=1.")
    asked |= {"conditions": as_conditions(conditions, CONDITIONS)}
    asked |= {"input": {name: value for name, (value,) in each.items()} or None}
    settings = parse(PredictSettings, asked, "predict")
    print(predictions_summary(_answered(execute_predictions, run, settings, code)))
    return run / PREDICTIONS_PAGE


def _answered(
    execute: Callable[..., dict[str, Any]], run: Path, asked: Any, code: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Ask something of a finished run: what `execute` finds, which writes it into the folder."""
    begin(code)
    fit = loaded(run)
    with Progress(show=True) as progress, computing_in(fit.config_.precision):
        return execute(run, fit, asked, progress, commands.command_line())


def begin(code: Mapping[str, Sequence[str]]) -> None:
    """Set JAX up, and import circuits and objectives of one's own from their places, by kind."""
    commands.set_up_jax()
    for kind, places in code.items():
        for one in places:
            made(kind, one)  # type: ignore[arg-type]


def loaded(run: Path) -> Fit:
    """The fit of a finished run; a `UserError` for any other folder."""
    with RunFolder(run).reading():
        return Fit.load(run)


def comparison_summary(table: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    width = max(12, *(len(run["name"]) + 2 for run in table["runs"]))
    lines = [f"{'run':<{width}}{'energy score':>14}{'':>3}{'worse than the best by':>26}"]
    for run in table["runs"]:
        apart = f"{run['difference']:.4f} ± {run['difference_error']:.4f}" if run["difference_error"] else "-"
        lines.append(f"{run['name']:<{width}}{run['score']:>14.4f}{'':>3}{apart:>26}")
    who = table["clusters"]
    over = f"{table['units']} units" + (f" in {who['number']} clusters ({who['name']})" if who else "")
    how = f"cross-fitted in {table['folds']} folds" if table["folds"] else "held out by all runs"
    return "\n".join([*lines, f"{over}, {how}; ± one standard error", table["verdict"]])
