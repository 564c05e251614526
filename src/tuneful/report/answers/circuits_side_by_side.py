"""The page of several stabilised circuits beside each other: what differs, scalars, spectra and descents."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tuneful import plot
from tuneful.numbers import DASH, duration, number
from tuneful.plot.matrices import eigenvalues_of, whole_plane
from tuneful.plot.sheets import Panel
from tuneful.plot.side_by_side import Estimate, estimates, height
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.answers.side_by_side import what_differs
from tuneful.report.soc.content import SocContent
from tuneful.report.soc.panels import about_spectrum, course
from tuneful.report.soc.wording import SCALARS, deciding
from tuneful.report.wording import Verdict, apart, capitalised, good, outcome_in_words, worst

LEAD = "Computed on the final weights. What the scalars mean is on the page of each circuit."
PLANE = "Eigenvalues of the final weights, all in one plane. Activity decays if all are to the left of 1 (dashed)."

Circuits = Mapping[str, SocContent]


def circuits_side_by_side_page(circuits: Circuits, command: str) -> AnswerPage:
    """The page of several finished stabilised circuits, by their names on it."""
    results = {name: content.result for name, content in circuits.items()}
    return AnswerPage(
        title=f"{len(circuits)} circuits side by side",
        question="How do these circuits differ?",
        answer=_answer(results),
        facts=[("Runs", ", ".join(results)), ("Cells", ", ".join(number(r["n"], 6) for r in results.values()))],
        sections=[what_differs(results), _descents(circuits), _scalars(results), _spectra(circuits)],
        table={"runs": results, "versions": {}, "settings": {}, "command": command},
        decides=[worst(deciding(result), f"{name}: {_in_short(result)}") for name, result in results.items()],
    )


def _answer(results: Mapping[str, Mapping[str, Any]]) -> str:
    """How many are what they should be, and which amplifies most."""
    held = sum(all(one.kind == "good" for one in deciding(result)) for result in results.values())
    energies = {name: result["scalars"]["mean_energy"] for name, result in results.items()}
    known = {name: energy for name, energy in energies.items() if energy is not None}
    most = max(known, key=lambda name: known[name], default="")
    said = f"{held} of {len(results)} circuits are stable, at their target and as they were asked for"
    return f"{said}; {most} amplifies most, {number(known[most])} in the mean." if most else f"{said}."


def _in_short(result: Mapping[str, Any]) -> str:
    energy = result["scalars"]["mean_energy"]
    amplified = "no energies" if energy is None else f"mean evoked energy {number(energy)}"
    return f"spectral abscissa {number(result['abscissa'])}, {number(result['target'])} asked for; {amplified}"


def _descents(circuits: Circuits) -> Answered:
    columns = ("Run", "Steps", "Time", "Abscissa at start", "Abscissa at end", "Target", "Verdict")
    figures = [
        replace(panel, title=name, description=f"{panel.description}: {name}")
        for name, content in circuits.items()
        for panel in course(content)
    ]
    rows = [[name, *_descent(content.result)] for name, content in circuits.items()]
    return Answered("Descents", "", columns, rows, figures, layout="")


def _descent(result: Mapping[str, Any]) -> list[str | Verdict]:
    reached = good("reached") if result["reached"] else apart(outcome_in_words(result.get("outcome")))
    start, end, target = (number(result[key]) for key in ("abscissa_at_start", "abscissa", "target"))
    return [number(result["steps"], 6), duration(result["wall_seconds"]), start, end, target, reached]


def _scalars(results: Mapping[str, Mapping[str, Any]]) -> Answered:
    """A row for each scalar, and a figure where they differ."""
    values = {s: [result["scalars"].get(s.key) for result in results.values()] for s in SCALARS}
    rows = [
        [capitalised(s.name), *(DASH if value is None else number(value) for value in own)]
        for s, own in values.items()
    ]
    figures = [_scalar(s.name, own, list(results)) for s, own in values.items() if len({*own} - {None}) > 1]
    return Answered("Scalars", LEAD, ("Scalar", *results), rows, figures)


def _scalar(name: str, values: Sequence[float | None], runs: Sequence[str]) -> Panel:
    found = [Estimate(run, float("nan") if value is None else value) for run, value in zip(runs, values, strict=True)]
    title, size = capitalised(name), (WIDE[0], height(len(runs)))
    return Panel(title, "", partial(estimates, found, name), f"{title} of all circuits", size=size)


def _spectra(circuits: Circuits) -> Answered:
    found = {name: eigenvalues_of(content.weights) for name, content in circuits.items()}
    limits = whole_plane(*found.values())
    figures = [
        Panel(
            name,
            about_spectrum(spectrum),
            partial(plot.spectrum, spectrum, circuits[name].result["target"], limits=limits),
            f"Eigenvalues: {name}",
        )
        for name, spectrum in found.items()
    ]
    return Answered("Eigenvalues", PLANE, figures=figures, layout="")
