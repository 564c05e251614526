"""The page of a design, and what terminals show of it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tuneful.numbers import count, number, percent
from tuneful.plot import scores, strips
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, finding, good, open_question, some_of

LEAD = (
    "Every candidate alone, beside the present conditions: the standard error of unconstrained parameters "
    "(logarithms of positive ones), as a geometric mean, that the curves would leave."
)
OF_PREDICTION = (
    "Every candidate alone, beside the present conditions: the standard error of what is predicted that the curves "
    "would leave (delta method), in its own unit."
)
LITTLE = 0.05  # of a standard error
HALF = 0.5  # of a variance: the assumed one of a parameter is 1


def design_page(table: Mapping[str, Any]) -> AnswerPage:
    """The page of a design; `table` is the content of design.json."""
    chosen = [row["name"] for row in table["chosen"]]
    ranking = [[row["name"], number(row["error"]), _chosen(row["name"], chosen)] for row in table["candidates"]]
    errors = [[row["name"], number(row["now"]), number(row["then"])] for row in table["errors"]]
    linear = table.get("linear")
    lead = LEAD if linear is None else f"{OF_PREDICTION} {explained(linear)}"
    sections = [
        Answered("Candidates", lead, ("", "Standard error", "Chosen"), ranking, [design_panel(table)]),
        Answered("Parameters", "Standard errors before and after.", ("", "Now", "With the chosen"), errors),
    ]
    if table["plans"]:
        plans = [[str(p["conditions"]), f"{p['units']:.0f}", number(p["error"])] for p in table["plans"]]
        lead = "The same cost, for more units or for more conditions."
        sections.append(Answered("Units against conditions", lead, ("Conditions", "Units", "Standard error"), plans))
    return AnswerPage(
        title=f"design for {table['circuit']}",
        question="Which conditions to measure next?",
        answer=table["verdict"],
        facts=[("Circuit", table["circuit"]), ("Data", table["data"]), ("Units", str(table["units"])),
               ("For", table["for"])],
        sections=sections,
        table=table,
        decides=_deciding(table, chosen),
    )  # fmt: skip


def _deciding(table: Mapping[str, Any], chosen: Sequence[str]) -> list[Verdict]:
    """What the chosen conditions are worth, whether others are as good, and what stays open all the same."""
    gain = 1 - table["then"] / table["now"]
    said = f"{percent(max(gain, 0))} off the standard error"
    found = [good(f"Worth it: {said}") if gain > LITTLE else apart(f"Hardly worth it: {said}")]
    if gain < 0:
        found.append(open_question("More conditions cannot make errors larger: more --curves would tell"))
    best, *others = table["candidates"]
    line = (1 + LITTLE) * best["error"]
    near = [row["name"] for row in others if row["error"] < line and row["name"] not in chosen]
    if near:
        found.append(open_question(f"Within {100 * LITTLE:g} % of the best one alone: {some_of(near)}"))
    if table["plans"]:
        plan = min(table["plans"], key=lambda plan: plan["error"])
        words = f"{count(plan['conditions'], 'condition')} and {plan['units']:.0f} units"
        found.append(finding(f"Best at this cost: {words}, standard error {number(plan['error'])}"))
    if (linear := table.get("linear")) is not None and linear < HALF:
        found.append(apart(f"Slopes explain {percent(linear)} of the prediction over the draws: take it as a guess"))
    still = [row["name"] for row in table["errors"] if row["then"] ** 2 > HALF]
    if still:
        found.append(apart(f"Known less by these curves than by assumption: {some_of(still)}"))
    return found


def explained(linear: float) -> str:
    """How much of a prediction the delta method sees."""
    return f"Its slopes explain {percent(linear)} of its variance over the draws."


def _chosen(name: str, chosen: list[str]) -> str:
    return "yes" if name in chosen else ""


def design_panel(table: Mapping[str, Any]) -> Panel:
    """The figure of a design."""
    said = "Standard errors with each of the best candidate conditions"
    size = WIDE[0], strips.height(min(len(table["candidates"]), scores.CANDIDATES))
    note = "with one candidate each; dashes: now; line: with all chosen"
    return Panel("Standard errors", note, partial(scores.design, table), said, size=size)


def design_summary(table: Mapping[str, Any]) -> str:
    """The tables for a terminal."""
    width = max(24, *(len(row["name"]) + 2 for row in [*table["candidates"], *table["errors"]]))
    lines = [f"{'candidate alone':<{width}}{'standard error':>15}"]
    lines += [f"{row['name']:<{width}}{row['error']:>15.3f}" for row in table["candidates"]]
    lines.append(f"{'parameter':<{width}}{'now':>15}{'then':>10}")
    lines += [f"{row['name']:<{width}}{row['now']:>15.3f}{row['then']:>10.3f}" for row in table["errors"]]
    if table["plans"]:
        lines.append(f"{'conditions, units':<{width}}{'standard error':>15}")
        lines += [f"{p['conditions']:<12}{p['units']:<{width - 12}.0f}{p['error']:>15.3f}" for p in table["plans"]]
    if table.get("linear") is not None:
        lines.append(f"{table['for']}: {explained(table['linear'])}")
    return "\n".join([*lines, table["verdict"]])
