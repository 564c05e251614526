"""The page of several runs beside each other: what differs, distances, convergence, parameters with their errors."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tuneful.descents import Outcome
from tuneful.fitting.tables import mean_distances, statistics_of
from tuneful.numbers import DASH, as_float, distance, duration, number
from tuneful.plot import courses
from tuneful.plot.entries import entries, full_name, intervals_of
from tuneful.plot.naming import label
from tuneful.plot.sheets import Panel
from tuneful.plot.side_by_side import Estimate, estimates, height
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.fit.verdicts import deciding, told
from tuneful.report.fit.wording import verdict
from tuneful.report.wording import Verdict, apart, flattened, good, open_question, worst

LEAD = "Settings that are the same in all runs are left out, and so are the versions of packages."
DISTANCES = (
    "Kolmogorov–Smirnov distances to the held-out units at the end; ✕ is above the 5 % line. Runs that hold out "
    "other units are compared with other units."
)
PARAMETERS = "Intervals of tuneful infer where there are any, else ± one standard error; “open”: it is not bounded."
SCORES = "tuneful compare says which of several fits predicts unseen units better, with standard errors."
MOST_PANELS = 48  # of a kind


@dataclass(frozen=True)
class BesideOthers:
    """One run: its name on the page, the content of its result.json and inference.json, and its evaluations."""

    name: str
    result: Mapping[str, Any]
    inference: Mapping[str, Any] | None = None
    evaluations: Sequence[Mapping[str, Any]] = ()


def side_by_side_page(runs: Sequence[BesideOthers], command: str) -> AnswerPage:
    """The page of several fits."""
    results = {run.name: run.result for run in runs}
    return AnswerPage(
        title=f"{len(runs)} runs side by side",
        question="How do these runs differ?",
        answer=_answer(runs),
        facts=_facts(runs),
        sections=[what_differs(results), _convergence(runs), _distances(runs), _parameters(runs)],
        table={"runs": results, "versions": {}, "settings": {}, "command": command},
        terms=[("Which is better?", SCORES)],
        decides=[_decided(run) for run in runs],
    )


def _decided(run: BesideOthers) -> Verdict:
    """A run in one line, of the kind of its worst judgement."""
    found = [*deciding(run.result, run.inference), *_judged(run).values(), _ended(run.result)]
    return worst(found, f"{run.name}: {_in_short(run)}")


def _in_short(run: BesideOthers) -> str:
    """A run in half a sentence: how many statistics are near the data, and whether it converged."""
    found = _judged(run)
    near = sum(one.kind == "good" for one in found.values())
    return f"{near} of {len(found)} statistics within sampling error, {_ended(run.result).words}"


def _judged(run: BesideOthers) -> dict[str, Verdict]:
    return {name: verdict(row) for name, row in statistics_of(told(run.result)).items()}


def _ended(result: Mapping[str, Any]) -> Verdict:
    word = result.get("outcome")
    if word not in list(Outcome):
        return open_question("not finished" if word is None else str(word))
    outcome = Outcome(word)
    if outcome.is_success:
        return good("converged")
    return apart("broke off" if outcome.is_broken else "not converged")


def _answer(runs: Sequence[BesideOthers]) -> str:
    """Which finished one is nearest to its held-out units, in the mean; no test, which `tuneful compare` is."""
    means = {run.name: _mean(run, "ks") for run in runs if run.result.get("outcome") is not None}
    known = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    if not known:
        return f"Of {len(runs)} runs, none is finished and has a distance to its held-out units."
    best = min(known, key=lambda name: known[name])
    return f"Of {len(runs)} runs, {best} is nearest to its held-out units: mean KS distance {distance(known[best])}."


def _mean(run: BesideOthers, key: str) -> float:
    """The mean distance at the start, "ks_start", or the end, "ks", over the statistics that are defined."""
    rows = statistics_of(told(run.result))
    return mean_distances({name: {"ks_start": 0.0, "ks": row.get(key)} for name, row in rows.items()})[1]


def _facts(runs: Sequence[BesideOthers]) -> list[tuple[str, str]]:
    def several(key: str) -> str:
        return ", ".join(dict.fromkeys(str(run.result.get(key) or DASH) for run in runs))

    return [("Runs", ", ".join(run.name for run in runs)), ("Circuit", several("circuit")), ("Data", several("data"))]


def what_differs(results: Mapping[str, Mapping[str, Any]]) -> Answered:
    """The settings of runs, by their names, that are not the same in all."""
    settings = [dict(flattened(result.get("settings") or {})) for result in results.values()]
    names = dict.fromkeys(name for own in settings for name in own)
    rows = [[name, *(own.get(name, DASH) for own in settings)] for name in names if _differ(settings, name)]
    notes = [] if rows else ["All settings are the same."]
    return Answered("What differs", LEAD, ("Setting", *results), rows, notes=notes)


def _differ(settings: Sequence[Mapping[str, str]], name: str) -> bool:
    return len({own.get(name) for own in settings}) > 1


def _convergence(runs: Sequence[BesideOthers]) -> Answered:
    columns = ("Run", "Steps", "Time", "KS at start", "KS at end", "Rejected", "Verdict")
    rows = [
        [
            run.name,
            number(run.result.get("steps"), 6),
            duration(run.result.get("wall_seconds")),
            *(distance(_mean(run, key)) for key in ("ks_start", "ks")),
            number(run.result.get("rejected_fraction"), 2),
            _ended(run.result),
        ]
        for run in runs
    ]
    return Answered("Convergence", "KS distances are means over the statistics.", columns, rows)


def _distances(runs: Sequence[BesideOthers]) -> Answered:
    tables = [statistics_of(told(run.result)) for run in runs]
    names = list(dict.fromkeys(name for table in tables for name in table))
    rows = [[label(name), *(_distance(table.get(name)) for table in tables)] for name in names]
    columns = ("Statistic", *(run.name for run in runs))
    return Answered("Distances", DISTANCES, columns, rows, _courses(runs, names), layout="")


def _distance(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return DASH
    above = as_float(row.get("ks")) > as_float(row.get("line"))
    return f"{'✕ ' if above else ''}{distance(row.get('ks'))} (line {distance(row.get('line'))})"


def _courses(runs: Sequence[BesideOthers], names: Sequence[str]) -> list[Panel]:
    """A panel for each statistic and run, all with one vertical axis."""
    lines_of = [
        (
            [
                {"step": line["step"], "statistics": statistics_of(told({**run.result, **line}))}
                for line in run.evaluations
            ],
            run,
        )
        for run in runs
    ]
    tops = [courses.highest_distance(lines, statistics_of(told(run.result))) for lines, run in lines_of if lines]
    return [
        Panel(
            f"{label(name)}: {run.name}",
            f"KS {distance((statistics_of(told(run.result)).get(name) or {}).get('ks'))} at the end",
            partial(courses.distance_course, lines, name, statistics_of(told(run.result)).get(name), top=max(tops)),
            f"KS distance over training: {label(name)}, {run.name}",
            right=0.79,
        )
        for name in names
        for lines, run in lines_of
        if lines
    ][:MOST_PANELS]


def _parameters(runs: Sequence[BesideOthers]) -> Answered:
    found = [dict(_estimates(run)) for run in runs]
    names = list(dict.fromkeys(name for own in found for name in own))
    has_truth = any(math.isfinite(one.truth) for own in found for one, _ in own.values())
    rows = [
        [name, *(own[name][1] if name in own else DASH for own in found), *[_truth(found, name)] * has_truth]
        for name in names
    ]
    columns = ("Parameter", *(run.name for run in runs), *["Truth"] * has_truth)
    figures = [_panel(name, [_of(name, *pair) for pair in zip(found, runs, strict=True)], runs) for name in names]
    return Answered("Parameters", PARAMETERS, columns, rows, figures[:MOST_PANELS])


def _panel(name: str, found: Sequence[Estimate], runs: Sequence[BesideOthers]) -> Panel:
    paint, note = (
        partial(estimates, found, _titled(name, runs)),
        "bars: intervals, or ± one standard error; dashes: truth",
    )
    return Panel(name, note, paint, f"{name} of all runs", size=(WIDE[0], height(len(runs))))


def _titled(name: str, runs: Sequence[BesideOthers]) -> str:
    """A name with its unit, in the first run that knows one."""
    tables = [run.result.get("parameters") or {} for run in runs]
    rows = [(own, about) for table in tables for own, about in table.items()]
    units = [about.get("unit") for own, about in rows if name in [full_name(own, e.name) for e in entries(about)]]
    unit = next((str(unit) for unit in units if unit), "")
    return f"{name} ({unit})" if unit else name


def _of(name: str, found: Mapping[str, tuple[Estimate, str]], run: BesideOthers) -> Estimate:
    return found[name][0] if name in found else Estimate(run.name, math.nan)


def _truth(found: Sequence[Mapping[str, tuple[Estimate, str]]], name: str) -> str:
    known = {own[name][0].truth for own in found if name in own and math.isfinite(own[name][0].truth)}
    return ", ".join(number(value) for value in sorted(known)) or DASH


def _estimates(run: BesideOthers) -> Iterator[tuple[str, tuple[Estimate, str]]]:
    """Every fitted number by its name: the estimate, and how it is written."""
    parameters = run.result.get("parameters") or {}
    intervals = {
        entry.name: entry
        for name, about in (run.inference or {}).get("parameters", {}).items()
        for entry in intervals_of(name, about)
    }
    for name, about in parameters.items():
        for entry in entries(about) if about.get("fitted", True) else ():
            own = full_name(str(name), entry.name)
            if own in intervals:
                value, low, high, _ = intervals[own].numbers
                unsure = " (open)" if intervals[own].identified == "no" else ""
                said = f"{number(value)}, {intervals[own].interval}{unsure}"
                yield own, (Estimate(run.name, value, low, high, entry.truth), said)
            else:
                yield own, (_with_error(run, entry), _said(entry))


def _with_error(run: BesideOthers, entry: Any) -> Estimate:
    error = entry.standard_error if entry.identified != "no" else math.nan
    return Estimate(run.name, entry.value, entry.value - error, entry.value + error, entry.truth)


def _said(entry: Any) -> str:
    if entry.identified == "no":
        return f"{number(entry.value)} (open)"
    known = math.isfinite(entry.standard_error)
    return f"{number(entry.value)} ± {number(entry.standard_error, 2)}" if known else number(entry.value)
