"""What `tuneful compare` does, once its arguments are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneful.cli import commands
from tuneful.runs.compare_config import CompareConfig
from tuneful.runs.compare_run import as_compared, execute_comparison
from tuneful.runs.folder import CONFIG, PAGE, Place, RunFolder
from tuneful.runs.interrupts import expect_run
from tuneful.runs.own_code import made
from tuneful.runs.progress import Progress
from tuneful.settings import parse


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
    commands._set_up_jax()
    for kind, places in code.items():
        for one in places:
            made(kind, one)  # type: ignore[arg-type]
    read = [as_compared(path) for path in runs]
    config = parse(CompareConfig, {"runs": [run for _, run in read]} | dict(asked), "compare")
    expect_run(out / CONFIG, place["resume"])
    with Progress(show=True) as progress:
        fits = [fit for fit, _ in read]
        table = execute_comparison(fits, config, Place(RunFolder(out), **place), progress, commands.command_line())
    print(comparison_summary(table))
    return out / PAGE


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
