"""The page of predictions with bands, and what terminals show of them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tuneful.numbers import DASH, number, percent
from tuneful.plot.bands import groups, predicted
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.wording import Verdict, apart, enumerated, finding

SECTIONS = {
    "Curves": ("rate_mean", "rate_spread"),
    "Statistics": ("statistic_mean",),
    "Stability": ("settled", "inhibition_stabilised"),
    "Extra input": ("full_response", "lowered", "networks_settled"),
}
LEADS = {
    "Curves": "Mean over cells, and standard deviation between them, in measured and in new conditions.",
    "Statistics": "Mean over the cells that have them, in the measured conditions.",
    "Stability": "The part of realisations that settle, and of those that settle the part in which excitatory cells "
    "alone, with inhibition frozen, would leave the steady state.",
    "Extra input": "All cells of a type get extra input ({inputs}). Changes of the steady state, means over cells "
    "where cells are recorded, and the part of these whose rate falls. Linear responses are in predictions.json.",
}  # fmt: skip
MOST = 8  # figures of a section
SHOWN = 24  # lines on a terminal
TERMS = [
    ("Band", "Between these quantiles over draws of the parameters, which say what the data leave open."),
    ("Simulation", "One standard error of the finite number of realisations, by which a whole band may be off."),
    ("Paradoxical", "Extra input to inhibitory cells lowers their rates, as it does where inhibition stabilises."),
]


def predictions_page(table: Mapping[str, Any]) -> AnswerPage:
    """The page of predictions; `table` is the content of predictions.json."""
    answer, *others = said(table["rows"], {"level": table["level"], "new": sum(table["new"])})
    return AnswerPage(
        title=f"predictions of {table['circuit']}",
        question="What does the circuit predict, and how surely?",
        answer=answer,
        facts=[
            ("Circuit", table["circuit"]),
            ("Data", table["data"]),
            ("Draws", str(table["draws"])),
            ("Conditions", f"{len(table['new'])}, {sum(table['new'])} of them new"),
        ],
        sections=list(_sections(table)),
        table={key: value for key, value in table.items() if key != "measured"},
        terms=TERMS,
        decides=list(_deciding(table, others)),
    )


def _deciding(table: Mapping[str, Any], others: Sequence[str]) -> Iterator[Verdict]:
    """What else was found, what makes bands less than they seem, and how many hold the truth if it is known."""
    yield from map(finding, others)
    yield from map(apart, table["remarks"])
    known = [row for row in table["rows"] if row.get("truth") is not None and row["low"] is not None]
    if known:
        inside = sum(row["low"] <= row["truth"] <= row["high"] for row in known)
        yield finding(f"The truth is inside {inside} of {len(known)} bands of {100 * table['level']:g} %")


def _sections(table: Mapping[str, Any]) -> Iterator[Answered]:
    inputs = enumerated(f"{number(size)} to {name}" for name, size in (table["inputs"] or {"none": 0}).items())
    for title, quantities in SECTIONS.items():
        rows = [row for row in table["rows"] if row["quantity"] in quantities and not _is_of_others(row)]
        if rows:
            has_truth = any(row.get("truth") is not None for row in rows)
            columns = ["", "Value", f"{100 * table['level']:g} % band", "Simulation", *["Truth"] * has_truth]
            cells = [_cells(row, has_truth) for row in rows]
            lead = LEADS[title].format(inputs=inputs)
            yield Answered(title, lead, columns, cells, panels(title, table))


def predictions_panels(table: Mapping[str, Any]) -> list[Panel]:
    """The figures of all sections."""
    return [panel for section in SECTIONS for panel in panels(section, table)]


def panels(section: str, table: Mapping[str, Any]) -> list[Panel]:
    """The figures of a section: one for each label or type that gets input, and combination of further features."""
    return [
        Panel(
            f"{title}{f' at {group.where}' if group.where else ''}",
            _note(quantity, table),
            partial(predicted, table, quantity, at=group.where, **of),
            f"{title}, with bands, over {group.along}{f' at {group.where}' if group.where else ''}",
            right=0.85 if "given" in of else 0.96,
            size=WIDE,
        )
        for title, quantity, of in _drawn(section, table)
        for group in groups(table)
    ][:MOST]


def _note(quantity: str, table: Mapping[str, Any]) -> str:
    known = {
        "triangles: new conditions": any(table["new"]),
        "diamonds: truth": any(row.get("truth") is not None for row in table["rows"]),
        "dots: measured": quantity == "rate_mean",
    }
    return "; ".join(words for words, is_there in known.items() if is_there)


def _drawn(section: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Title, quantity and what of it."""
    rows = table["rows"]
    if section == "Curves":
        for label in dict.fromkeys(row["where"]["label"] for row in rows if row["quantity"] == "rate_mean"):
            of = f" of {label}" if label else ""
            yield f"Mean rate{of}", "rate_mean", {"label": label}
            yield f"Spread of rates{of}", "rate_spread", {"label": label}
    elif section == "Stability" and any(row["quantity"] == "inhibition_stabilised" for row in rows):
        yield "Inhibition-stabilised realisations", "inhibition_stabilised", {}
    elif section == "Extra input":
        for given in dict.fromkeys(row["where"]["input"] for row in rows if row["quantity"] == "full_response"):
            yield f"Response to input to {given}", "full_response", {"given": given}


