"""The page of a comparison of runs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tuneful.numbers import DASH, number
from tuneful.plot import scores
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, good

LEAD = (
    "The energy score of a unit x under curves y of a circuit is E|x − y| − E|y − y′|/2: the lower the better, and "
    "lowest in expectation for the circuit that the unit comes from. Curves are seen as whitened logarithms of "
    "rates, through the missing conditions of the unit. No unit was part of the fit that it judges."
)
ERROR = (
    "Over units or clusters of them, and of the simulation of curves. Fits to different folds share most of their "
    "units, which is not part of it."
)


def comparison_page(table: Mapping[str, Any]) -> AnswerPage:
    """The page of a comparison; `table` is the content of compare.json."""
    figure = comparison_panel(table)
    columns = ("Run", "Energy score", "Worse than the best by", "Verdict")
    words = [pair["words"] for pair in table["pairs"]]
    found = Answered("Scores", LEAD, columns, [_row(run) for run in table["runs"]], [figure], words)
    return AnswerPage(
        title=f"comparison of {len(table['runs'])} runs",
        question="Which circuit predicts these neurons better?",
        answer=table["verdict"],
        facts=_facts(table),
        sections=[found],
        table={key: value for key, value in table.items() if key != "scores"},
        terms=[("Standard error", ERROR)],
    )


def _facts(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    clusters = table["clusters"]
    who = f"{table['units']} units" + (f", {clusters['number']} clusters by {clusters['name']}" if clusters else "")
    how = f"cross-fitted, {table['folds']} folds" if table["folds"] else "held out by all runs"
    data = next((about["data"] for about in table.get("circuits", ())), DASH)
    return [
        ("Data", str(data)),
        ("Units", f"{who}, {how}"),
        ("Runs", ", ".join(run["path"] for run in table["runs"])),
    ]


def _row(run: Mapping[str, Any]) -> list[str | Verdict]:
    worse = f"{number(run['difference'], 3)} ± {number(run['difference_error'], 2)}"
    score = f"{number(run['score'], 4)} ± {number(run['error'], 2)}"
    return [run["name"], score, worse if run["difference_error"] else DASH, _verdict(run)]


def _verdict(run: Mapping[str, Any]) -> Verdict:
    if not run["difference_error"]:
        return good("best score")
    return apart("worse") if run["difference"] > 2 * run["difference_error"] else Verdict("unknown", "=", "as good")


def comparison_panel(table: Mapping[str, Any]) -> Panel:
    """The figure of a comparison."""
    said = "Differences of energy scores to the best run, with two standard errors"
    size = WIDE[0], scores.height(len(table["runs"]))
    paint = partial(scores.comparison, table)
    return Panel("How much worse than the best", "± 2 standard errors", paint, said, size=size)
