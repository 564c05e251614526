"""Cells of mouse V1: how near fitted circuits of two and of four types come, and what they predict.

    python benchmarks/v1.py --data ../shared/data/mossing2021 --json v1.json
    python benchmarks/v1.py --data FOLDER --types 4 --states still
    python benchmarks/v1.py --data FOLDER --means    # no fit: the start, and what blanks tell of noise
    python benchmarks/v1.py --data FOLDER --types 4 --changes input_strength baseline   # running against rest
    python benchmarks/v1.py --quick                  # one step beside simulated cells: shows that the script runs

Of the recordings of Mossing et al. 2021 (`size_contrast_still.csv.gz` and `size_contrast_running.csv.gz` in a
folder), the preset `v1` is fitted to half of the cells of either state. Reported are, of every type and statistic,
the Kolmogorov-Smirnov distance of fitted curves to the other half of the cells, and that between halves of the data,
which no circuit can beat. Then a quarter of the conditions are left out of the fit: in these, the distance of rates
relative to the mean over the fitted conditions, averaged over conditions, beside that in the fitted conditions and
that between halves of the held-out cells.

With --changes nothing else is measured: the parameters that are named are brought to the minimum for the cells at
rest and for those of running animals, all others as the preset has them, in the conditions of three contrasts.
Reported are their differences (of logarithms, where they are positive), with standard errors from the sandwich; cells
that are in both are one cluster, so that what they share is counted once.

The start is described by the mean network, all of whose weights are alike and whose cells have no noise: the root
mean square of the difference between its curves and the mean curves of the data, both over their mean. Blanks of all
sizes are one condition: how responses vary between them, as a fraction of their mean, is given for the fifths of
cells that respond least and most in them. `halves` is the floor of the prediction.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import reporting
import xarray as xr

import tuneful
from tuneful.analysis import InferenceSettings
from tuneful.analysis.clusters import fitted_units
from tuneful.analysis.inference_descent import InferenceDescent
from tuneful.analysis.local_problem import LocalProblem
from tuneful.circuits import AbstractCircuit
from tuneful.circuits.parameters import value_of
from tuneful.curves import features, ks_distance, make_dataset
from tuneful.descents import Observer, end_of
from tuneful.fitting import FitTask
from tuneful.runs.checkpoints import Checkpoints
from tuneful.runs.configuration import RunConfig
from tuneful.runs.presets import resolve

STATES = ("still", "running")
COMPARED = (12.0, 50.0, 100.0)  # contrasts in which states are compared
NEVER = 1e-6  # instead of zero, which no positive parameter is
EVERY = 4  # of the conditions with a stimulus, one in so many is left out
HALVES = 20  # random halves of the cells, over which floors are means
FEW, CURVES = 16, 100  # realisations of the mean network, which are all alike, and of a prediction
QUICK = [
    "n_sites=11", "sites=[0.0, 4.0]", "max_time=200.0", "refine_steps=1", "refine_first=64", "refine_batch=64",
    "evaluation_curves=16", "final_curves=16", "page=false",
]  # fmt: skip


def preset(types: int, overrides: list[str]) -> RunConfig:
    """The settings of the preset for so many types."""
    return resolve("v1", {}, [*([f"types={types}"] if types > 2 else []), *overrides])


def fitted(data: xr.Dataset, types: int, overrides: list[str], progress: bool) -> tuneful.Fit:
    """The preset, fitted to half of the cells."""
    config = preset(types, overrides)
    fit = tuneful.Fit(*config.components(), config.match, **config.fit.model_dump())
    return fit.fit(data, seed=0, progress=progress)


def means(data: xr.Dataset, types: int, overrides: list[str]) -> dict[str, Any]:
    """How near the mean network at the start is to the mean curves, and how blanks vary, by type."""
    circuit, *_ = preset(types, overrides).components()
    alike = [
        n for n in circuit.parameters() if n.split(".")[-1] in ("dJ", "V", "gain_spread", "noise", "trial_spread")
    ]
    mean_network = circuit.with_values({n: NEVER * np.ones_like(value_of(circuit, n)) for n in alike})
    report = {}
    unseen = left_out(data)
    for kind, rates in generated(mean_network, data, FEW).items():
        own = data["rate"].values[data["cell_type"].values == kind]
        curves = [np.nanmean(side, axis=0) for side in (rates, own)]
        ours, theirs = (curve / curve.mean() for curve in curves)
        halves = floor(relative(own, ~unseen), unseen)
        report[kind] = {"rms": float(np.sqrt(np.mean((ours - theirs) ** 2))), "halves": halves} | blanks(data, own)
    return report


def blanks(data: xr.Dataset, cells: np.ndarray) -> dict[str, float]:
    """Standard deviation over mean between blanks, of the least and of the most responsive fifth of cells."""
    found = cells[:, data["contrast"].values == 0]
    order = np.array_split(np.argsort(found.mean(axis=1)), 5)
    least, most = (found[rows] for rows in (order[0], order[-1]))
    varies = [float(np.sqrt(np.mean(c.var(axis=1, ddof=1)) / np.mean(c.mean(axis=1) ** 2))) for c in (least, most)]
    return {"blanks_of_weak_cells": varies[0], "blanks_of_strong_cells": varies[1]}


def left_out(data: xr.Dataset) -> np.ndarray:
    """A quarter of the conditions with a stimulus, spread over sizes and contrasts, (conditions,)."""
    number = [np.unique(values, return_inverse=True)[1] for values in features(data).values()]
    shown = data["contrast"].values > 0
    return shown & ((number[0] + 2 * number[1]) % EVERY == 1)


def relative(rates: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Curves over their means in the fitted conditions; those without any response there are left out."""
    mean = rates[:, fitted].mean(axis=1)
    return rates[mean > 0] / mean[mean > 0, None]