def _is_of_others(row: Mapping[str, Any]) -> bool:
    """Whether a row says which part of one type input to another lowers."""
    return row["quantity"] == "lowered" and row["where"]["input"] != row["where"]["type"]


def _cells(row: Mapping[str, Any], has_truth: bool) -> list[str]:
    value, band, error, truth = in_numbers(row)
    return [row["name"], value, band, error, *[truth] * has_truth]


def in_numbers(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Value, band, error of the simulation, and truth of a row, as texts."""
    show = percent if is_share(row) else number
    ends = DASH if row["low"] is None else f"{show(row['low'])} to {show(row['high'])}"
    truth = row.get("truth")
    return show(row["value"]), ends, show(row["simulation_error"]), DASH if truth is None else show(truth)


def is_share(row: Mapping[str, Any]) -> bool:
    """Whether a row is a part of cells or of realisations."""
    return row["quantity"] in ("settled", "inhibition_stabilised", "lowered", "networks_settled")


def said(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> list[str]:
    """The answer in sentences: how well curves are known, whether inhibition stabilises, and paradoxical responses.

    Parameters
    ----------
    rows
        Of predictions.json.
    about
        ``level`` of the bands and number of ``new`` conditions.
    """
    return list(filter(None, [_about_rates(rows, about), _about_stability(rows), _about_input(rows)]))


def _about_rates(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    means = [row for row in rows if row["quantity"] == "rate_mean"]
    labels = len({row["where"]["label"] for row in means})
    shown = means if not about["new"] else [row for i, row in enumerate(means) if _is_new(i, means, labels, about)]
    known = [row for row in shown if row["low"] is not None and row["value"]]
    widths = [(row["high"] - row["low"]) / 2 / abs(row["value"]) for row in known]
    if not widths:
        return "Nothing settles in these conditions."
    where = "new conditions" if about["new"] else "the measured conditions"
    best, worst = percent(min(widths)), percent(max(widths))
    spread = f"± {best}" if best == worst else f"± {best} to {worst}"
    return f"Mean rates in {where} are predicted to {spread} ({100 * about['level']:g} % bands)."


def _is_new(i: int, means: Sequence[Any], labels: int, about: Mapping[str, Any]) -> bool:
    n = len(means) // labels
    return i % n >= n - about["new"]


def _about_stability(rows: Sequence[Mapping[str, Any]]) -> str:
    shares = [row for row in rows if row["quantity"] == "inhibition_stabilised" and row["value"] is not None]
    if not shares:
        return ""
    most = max(shares, key=lambda row: (row["value"], row["high"]))
    if not most["high"] > 0:
        return "No network is inhibition-stabilised."
    value, band, _, _ = in_numbers(most)
    return f"At {most['where']['condition']}, {value} of the networks are inhibition-stabilised ({band})."


def _about_input(rows: Sequence[Mapping[str, Any]]) -> str:
    own = [r for r in rows if r["quantity"] == "full_response" and r["where"]["type"] == r["where"]["input"]]
    falls = [row for row in own if row["high"] is not None and row["high"] < 0]
    if not falls:
        return ""
    most = min(falls, key=lambda row: row["high"])
    _, band, _, _ = in_numbers(most)
    name = most["where"]["input"]
    return f"Paradoxically, input to {name} lowers the rates of {name} at {most['where']['condition']} by {band} Hz."


def predictions_summary(table: Mapping[str, Any]) -> str:
    """The table for a terminal: new conditions, statistics, stability, and what input to a type does to itself."""
    new = {name for name, is_new in zip(table["condition_names"], table["new"], strict=True) if is_new}
    rows = [row for row in table["rows"] if _is_told(row, new)]
    width = max(24, *(len(row["name"]) + 2 for row in rows[:SHOWN]))
    has_truth = any(row.get("truth") is not None for row in rows)
    band = f"{100 * table['level']:g} % band"
    lines = [f"{'':<{width}}{'value':>10}{band:>22}{'simulation':>12}" + f"{'truth':>10}" * has_truth]
    for row in rows[:SHOWN]:
        value, ends, error, truth = in_numbers(row)
        lines.append(f"{row['name']:<{width}}{value:>10}{ends:>22}{error:>12}" + f"{truth:>10}" * has_truth)
    if len(rows) > SHOWN:
        lines.append(f"... and {len(rows) - SHOWN} more on the page")
    lines += [f"note: {sentence}" for sentence in table["remarks"]]
    return "\n".join([*lines, f"{table['draws']} draws of the parameters", table["verdict"]])


def _is_told(row: Mapping[str, Any], new: set[str]) -> bool:
    where = row["where"]
    is_own = where.get("input") == where.get("type")
    is_new = not new or where.get("condition") is None or where["condition"] in new
    return is_new and is_own and row["quantity"] not in ("rate_spread", "linear_response")
