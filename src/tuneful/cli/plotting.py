"""What `tuneful plot` does, once its options are read."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tuneful import plot
from tuneful.cli.analyze import content_of_file, content_of_run
from tuneful.cli.pages import refuse_existing
from tuneful.errors import UserError
from tuneful.plot.selection import unit_labels
from tuneful.plot.sheets import FORMATS, Panel, sheet, write_figure
from tuneful.plot.style import WIDE
from tuneful.readers import load
from tuneful.readers.weights import holds_network
from tuneful.report.answers.comparison import comparison_panel
from tuneful.report.answers.design import design_panel
from tuneful.report.answers.goodness import goodness_panel
from tuneful.report.answers.predictions import predictions_panels
from tuneful.report.fit.pictures import OF_UNITS
from tuneful.report.fit.pictures import pictures as fit_pictures
from tuneful.report.pictures import Pictures, panels_of
from tuneful.report.soc.panels import pictures as soc_pictures
from tuneful.runs.compare_config import KIND as COMPARISON
from tuneful.runs.compare_run import COMPARED
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import DESIGN, GOODNESS, INFERENCE, PREDICTIONS, RunFolder
from tuneful.runs.stabilize_config import KIND as STABILIZED

OVERVIEW = "overview"
OF_WEIGHTS = ("spectra", "weights", "energies", "activity", "transients")
ANSWERS = {
    "goodness": ("goodness", GOODNESS, lambda table: [goodness_panel(table)]),
    "design": ("design", DESIGN, lambda table: [design_panel(table)]),
    "predictions": ("predict", PREDICTIONS, predictions_panels),
}  # the command, its file and what is shown of that
INTERVALS = "inference"


def run_plot(
    source: Path,
    what: str,
    out: Path,
    only: Sequence[str],
    overwrite: bool,
    circuit: str | None = None,
    objective: str | None = None,
) -> Path:
    """Write one picture of a run, or of a file of curves or weights; return its path.

    Raises
    ------
    UserError
        One sentence on what is wrong with the source, the plot or the file.
    """
    if out.suffix.lower() not in FORMATS:
        raise UserError(f"Pictures are {', '.join(FORMATS)} files, and {out.name or out} is none: change its ending.")
    if not out.absolute().parent.is_dir():
        raise UserError(f"There is no folder {out.parent} for the picture.")
    refuse_existing(out, overwrite)
    if not source.exists():
        raise UserError(f"There is no run folder or file {source}.")
    pictures = _of_run(source, what, only, circuit, objective) if source.is_dir() else _of_file(source, what, only)
    write_figure(sheet(panels_of(pictures, what, only)), out)
    return out


def _of_run(path: Path, what: str, only: Sequence[str], circuit: str | None, objective: str | None) -> Pictures:
    folder = RunFolder(path)
    kind = folder.kind()
    with folder.reading():
        if kind == STABILIZED:
            return soc_pictures(content_of_run(path))
        if kind == COMPARISON:
            folder.refuse_damage()
            table = folder.read_json(COMPARED)
            return dict.fromkeys((OVERVIEW, "comparison"), lambda: [comparison_panel(table)])
        if what in ANSWERS:
            command, file, panels = ANSWERS[what]
            if not folder.has(file):
                raise UserError(f"{path} has no {what}: `tuneful {command} {path}` comes first.")
            answer = folder.read_json(file)
            return {what: lambda: panels(answer)}
        if what == INTERVALS and not folder.has(INFERENCE):
            raise UserError(f"{path} has no {what}: `tuneful infer {path}` comes first.")
        fit = Fit.load(path, circuit, objective)
        return fit_pictures(fit.content(), only if what in OF_UNITS else ())


def _of_file(path: Path, what: str, only: Sequence[str]) -> Pictures:
    """Weights of a file, where the plot is one of weights or the file holds some, or curves."""
    if what in OF_WEIGHTS or (what == OVERVIEW and holds_network(path)):
        return soc_pictures(content_of_file(path, None, None))
    data = load(path)
    names = unit_labels(data)
    several = Panel(path.name, "a few units", partial(plot.curves, data), "Curves", size=WIDE)
    one_each = [Panel(f"Unit {u}", "", partial(plot.curves, data, u), f"Curve of {u}", name=u) for u in names]
    everyone = Panel(path.name, f"{len(names)} units", partial(plot.population, data), "Population", size=WIDE)
    return {
        "curves": lambda: one_each if only else [several],
        "population": lambda: [everyone],
        OVERVIEW: lambda: [everyone, several],
    }
