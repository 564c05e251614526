"""The page of a run that has no result yet: what its configuration and its log say, whoever else is writing there."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tuneful import plot
from tuneful.curves import critical_value
from tuneful.curves.labels import COMPARED_AS
from tuneful.fitting.history import History
from tuneful.numbers import as_float, duration, number
from tuneful.plot.sheets import Panel
from tuneful.registry import circuits
from tuneful.report.answers.page import Answered, AnswerPage
from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.page import render_running
from tuneful.report.wording import Verdict, apart, good, open_question
from tuneful.runs.folder import CONFIG, RunFolder
from tuneful.runs.stabilize_config import KIND
from tuneful.runs.watching.doing import Doing, read_table


def page_so_far(path: Path, doing: Doing) -> str:
    """The page of a run without a result.

    Raises
    ------
    Exception
        Of any kind, where files are not those of a run.
    """
    config = read_table(path / CONFIG)
    kind = config.get("kind", "fit") if config else None
    if kind == "fit":
        return _page_of_fit(path, config, doing)
    lines = [line for line in _log(path) if "abscissa" in line]
    sections = [_course(lines, config)] if kind == KIND and lines else []
    facts = [("Folder", path.name), *([("Steps", number(lines[-1]["step"], 6))] if sections else [])]
    about = {"versions": config.get("versions") or {}, "settings": _settings(config), "command": None}
    return AnswerPage(str(kind or "no run yet"), _question(kind), doing.words, facts, sections, about).render()


def _log(path: Path) -> list[dict[str, Any]]:
    """The log as far as it can be read."""
    with contextlib.suppress(OSError):
        return RunFolder(path).read_metrics()
    return []


def content_so_far(path: Path, config: Mapping[str, Any]) -> ReportContent:
    """What is known of a fit that has no result yet, in the form of one that has."""
    measured, history = RunFolder(path).read_dataset("data.nc"), History(_log(path))
    none = measured.isel(unit=slice(0, 0))
    again = shlex.join(["tuneful", "fit", str(path / CONFIG), "--out", "NEW_FOLDER"])
    result = _result(config, history, measured) | {"command": again}
    return ReportContent(result, history.steps, history.evaluations, measured, none, none)


def _page_of_fit(path: Path, config: Mapping[str, Any], doing: Doing) -> str:
    content = content_so_far(path, config)
    return render_running(content, doing.words, _judged(content, doing))


def _judged(content: ReportContent, doing: Doing) -> list[Verdict]:
    """What can be said before the end."""
    found = [apart("Not finished")] if doing.state in ("stopped", "failed") else [open_question("Not finished yet")]
    losses = [as_float(line.get("loss")) for line in content.steps]
    if losses and not np.isfinite(losses[-1]):
        found.append(apart("The loss of the last step is not finite"))
    skipped = sum(not line.get("taken", True) for line in content.steps)
    if skipped:
        found.append(apart(f"{number(skipped, 6)} of {number(len(losses), 6)} steps could not be taken"))
    if len(content.evaluations) > 1:
        first, last = (_mean(line["statistics"]) for line in (content.evaluations[0], content.evaluations[-1]))
        how = f"mean KS distance {first:.3f} at the first comparison, {last:.3f} at the last"
        found.append(good(f"Getting closer: {how}") if last < first else open_question(f"Not closer yet: {how}"))
    return found


def _mean(statistics: Any) -> float:
    values = statistics.values() if isinstance(statistics, Mapping) else [statistics]
    return float(np.mean([_mean(v) if isinstance(v, Mapping) else as_float(v) for v in values]))


def _result(config: Mapping[str, Any], history: History, measured: Any) -> dict[str, Any]:
    aside = np.asarray(measured["held_out"].values, bool)
    labels = _labels(measured, history)
    asked, last = config.get("fit") or {}, history.steps[-1] if history.steps else {}
    most = (asked.get("max_steps") or 0) + (asked.get("refine_steps") or 0)
    known = {
        "circuit": (config.get("circuit") or {}).get("name"),
        "objective": (config.get("objective") or {}).get("name"),
        "data": (config.get("data") or {}).get("name"),
        "seed": config.get("seed"),
        "steps": last.get("step", 0),
        "wall_seconds": last.get("seconds"),
        "stopped": f"not yet; at most {number(most, 6)} steps",
        "n_train": int((~aside).sum()),
        "n_held_out": int(aside.sum()),
        "statistics": _statistics(history, aside, labels, asked.get("evaluation_curves")),
        "parameters": _parameters(config.get("circuit") or {}, last.get("parameters") or {}),
        "versions": config.get("versions") or {},
        "settings": _settings(config),
        "warnings": [],
    }
    if labels:
        known["labels"] = {
            name: {"n_train": int((own & ~aside).sum()), "n_held_out": int((own & aside).sum())}
            for name, own in labels.items()
        }
    return known


def _labels(measured: Any, history: History) -> dict[str, np.ndarray]:
    """Which units each label has, where results are told by labels."""
    if COMPARED_AS not in measured.coords or not history.evaluations:
        return {}
    told = history.evaluations[-1]["statistics"]
    if not any(isinstance(value, Mapping) for value in told.values()):
        return {}
    return {name: measured[COMPARED_AS].values == name for name in told}


def _statistics(history: History, aside: np.ndarray, labels: Mapping[str, np.ndarray], curves: Any) -> dict[str, Any]:
    """The last distances to the held-out units; the start is not known before the end."""
    if not history.evaluations:
        return {}
    last = history.evaluations[-1]["statistics"]
    if labels:
        return {name: _rows(last[name], int((own & aside).sum()), curves) for name, own in labels.items()}
    return _rows(last, int(aside.sum()), curves)


def _rows(distances: Mapping[str, Any], n: int, curves: Any) -> dict[str, Any]:
    line = critical_value(n, curves) if n and isinstance(curves, int) and curves else None
    return {name: {"ks": ks, "line": line, "n_data": n, "n_model": curves} for name, ks in distances.items()}


def _parameters(start: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Values at the last step, described as the class of the circuit does, if it is one that is known here."""
    known = circuits().get(str(start.get("name")))
    fields = () if known is None else dataclasses.fields(known)
    about = {field.name: field.metadata["parameter"] for field in fields if "parameter" in field.metadata}
    return {
        name: {key: about.get(name, {}).get(key) for key in ("symbol", "unit", "meaning")}
        | {"value": value, "initial": start.get(name), "truth": None, "fitted": True}
        for name, value in now.items()
    }


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "versions"}


def _question(kind: str | None) -> str:
    return "Does inhibition hold this circuit?" if kind == KIND else "What goes on in this folder?"


def _course(lines: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> Answered:
    """The abscissa of a network that is being stabilised."""
    values, target = [as_float(line["abscissa"]) for line in lines], as_float(config.get("target"))
    goal = target if np.isfinite(target) else None
    paint = partial(plot.abscissa, np.array(values), goal)
    note = f"{values[0]:.3g} → {values[-1]:.3g}, {duration(lines[-1].get('seconds'))}"
    panel = Panel("Spectral abscissa", note, paint, "Spectral abscissa over steps", right=0.82)
    return Answered("Spectral abscissa", "Activity decays below 1.", figures=[panel])
