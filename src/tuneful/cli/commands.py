"""What `tuneful fit`, `simulate` and `report` do, once their arguments are read."""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.observation import known_to, taken_apart
from tuneful.circuits.parameters import value_of
from tuneful.cli.analyze import write_run_page
from tuneful.cli.pages import put_page, refuse_existing, refuse_page
from tuneful.descents import Outcome
from tuneful.errors import UserError
from tuneful.fitting.checks import check_size
from tuneful.fitting.simulation import simulate
from tuneful.readers import save
from tuneful.registry import build, circuits, modern_names
from tuneful.report.fit.summary import fit_summary
from tuneful.runs.compare_config import KIND as COMPARISON
from tuneful.runs.compare_run import write_comparison_page
from tuneful.runs.configuration import RunConfig
from tuneful.runs.curves_source import at_known_truth, circuit_of_truth
from tuneful.runs.estimator import Fit
from tuneful.runs.fit_run import read_run_config
from tuneful.runs.folder import CONFIG, PAGE, RESULT, RunFolder
from tuneful.runs.interrupts import expect_run
from tuneful.runs.jax_setup import set_up_jax
from tuneful.runs.presets import resolve
from tuneful.runs.progress import Progress
from tuneful.runs.running import run
from tuneful.runs.stabilize_config import KIND


def run_fit(
    model: str,
    asked: dict[str, Any],
    out: Path | None,
    overrides: Sequence[str],
    start_from: Path | None,
    resume: bool,
    overwrite: bool,
) -> tuple[Path, bool]:
    """Fit as the command line asks; return the path of the report, and whether the fit broke off."""
    set_up_jax()
    config = resolve(model, asked, overrides)
    compute_in(config.precision)
    if start_from is not None:
        config = _started_from(config, start_from)
    out = out or Path("runs") / f"{config.circuit['name']}-{config.seed}"
    expect_run(out / CONFIG, resume)
    progress = Progress(show=True)
    fit = run(config, out, resume=resume, overwrite=overwrite, progress=progress, command=command_line())
    print(fit_summary(fit.result_))
    return out / (PAGE if config.fit.page else RESULT), Outcome(fit.result_["outcome"]).is_broken


def command_line() -> str:
    """The command that does this again, from the beginning."""
    return shlex.join(["tuneful", *(word for word in sys.argv[1:] if word != "--resume")])


def compute_in(precision: str) -> None:
    """Use the precision of a configuration from here on, "float32" or "float64"."""
    jax.config.update("jax_enable_x64", precision == "float64")


def _started_from(config: RunConfig, earlier_run: Path) -> RunConfig:
    """The configuration, with the circuit at the fitted parameters of an earlier run."""
    earlier = Fit.load(earlier_run)
    circuit = config.observed(build("circuit", circuits(), config.circuit))
    if type(taken_apart(earlier.circuit_)[0]) is not type(taken_apart(circuit)[0]):
        raise UserError(f"{earlier_run} fitted another circuit ({earlier.circuit_.label}): it cannot start this fit.")
    return config.with_circuit(circuit.with_values(known_to(circuit, earlier.params_)))


def run_simulate(
    model: str, out: Path, n: int, seed: int, overrides: Sequence[str], earlier: Path | None, overwrite: bool
) -> str:
    """Write a simulated dataset."""
    refuse_existing(out, overwrite)
    if earlier is not None and overrides:
        raise UserError("The circuit of a run has its own settings: leave out either --set or --run.")
    set_up_jax()
    config = resolve(model, {}, overrides) if earlier is None else read_run_config(RunFolder(earlier))
    compute_in(config.precision)
    circuit = _asked_circuit(model, config) if earlier is None else Fit.load(earlier, model).circuit_
    check_size(circuit, {"n": n})
    dataset = simulate(circuit, n, jax.random.key(seed))
    save(dataset, out)
    return f"{dataset.sizes['unit']} curves in {dataset.sizes['condition']} conditions: {out}"


def _asked_circuit(model: str, config: RunConfig) -> AbstractCircuit:
    """The circuit as configured; what nobody set is as in the simulated data of a fit, not as where a fit starts."""
    start = modern_names("circuit", circuits(), resolve(model, {}, []).circuit)
    configured = modern_names("circuit", circuits(), config.circuit)
    asked = {name: value for name, value in configured.items() if value != start.get(name)}
    circuit = build("circuit", circuits(), circuit_of_truth(config) | asked)
    values = {name: value_of(circuit, name) for name in circuit.parameters() if name in asked}
    return config.observed(at_known_truth(circuit, config.data.truth).with_values(values))


def run_report(
    folders: Sequence[Path],
    out: Path | None,
    overwrite: bool,
    circuit: str | None = None,
    objective: str | None = None,
) -> Path:
    """Write the report of a finished run again, or one page of several."""
    folder, *others = folders
    if others and (circuit or objective):
        raise UserError("--circuit and --objective are for the page of one run: leave them out.")
    if others:
        from tuneful.cli.beside import run_reports

        return run_reports(folders, out, overwrite)
    kind, page = RunFolder(folder).kind(), out or folder / PAGE
    is_fit = kind not in (KIND, COMPARISON)
    if not is_fit and (circuit or objective):
        raise UserError(f"{folder} is no fit: --circuit and --objective do not apply to it.")
    refuse_page(page, overwrite)
    with RunFolder(folder).reading():
        of_others = partial(write_comparison_page if kind == COMPARISON else write_run_page, folder)
        write = Fit.load(folder, circuit, objective).report if is_fit else of_others
        put_page(page, overwrite, write)
    return page
