"""What a comparison found, in numbers and in words: the content of compare.json."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tuneful.analysis.model_comparison import Difference, difference, standard_error, verdict
from tuneful.runs.compare_config import CompareConfig


def comparison_table(
    config: CompareConfig,
    units: np.ndarray,
    fold: np.ndarray,
    lines: Sequence[Mapping[str, Any]],
    clusters: np.ndarray | None,
) -> dict[str, Any]:
    """Put the scores of all runs and folds together.

    Parameters
    ----------
    config
        Of the comparison.
    units, fold, clusters
        Names of the units, the fold of each (-1: in none), and its cluster.
    lines
        One for every run and fold: ``run``, ``fold``, ``scores`` of its units, and the ``simulation`` error of their
        mean.
    """
    names, judged = _names(config), fold >= 0
    scores = {name: _scores(lines, run, fold)[judged] for run, name in enumerate(names)}
    simulation = {name: _simulation(lines, run, fold) for run, name in enumerate(names)}
    own = None if clusters is None else clusters[judged]
    order = sorted(names, key=lambda name: float(scores[name].mean()))

    def between(a: str, b: str) -> Difference:
        return difference(scores[a], scores[b], own, float(np.hypot(simulation[a], simulation[b])))

    best = order[0]
    from_best = {name: between(best, name) for name in order[1:]}
    pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    return {
        "units": int(judged.sum()),
        "clusters": None if own is None else {"name": config.clusters, "number": len(np.unique(own))},
        "folds": config.folds if config.refit else 0,
        "verdict": verdict(scores, from_best),
        "runs": [
            {
                "name": name,
                "path": config.runs[names.index(name)].path,
                "score": float(scores[name].mean()),
                "error": standard_error(scores[name], own),
                "simulation_error": simulation[name],
                "difference": 0.0 if name == best else -from_best[name].mean,
                "difference_error": 0.0 if name == best else from_best[name].error,
                "refits": [_refit(line) for line in lines if names[line["run"]] == name],
            }
            for name in order
        ],
        "pairs": [_pair(a, b, between(a, b)) for a, b in pairs],
        "scores": {"unit": units[judged].tolist()} | {name: scores[name].tolist() for name in order},
        "settings": {key: value for key, value in config.written().items() if key != "versions"},
        "versions": config.versions,
    }


def _names(config: CompareConfig) -> list[str]:
    """What tables call the runs: the names of their folders, or where these are not told apart, whole paths."""
    names = [run.name for run in config.runs]
    return [run.name if names.count(run.name) == 1 else run.path for run in config.runs]


def _pair(a: str, b: str, found: Difference) -> dict[str, Any]:
    words = found.in_words(a, b)
    return {
        "lower": a, "higher": b, "difference": -found.mean, "error": found.error,
        "told_apart": found.is_told_apart, "words": words,
    }  # fmt: skip


def _scores(lines: Sequence[Mapping[str, Any]], run: int, fold: np.ndarray) -> np.ndarray:
    scores = np.full(len(fold), np.nan)
    for line in lines:
        if line["run"] == run:
            scores[fold == line["fold"]] = line["scores"]
    return scores


def _simulation(lines: Sequence[Mapping[str, Any]], run: int, fold: np.ndarray) -> float:
    """Standard error of the mean over all units that the simulations of the folds leave."""
    own = [line for line in lines if line["run"] == run]
    shares = [(fold == line["fold"]).sum() / (fold >= 0).sum() for line in own]
    return float(np.sqrt(sum((share * line["simulation"]) ** 2 for share, line in zip(shares, own, strict=True))))


def _refit(line: Mapping[str, Any]) -> dict[str, Any]:
    return {key: line.get(key) for key in ("fold", "ended", "steps", "parameters", "simulation")}
