"""The page of a test of a circuit, and what terminals show of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tuneful.curves.comparison import is_rejected
from tuneful.numbers import number, percent
from tuneful.plot import scores
from tuneful.plot.naming import label
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, good, some_of

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
    parts = [[label(row["name"]), *_numbers(row), *_judged(row["adjusted"])] for row in table["parts"][:SHOWN]]
    of_parts = ("", "KS", "Mean of sets", "p", "Adjusted p", "Verdict")
    columns, figure = ("", "Measured", "5 % of sets above", "p", "Verdict"), goodness_panel(table)
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
            Answered("The circuit as a whole", LEAD, columns, whole, [figure]),
            Answered("Statistics and conditions", WHERE, of_parts, parts),
        ],
        table={key: value for key, value in table.items() if key != "simulated"},
        terms=[
            (
                "Energy distance",
                "Of two sets of curves, estimated without bias, so that small ones can be negative.",
            ),
            ("p", "The chance of a value as large as the measured one if the circuit had made the units."),
            ("Classifier", "The majority of the five nearest other curves: a measured unit or a generated curve?"),
        ],
        decides=_deciding(table),
    )


def _deciding(table: Mapping[str, Any]) -> list[Verdict]:
    """The two tests of the whole and that of the parts, each with its number and the one that it is held against."""
    classifier, parts = table["classifier"], table["parts"]
    as_sets = f"5 % of {table['sets']} simulated sets are above"
    distance = f"energy distance {number(table['distance'])}; {as_sets} {number(table['critical_distance'])}"
    accuracy = f"right in {percent(classifier['accuracy'])} of cases; {as_sets} {percent(classifier['critical'])}"
    failing = [label(row["name"]) for row in parts if is_rejected(row["adjusted"])]
    least = min((row["adjusted"] for row in parts), default=1.0)
    return [
        apart(f"Farther from the circuit than its own curves: {distance}")
        if is_rejected(table["p_value"])
        else good(f"As near to the circuit as its own curves: {distance}"),
        apart(f"A classifier tells units from generated curves: {accuracy}")
        if is_rejected(classifier["p_value"])
        else good(f"A classifier cannot tell units from generated curves: {accuracy}"),
        apart(f"{len(failing)} of {len(parts)} statistics and conditions differ: {some_of(failing)}")
        if failing
        else good(f"None of {len(parts)} statistics and conditions differs: adjusted p {number(least, 2)} or more"),
    ]


def _numbers(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return number(row["ks"]), number(row["expected"]), number(row["p_value"], 2)


def _judged(p: float) -> tuple[str, Verdict]:
    return number(p, 2), apart("differs") if is_rejected(p) else good("as expected")


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
