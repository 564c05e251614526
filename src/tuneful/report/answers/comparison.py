"""The page of a comparison of runs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tuneful.analysis.model_comparison import TOLD_APART
from tuneful.numbers import DASH, number
from tuneful.plot import scores
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, finding, good, open_question

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
    words = [pair["words"] for pair in table["pairs"]] if len(table["pairs"]) > 1 else []  # one is the answer
    found = Answered("Scores", LEAD, columns, [_row(run) for run in table["runs"]], [figure], words)
    return AnswerPage(
        title=f"comparison of {len(table['runs'])} runs",
        question="Which circuit predicts these neurons better?",
        answer=table["verdict"],
        facts=_facts(table),
        sections=[found],
        table={key: value for key, value in table.items() if key != "scores"},
        terms=[("Standard error", ERROR)],
        decides=_deciding(table),
    )


def _deciding(table: Mapping[str, Any]) -> list[Verdict]:
    """Which runs are worse than the best, and whether the scores are what they seem."""
    first, *others = table["runs"]
    found = [finding(f"{first['name']}: best score, {_score(first)}")]
    for run in others:
        words = f"{run['name']}: {'worse by' if _is_worse(run) else 'not told apart from it,'} {_worse(run)}"
        found.append(apart(words) if _is_worse(run) else open_question(words))
    refits = [refit for run in table["runs"] for refit in run["refits"] if refit["steps"] is not None]
    still = sum(refit["steps"] == 0 for refit in refits)
    if still:
        words = f"{still} of {len(refits)} refits took no step: their circuits have seen the units that judge them"
        found.append(apart(words))
    return found


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
    return [run["name"], _score(run), _worse(run) if run["difference_error"] else DASH, _verdict(run)]


def _score(run: Mapping[str, Any]) -> str:
    return f"{number(run['score'], 4)} ± {number(run['error'], 2)}"


def _worse(run: Mapping[str, Any]) -> str:
    return f"{number(run['difference'], 3)} ± {number(run['difference_error'], 2)}"


def _verdict(run: Mapping[str, Any]) -> Verdict:
    if not run["difference_error"]:
        return good("best score")
    return apart("worse") if _is_worse(run) else Verdict("unknown", "=", "as good")


def _is_worse(run: Mapping[str, Any]) -> bool:
    return run["difference"] > TOLD_APART * run["difference_error"]


def comparison_panel(table: Mapping[str, Any]) -> Panel:
    """The figure of a comparison."""
    said = "Differences of energy scores to the best run, with two standard errors"
    size = WIDE[0], scores.height(len(table["runs"]))
    paint = partial(scores.comparison, table)
    return Panel("How much worse than the best", "± 2 standard errors", paint, said, size=size)
