"""What `tuneful infer` does, once its options are read."""

from pathlib import Path
from typing import Any

from tuneful.analysis.inference_settings import InferenceSettings
from tuneful.cli import commands
from tuneful.errors import UserError
from tuneful.report.fit.summary import inference_summary
from tuneful.runs.estimator import Fit
from tuneful.runs.fit_run import read_run_config
from tuneful.runs.folder import INFERENCE_SETTINGS, PAGE, RunFolder
from tuneful.runs.infer_run import execute_inference
from tuneful.runs.interrupts import expect_run
from tuneful.runs.progress import Progress
from tuneful.settings import parse


def run_infer(
    path: Path, asked: dict[str, Any], circuit: str | None, objective: str | None, resume: bool, overwrite: bool
) -> Path:
    """Find intervals as the command line asks, and print them; return the path of the report."""
    given = {name: value for name, value in asked.items() if value is not None}
    settings, folder = parse(InferenceSettings, given, "command line"), RunFolder(path)
    if folder.kind() != "fit":
        raise UserError(f"{path} is not the folder of a fit, and intervals are those of fitted parameters.")
    commands.set_up_jax()
    with folder.reading():
        commands.compute_in(read_run_config(folder).precision)
        fit = Fit.load(path, circuit, objective)
    expect_run(path / INFERENCE_SETTINGS, resume)
    with Progress(show=True) as progress:
        table = execute_inference(fit, folder, settings, resume, overwrite, progress)
    print(inference_summary(table))
    return path / PAGE