def apart(a: np.ndarray, b: np.ndarray, conditions: np.ndarray) -> float:
    """The mean distance of relative rates in some conditions."""
    return float(np.mean([ks_distance(a[:, i], b[:, i]) for i in np.flatnonzero(conditions)]))


def floor(curves: np.ndarray, conditions: np.ndarray) -> float:
    """The same between random halves of measured curves."""
    rng, half = np.random.default_rng(0), len(curves) // 2
    orders = [rng.permutation(len(curves)) for _ in range(HALVES)]
    return float(np.mean([apart(curves[order[:half]], curves[order[half:]], conditions) for order in orders]))


def generated(circuit: AbstractCircuit, data: xr.Dataset, realisations: int) -> dict[str, np.ndarray]:
    """Curves of every recorded type in the conditions of the data, (curves, conditions)."""
    response = circuit.at_conditions(features(data)).sample(jax.random.key(1), realisations)
    curves, accepted = np.asarray(response.curves), np.asarray(response.accepted)
    kinds = np.tile(circuit.populations()["cell_type"], realisations)
    return {str(kind): curves[accepted & (kinds == kind)] for kind in np.unique(kinds)}


def predicted(data: xr.Dataset, fit: tuneful.Fit) -> dict[str, Any]:
    """What a fit without a quarter of the conditions says of them, by type."""
    unseen = left_out(data)
    aside = data.isel(unit=np.flatnonzero(fit.dataset_["held_out"].values))
    report = {}
    for kind, rates in generated(fit.circuit_, data, CURVES).items():
        own = aside["rate"].values[aside["cell_type"].values == kind]
        cells, curves = relative(own, ~unseen), relative(rates, ~unseen)
        report[kind] = {
            "left_out": apart(curves, cells, unseen),
            "fitted": apart(curves, cells, ~unseen),
            "floor": floor(cells, unseen),
        }
    return report


