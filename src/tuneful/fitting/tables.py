"""What a fit found, as plain numbers: the content of result.json."""

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from tuneful.circuits import AbstractCircuit
from tuneful.curves import Comparison
from tuneful.fitting.simulation import natural_values


def versions() -> dict[str, str]:
    """Versions of everything that the numbers depend on."""
    packages = ("tuneful", "jax", "jaxlib", "equinox", "optax", "numpy", "xarray")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def statistics_table(end: Mapping[str, Comparison], start: Mapping[str, Comparison]) -> dict[str, dict[str, Any]]:
    """Distances between the model and the held-out units, by statistic."""
    return {
        name: {
            "ks": c.ks, "line": c.line, "floor": c.floor, "n_data": c.n_data, "n_model": c.n_model,
            "ks_start": start[name].ks,
        }
        for name, c in end.items()
    }  # fmt: skip


def parameter_table(
    initial: AbstractCircuit, final: AbstractCircuit, fitted: Iterable[str], truth: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Values of all parameters, fitted or not, in natural units."""
    before, after, names = natural_values(initial), natural_values(final), set(fitted)
    return {
        name: {
            "value": after[name], "initial": before[name], "truth": truth.get(name), "fitted": name in names,
            "unit": about.unit, "symbol": about.symbol, "meaning": about.meaning,
            "entries": about.entries,
        }
        for name, about in final.parameters().items()
    }  # fmt: skip


def without_nan(content: Any) -> Any:
    """Replace what JSON cannot hold by null, at any depth."""
    if isinstance(content, Mapping):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_nan(value) for value in content]
    if isinstance(content, (float, np.floating)):
        return float(content) if np.isfinite(content) else None
    return content


def warnings(found: Mapping[str, Any]) -> list[str]:
    """Sentences on whatever a reader of the numbers must not miss."""
    sentences = []
    if found["rejected_fraction"] > 0:
        sentences.append(
            f"{found['rejected_fraction']:.1%} of the realisations at the end of the fit did not settle and were "
            "left out: the model's curves are conditioned on settling."
        )
    if found["non_finite_steps"]:
        sentences.append(
            f"{found['non_finite_steps']} steps had a loss or a gradient that was not finite and were not taken."
        )
    if found["retreats"]:
        sentences.append(
            f"At {found['retreats']} steps most realisations did not settle or saturated, and the fit went back to "
            "its last good parameters."
        )
    if found["stopped"].startswith("reached"):
        sentences.append("The fit had not converged by its own rule when it reached the maximum of steps.")
    distances = {name: row["ks"] for name, row in found["statistics"].items()}
    undefined = [name for name, ks in distances.items() if ks is None or not np.isfinite(ks)]
    if undefined:
        sentences.append(f"Not defined for these curves: {', '.join(undefined)}.")
    return sentences
