"""The page of a study: what its settings come to, and which jobs failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneful.descents import Outcome
from tuneful.numbers import DASH, count, duration, number
from tuneful.plain import plain
from tuneful.plot import strips
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.soc.wording import SCALARS
from tuneful.report.wording import Verdict, apart, finding, good

if TYPE_CHECKING:
    import pandas as pd

ROWS = 200  # in a table
ROUNDING = 1e-12  # of a number, within which others are it
CURVES = 12  # parameters with a figure of their own
DRAWN = ("abscissa", "mean_energy", "peak_amplification")  # scalars of circuits with a figure of their own
POINTS = "a point for every job, a bar at their mean"
FOUND = (
    "Mean Kolmogorov–Smirnov distance to the held-out units over their statistics; of jobs that differ in their "
    "seeds or samples only, mean ± standard deviation."
)
ESTIMATES = "Mean ± standard deviation over the jobs of a setting, which differ in their seeds only."
SAMPLED = (
    "Mean ± standard deviation over the jobs of a setting, which differ in their bootstrap samples of the units and "
    "in their seeds."
)
CIRCUITS = "Mean ± standard deviation over the circuits of a setting, which differ in their seeds only."
NETWORKS = "Of the same setting with other seeds, which draw other networks: how much circuits of one kind differ."
SAMPLES = (
    "Over fits to units that were drawn again, with replacement: the bootstrap estimate of the standard error (Efron "
    "1979). It takes in how much an answer depends on seeds, unless these are listed and the same for all samples. A "
    "unit that is drawn twice may be fitted and held out, so that distances to held-out units look small."
)
SCATTER = (
    "Of the same setting with other seeds, which deal out other units and other random numbers: it tells how much an "
    "answer depends on them, and is no standard error of the estimate."
)


def study_page(table: pd.DataFrame, varied: Sequence[str], about: Mapping[str, Any]) -> AnswerPage:
    """The page of a study.

    Parameters
    ----------
    table
        One row a job: ``job``, ``state``, ``why``, ``data``, ``seed``, the settings that vary, ``ks.*``,
        ``fitted.*``, ``error.*``, ``truth.*``, ``wall_seconds``; of fits to bootstrap samples ``replicate``, and of
        stabilised circuits their scalars.
    varied
        Columns of settings.
    about
        ``command``, ``versions``, ``settings`` and the name of the ``study``.
    """
    groups, is_sampled = _groups(table, varied), "replicate" in table
    spread = ("over samples", SAMPLES) if is_sampled else ("over seeds", SCATTER)
    if (circuits := _circuits(groups)) is not None:
        spread = ("over seeds", NETWORKS)
    return AnswerPage(
        title=f"study {about['study']}",
        question="What came of this study?",
        answer=_answer(table),
        facts=_facts(table, varied, about),
        sections=[
            one
            for one in (_failures(table), _distances(groups), _parameters(groups, is_sampled), circuits)
            if one is not None
        ],
        table={key: value for key, value in about.items() if key != "study"}
        | {"jobs": plain(table.to_dict("records"))},
        terms=[(f"Standard deviation {spread[0]}", spread[1])],
        decides=list(_deciding(table, groups)),
    )


def _deciding(table: pd.DataFrame, groups: Sequence[tuple[str, pd.DataFrame]]) -> Iterator[Verdict]:
    """What failed, what did not arrive, and which setting is nearest to its held-out units."""
    states = table["state"].tolist()
    if failed := states.count("failed"):
        yield apart(f"{count(failed, 'job')} of {len(table)} failed, for the reasons below")
    words = table.loc[table["state"] == "finished", "outcome"] if "outcome" in table else ()
    known = [Outcome(word) for word in words if word in {*Outcome}]
    if known:
        short = sum(not outcome.is_success for outcome in known)
        yield (
            apart(f"{short} of {len(known)} finished jobs did not converge")
            if short
            else good("All finished jobs converged")
        )
    means = {label: _mean_ks(rows, _distance_names(rows)) for label, rows in groups}
    means = {label: values for label, values in means.items() if len(values)}
    if len(means) > 1:
        best, then, *_ = sorted(means, key=lambda label: float(np.mean(means[label])))
        how = f"mean KS distance {_spread(means[best])}, and {_spread(means[then])} with {then}"
        yield finding(f"Nearest to held-out units: {best}, {how}")


def _answer(table: pd.DataFrame) -> str:
    states = Counter(table["state"].tolist())
    done = states.pop("finished", 0)
    if done == len(table):
        return f"All {len(table)} jobs are finished" if done > 1 else "The one job is finished"
    others = ", ".join(f"{number_of} {state}" for state, number_of in states.items())
    return f"{done} of {len(table)} jobs are finished: {others}"


def _facts(table: pd.DataFrame, varied: Sequence[str], about: Mapping[str, Any]) -> list[tuple[str, str]]:
    seconds, several = _values(table, "wall_seconds"), {key: len(set(table[key])) for key in (*varied, "seed")}
    values = [f"{key} ({count(several[key], 'value')})" for key in varied]
    facts = [("Study", str(about["study"])), ("Model", str(about["settings"]["model"]))]
    facts += [("Data", ", ".join(list(dict.fromkeys(table["data"]))[:6]))]
    samples = [count(len(set(table["replicate"])), "bootstrap sample")] if "replicate" in table else []
    facts += [("Varied", ", ".join([*values, *samples, count(several["seed"], "seed")]))]
    return [*facts, ("Time of all jobs", duration(seconds.sum() if len(seconds) else None))]


def _groups(table: pd.DataFrame, varied: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """Finished and other jobs by what they are run with but for their seeds, in their order."""
    keys = [*(["data"] if len(set(table["data"])) > 1 else []), *varied]
    if not keys:
        return [("all jobs", table)]
    grouped = table.groupby(keys, sort=False, dropna=False)
    return [(_label(keys, values), rows) for values, rows in grouped]


def _label(keys: Sequence[str], values: Any) -> str:
    """A setting in a few words: bare names, and numbers with three digits."""
    several = values if isinstance(values, tuple) else (values,)
    shown = [(key, value) for key, value in zip(keys, several, strict=True) if not _is_missing(value)]
    return ", ".join(f"{value}" if key == "data" else f"{key.split('.')[-1]} {number(value)}" for key, value in shown)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _failures(table: pd.DataFrame) -> Answered | None:
    jobs = zip(table["job"], table["state"], table["why"], strict=True)
    failed = [f"Job {job:05d}: {why}" for job, state, why in jobs if state == "failed"]
    if not failed:
        return None
    more = [f"... and {len(failed) - ROWS} more"] * (len(failed) > ROWS)
    lead = "tuneful study retry tries these jobs again."
    return Answered("What failed, and why", lead, notes=failed[:ROWS] + more)


def _distances(groups: Sequence[tuple[str, pd.DataFrame]]) -> Answered | None:
    names = _distance_names(groups[0][1])
    if not names:
        return None
    columns = ("Setting", "Finished", "Mean KS", *(name.removeprefix("ks.") for name in names), "Time of a job")
    rows = [
        [
            label,
            f"{_done(rows)} of {len(rows)}",
            *map(_spread, [_mean_ks(rows, names), *(_values(rows, name) for name in names)]),
            duration(_median(_values(rows, "wall_seconds"))),
        ]
        for label, rows in groups[:ROWS]
    ]
    drawn = [(label, _mean_ks(rows, names)) for label, rows in groups]
    figures = _panel("Mean KS distance", drawn, "mean KS distance")
    return Answered("Distances to held-out units", FOUND, columns, rows, figures)


def _distance_names(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows if name.startswith("ks.")]


def _parameters(groups: Sequence[tuple[str, pd.DataFrame]], is_sampled: bool) -> Answered | None:
    names = [n.removeprefix("fitted.") for n in groups[0][1] if n.startswith("fitted.")]
    if not names:
        return None
    rows = [[f"{name}, {label}", *_estimate(own, name)] for name in names for label, own in groups][:ROWS]
    figures = [
        panel
        for name in names[:CURVES]
        for panel in _panel(
            name, [(label, _values(own, f"fitted.{name}")) for label, own in groups], name, _truth(groups, name)
        )
    ]
    columns = ("Parameter and setting", "Jobs", "Estimate", "Median standard error", "Truth")
    return Answered("Parameters", SAMPLED if is_sampled else ESTIMATES, columns, rows, figures)


def _circuits(groups: Sequence[tuple[str, pd.DataFrame]]) -> Answered | None:
    """What stabilised circuits have in common, and a figure of their abscissas and amplifications."""
    known = [scalar for scalar in SCALARS if any(len(_values(rows, scalar.key)) for _, rows in groups)]
    if not known:
        return None
    rows = [
        [f"{scalar.name}, {label}", str(len(_values(own, scalar.key))), _spread(_values(own, scalar.key))]
        for scalar in known
        for label, own in groups
    ][:ROWS]
    figures = [
        panel
        for scalar in known
        if scalar.key in DRAWN
        for panel in _panel(scalar.name, [(label, _values(own, scalar.key)) for label, own in groups], scalar.name)
    ]
    return Answered("Circuits", CIRCUITS, ("Scalar and setting", "Jobs", "Value"), rows, figures)


def _estimate(rows: pd.DataFrame, name: str) -> list[str]:
    values = _values(rows, f"fitted.{name}")
    error, truth = _median(_values(rows, f"error.{name}")), _median(_values(rows, f"truth.{name}"))
    return [str(len(values)), _spread(values), number(error, 2), number(truth)]


def _truth(groups: Sequence[tuple[str, pd.DataFrame]], name: str) -> float:
    """The true value, if it is one for all jobs."""
    known = np.unique(np.concatenate([_values(rows, f"truth.{name}") for _, rows in groups]))
    return float(known[0]) if len(known) == 1 else float("nan")


def _done(rows: pd.DataFrame) -> int:
    return rows["state"].tolist().count("finished")


def _values(rows: pd.DataFrame, name: str) -> np.ndarray:
    """The numbers in a column that are there."""
    if name not in rows:
        return np.empty(0)
    values = rows[name].to_numpy(dtype=float, na_value=np.nan)
    return values[np.isfinite(values)]


def _mean_ks(rows: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Of every finished job the mean over the statistics that are defined."""
    if not names:
        return np.empty(0)
    known = np.stack([rows[name].to_numpy(dtype=float, na_value=np.nan) for name in names], axis=1)
    known = known[np.isfinite(known).any(axis=1)]
    return np.nanmean(known, axis=1) if len(known) else np.empty(0)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _spread(values: np.ndarray) -> str:
    """Mean and standard deviation; of one value, itself."""
    if not len(values):
        return DASH
    mean, apart = number(float(np.mean(values))), float(np.ptp(values))
    spread = float(np.std(values, ddof=1)) if len(values) > 1 and apart > ROUNDING * np.max(np.abs(values)) else 0.0
    return f"{mean} ± {number(spread, 2)}" if len(values) > 1 else mean


def _panel(
    title: str, groups: Sequence[tuple[str, np.ndarray]], name: str, truth: float = float("nan")
) -> list[Panel]:
    """The figure of some values by setting; none where there are no values."""
    shown = [(label, values) for label, values in groups if len(values)]
    if not shown:
        return []
    note = f"{POINTS}; dashes: the truth" if np.isfinite(truth) else POINTS
    paint, size = partial(strips.by_setting, shown, name, truth), (WIDE[0], strips.height(len(shown)))
    return [Panel(title, note, paint, f"{title} of all jobs by setting", size=size)]