def study(data: xr.Dataset, types: int, overrides: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """The start, and both fits of one number of types to the cells in one state."""
    start = means(data, types, overrides)
    if options.means:
        return {"types": types, "means": start}
    about = types, overrides, not options.json
    fit, fewer = fitted(data, *about), data.isel(condition=np.flatnonzero(~left_out(data)))
    whole = fit.result_
    return {
        "types": types,
        "means": start,
        "statistics": {
            kind: {name: {key: row[key] for key in ("ks", "floor")} for name, row in rows.items()}
            for kind, rows in whole["statistics"].items()
        },
        "over_floor": float(
            np.median([row["ks"] / row["floor"] for rows in whole["statistics"].values() for row in rows.values()])
        ),
        "rejected_fraction": whole["rejected_fraction"],
        "seconds": whole["wall_seconds"],
        "prediction": predicted(data, fitted(fewer, *about)),
    }


def changes(data: dict[str, xr.Dataset], types: int, overrides: list[str], options: argparse.Namespace) -> Any:
    """Of some parameters, how the second state differs from the first, and how surely."""
    config = preset(types, [*overrides, f"fitted={','.join(options.changes)}", "held_out=0.03"])
    circuit, objective, penalties = config.components()
    found = []
    for state, own in data.items():
        shown = own.isel(condition=np.flatnonzero(np.isin(own["contrast"].values, COMPARED)))
        task = FitTask.of(circuit, objective, shown, config.fit, 0, penalties, config.match)
        at, key = task.problem.circuit, jax.random.key(0)  # the same realisations in both states
        local = LocalProblem.of(task.problem, at, key, options.curves)
        descent = InferenceDescent(local, InferenceSettings(polish=options.polish), np.arange(task.n_fitted), key)
        keeper = Checkpoints(options.keep / state) if options.keep else None
        minimum = descent.minimum(end_of(descent, keeper=keeper, observers=[say(state)]))
        found.append((minimum, task.dataset["unit"].values[fitted_units(task)].tolist(), local.coordinates))
    (first, *_), (second, _, at) = found
    influences = []
    for minimum, units, _ in found:
        spread, _ = minimum.robust_spread
        influences.append(dict(zip(units, minimum.scaled_scores @ spread, strict=True)))
    both = [unit for unit in influences[0] if unit in influences[1]]
    ours, theirs = (np.array([one[unit] for unit in both]) for one in influences)
    apart = first.robust_spread[1] + second.robust_spread[1]
    paired = apart - ours.T @ theirs - theirs.T @ ours
    rows = zip(at.entries, second.point - first.point, np.sqrt(np.diag(paired)), np.sqrt(np.diag(apart)), strict=True)
    told = [{"parameter": n, "difference": d, "error": e, "unpaired_error": u} for n, d, e, u in rows]
    own = at.own(np.stack([first.point, second.point]))
    told = [row | {"values": own[:, k]} for k, row in enumerate(told)]
    share = max(one.simulation_share for one, *_ in found)
    return {"cells": [len(u) for _, u, _ in found], "in_both": len(both), "changes": told, "simulation_share": share}


def say(state: str) -> Observer:
    """Say on standard error what every step did."""
    return lambda moment: print(f"{state}: step {moment.steps}, {moment.record}", file=sys.stderr, flush=True)


def simulated(overrides: list[str]) -> xr.Dataset:
    """A few cells of the circuit of the preset, where there are no recordings: by the program that `means` uses."""
    circuit, *_ = resolve("v1", {}, overrides).components()
    crossed = {"size": np.tile([5.0, 13.0, 36.0], 3), "contrast": np.repeat([0.0, 12.0, 100.0], 3)}
    blank = make_dataset(np.ones((1, 9)), crossed)
    cells = generated(circuit, blank, CURVES)
    kinds = [kind for kind, curves in cells.items() for _ in curves]
    return make_dataset(np.concatenate([*cells.values()]), crossed, {"cell_type": kinds}, rate_unit="events")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the recordings")
    parser.add_argument("--types", type=int, nargs="+", choices=(2, 4), default=[2, 4])
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES))
    parser.add_argument("--means", action="store_true", help="no fit, only the start")
    parser.add_argument("--changes", nargs="+", default=[], help="parameters that may differ between the states")
    parser.add_argument("--curves", type=int, default=480, help="of both samples of --changes")
    parser.add_argument("--polish", type=int, default=8, help="steps to either minimum, at most")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="states of --changes; goes on with them")
    parser.add_argument("--set", action="append", default=[], dest="overrides", help="settings of the preset")
    reporting.add_options(parser, quick="one step of a tiny network, beside simulated cells")
    options = reporting.parsed(parser)
    if options.changes and len(set(options.states)) < 2:
        parser.error("--changes compares two states: leave --states out")
    if options.quick:
        options.overrides, options.types, options.curves, options.polish = [*QUICK, *options.overrides], [2], 64, 1
        recorded = dict.fromkeys(options.states, simulated(options.overrides))
    else:
        recorded = recordings(options)
    if options.changes:
        found = changes(recorded, options.types[0], options.overrides, options)
        return reporting.publish(found, options, print_changes)
    rows = [
        {"state": state} | study(data, types, options.overrides, options)
        for state, data in recorded.items()
        for types in options.types
    ]
    return reporting.publish(rows, options, table)


def recordings(options: argparse.Namespace) -> dict[str, xr.Dataset]:
    """The cells in the states that are asked for."""
    files = {state: (options.data or Path()) / f"size_contrast_{state}.csv.gz" for state in options.states}
    if missing := [str(path) for path in files.values() if not path.exists()]:
        sys.exit(
            f"Skipped: there are no recordings {', '.join(missing)}. Name their folder with --data, or use --quick."
        )
    return {state: tuneful.load(path, rate_unit="events") for state, path in files.items()}


def print_changes(found: dict[str, Any]) -> None:
    """Print the differences between the states."""
    shared = f"{found['in_both']} in both; {found['simulation_share']:.0%} of a variance from simulation"
    print(f"cells: {found['cells']}, {shared}")
    for row in found["changes"]:
        low, high = (row["difference"] + sign * 1.645 * row["error"] for sign in (-1, 1))
        print(
            f"{row['parameter']:24} {row['values'][0]:8.3g} -> {row['values'][1]:8.3g}   {row['difference']:+.3f} "
            f"+- {row['error']:.3f} (unpaired {row['unpaired_error']:.3f}), 90 %: {low:+.3f} to {high:+.3f}"
        )


def table(rows: list[dict[str, Any]]) -> None:
    """Print distances beside their floors."""
    for row in rows:
        print(f"{row['state']}, {row['types']} types")
        for kind, start in row["means"].items():
            print(
                f"  {kind:>4} at the start: " + "  ".join(f"{k.replace('_', ' ')} {v:.2f}" for k, v in start.items())
            )
        for kind, statistics in row.get("statistics", {}).items():
            for name, found in statistics.items():
                print(f"  {kind:>4} {name:24} {found['ks']:.3f}   halves {found['floor']:.3f}")
            found = row["prediction"][kind]
            told = "  ".join(f"{key.replace('_', ' ')} {value:.3f}" for key, value in found.items())
            print(f"  {kind:>4} rates, a quarter of conditions left out: {told}")
        if "over_floor" in row:
            print(f"  median over its floor: {row['over_floor']:.1f}")


if __name__ == "__main__":
    main()
