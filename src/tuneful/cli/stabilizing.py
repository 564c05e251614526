"""What `tuneful stabilize` does, once its options are read."""

from pathlib import Path
from typing import Any

from tuneful.cli.commands import command_line
from tuneful.report.fit.summary import stabilize_summary
from tuneful.report.soc.wording import scalar_lines
from tuneful.runs.folder import CONFIG
from tuneful.runs.interrupts import expect_run
from tuneful.runs.progress import Progress
from tuneful.runs.running import run
from tuneful.runs.stabilize_config import StabilizeConfig, config_from


def run_stabilize(asked: dict[str, Any], out: Path | None, resume: bool, overwrite: bool) -> tuple[Path, bool]:
    """Stabilise as the command line asks; return the path of the report, and whether the target was reached."""
    config = config_from(asked)
    out = out or Path("runs") / f"soc-{_name(config)}"
    expect_run(out / CONFIG, resume)
    progress = Progress(show=True)
    done = run(config, out, resume=resume, overwrite=overwrite, progress=progress, command=command_line())
    print(stabilize_summary(done.table, scalar_lines(done.table)))
    return out / "report.html", done.circuit.outcome.is_success


def _name(config: StabilizeConfig) -> str:
    return str(config.seed) if config.weights is None else Path(config.weights).stem
