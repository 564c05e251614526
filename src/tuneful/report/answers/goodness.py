"""The page of a test of a circuit, and what terminals show of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tuneful.numbers import number
from tuneful.plot import scores
from tuneful.plot.scores import LEVEL
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, good

SHOWN = 40  # statistics and conditions in the table, those that fail most
LEAD = (
    "The energy distance of the units to the circuit, at its lowest over all parameters, against that of sets of as "
    "many curves that the circuit made itself, for each of which parameters were estimated in the same way."
)
WHERE = (
    "Kolmogorov–Smirnov distances of single statistics and of rates in single conditions, each against the same "
    "simulated sets. Adjusted p-values allow for how many there are."
)


def goodness_page(table: Mapping[str, Any]) -> AnswerPage:
    """The page of a test; `table` is the content of goodness.json."""
    classifier = table["classifier"]
    distance = number(table["distance"]), number(table["critical_distance"]), *_judged(table["p_value"])
    accuracy = number(classifier["accuracy"]), number(classifier["critical"]), *_judged(classifier["p_value"])
    whole = [("Energy distance", *distance), ("Accuracy of a classifier", *accuracy)]
    parts = [
        [
            row["name"],
            number(row["ks"]),
            number(row["expected"]),
            number(row["p_value"], 2),
            *_judged(row["adjusted"]),
        ]
        for row in table["parts"][:SHOWN]
    ]
    figure = goodness_panel(table)
    return AnswerPage(
        title=f"test of {table['circuit']}",
        question="Could this circuit have produced these neurons?",
        answer=table["verdict"],
        facts=[
            ("Circuit", table["circuit"]),
            ("Data", f"{table['data']} ({table['units']} units{', held out' * table['held_out']})"),
            ("Simulated", f"{table['sets']} sets"),
        ],
        sections=[
            Answered(
                "The circuit as a whole", LEAD, ("", "Measured", "5 % of sets above", "p", "Verdict"), whole, [figure]
            ),
            Answered("Where it fails", WHERE, ("", "KS", "Mean of sets", "p", "Adjusted p", "Verdict"), parts),
        ],
        table={key: value for key, value in table.items() if key != "simulated"},
        terms=[
            (
                "p",
                "The chance of a value as large as the measured one if the circuit had made the units.",
            ),
            ("Classifier", "The majority of the five nearest other curves: a measured unit or a generated curve?"),
        ],
    )


def _judged(p: float) -> tuple[str, Verdict]:
    return number(p, 2), apart("differs") if p < LEVEL else good("as expected")


def goodness_panel(table: Mapping[str, Any]) -> Panel:
    """The figure of a test: simulated distances, with a line at the measured one."""
    said = "Energy distances of simulated sets and of the measured units to the circuit"
    note = "simulated sets, and the measured units"
    return Panel("Distances", note, partial(scores.goodness, table), said, size=WIDE)


def goodness_summary(table: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    classifier = table["classifier"]
    whole = {
        "energy distance": (table["distance"], table["critical_distance"], table["p_value"]),
        "accuracy of a classifier": (classifier["accuracy"], classifier["critical"], classifier["p_value"]),
    }
    lines = [f"{'':<34}{'measured':>10}{'5 % above':>11}{'p':>8}"]
    lines += [f"{name:<34}{found:>10.4f}{line:>11.4f}{p:>8.3f}" for name, (found, line, p) in whole.items()]
    lines.append(f"{'where':<34}{'KS':>10}{'mean':>11}{'p':>8}{'adjusted':>10}")
    for row in table["parts"][:8]:
        numbers = f"{row['ks']:>10.3f}{row['expected']:>11.3f}{row['p_value']:>8.3f}{row['adjusted']:>10.3f}"
        lines.append(f"{row['name']:<34}{numbers}")
    sets = f"{table['units']} units against {table['sets']} simulated sets"
    return "\n".join([*lines, sets, table["verdict"]])
