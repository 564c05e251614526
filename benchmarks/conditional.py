"""Known truth: what do places, types and contrasts add to size tuning? The experiments of Arakaki et al. 2019.

    python benchmarks/conditional.py                                             # moments, seeds 0 to 4
    python benchmarks/conditional.py --objective energy mmd --experiment everything
    python benchmarks/conditional.py --json                                      # the same numbers as JSON
    python benchmarks/conditional.py --quick                                     # shows that the script runs

The network of `tuneful fit ssn2019`: 13 parameters, fitted to as many curves in every experiment, from a start at
which all connections are alike. "sizes" are curves of excitatory cells at the centre at one contrast, and the other
experiments add to these: a second contrast, four more places, inhibitory cells; "everything" has them all. Reported
are fitted over true parameters, their errors, how the fit ended, and the seconds of its loop.
With --keep FILE every fit is kept as it is done, and the same command, or one for other fits with the same settings,
goes on.
"""

import argparse
import dataclasses
import os
import time
from typing import Any

import jax
import numpy as np
from reporting import add_keep, add_options, kept, parsed, publish

import tuneful
from tuneful.circuits import Recurrent
from tuneful.registry import build, circuits
from tuneful.runs.presets import resolve

PRESET = "ssn2019"
QUICK = [
    "n_sites=11",
    "refine_steps=2",
    "refine_first=24",
    "refine_batch=24",
    "evaluation_curves=24",
    "final_curves=24",
]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Which cells are recorded, and what they are shown; None: as in the preset."""

    types: tuple[str, ...] | None = ("E",)
    places: tuple[float, ...] | None = (0.0,)
    contrasts: tuple[float, ...] | None = (20.0,)


EXPERIMENTS = {
    "sizes": Experiment(),
    "contrasts": Experiment(contrasts=None),
    "places": Experiment(places=None),
    "types": Experiment(types=None),
    "everything": Experiment(None, None, None),
}


def recorded(whole: Recurrent, experiment: Experiment) -> Recurrent:
    """The circuit with the cells and stimuli of an experiment."""
    shown = whole.conditions()
    if experiment.contrasts is not None:
        kept = np.isin(shown["contrast"], experiment.contrasts)
        shown = {name: values[kept] for name, values in shown.items()}
    places = whole.sites if experiment.places is None else experiment.places
    return dataclasses.replace(whole.at_conditions(shown), recorded=experiment.types or whole.recorded, sites=places)


def fit(seed: int, name: str, objective: str, options: argparse.Namespace) -> dict[str, Any]:
    """Simulate the curves of an experiment, and fit them."""
    config = resolve(PRESET, {"objective": objective}, options.set)
    whole = build("circuit", circuits(), config.circuit)
    assert isinstance(whole, Recurrent)
    start = recorded(whole, EXPERIMENTS[name])
    share = start.cells_per_realisation / whole.cells_per_realisation  # as many realisations in every experiment
    sizes = {size: max(2, round(share * getattr(config.fit, size))) for size in ("refine_first", "refine_batch")}
    truth = start.with_values(config.data.truth or {})
    data = tuneful.simulate(truth, options.curves, jax.random.key(1000 + seed))
    settings = config.fit.model_dump() | sizes | {"held_out": 0.1}
    done = tuneful.Fit(*config.components(start), **settings).fit(data, seed=seed, progress=False)
    ratios = {
        parameter: (np.array(row["value"]) / np.array(row["truth"])).tolist()
        for parameter, row in done.result_["parameters"].items()
    }
    flat = np.concatenate([np.ravel(ratio) for ratio in ratios.values()])
    told = {key: done.result_[key] for key in ("stopped", "steps", "wall_seconds")}
    about = {"experiment": name, "objective": objective, "seed": seed, "fitted_over_truth": ratios}
    return (
        about
        | told
        | {"largest_error": float(np.abs(flat - 1).max()), "median_error": float(np.median(np.abs(flat - 1)))}
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All experiments with all objectives and seeds, on all cores."""
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    began = time.perf_counter()
    asked = {
        f"{name}, {objective}, seed {seed}": (seed, name, objective, options)
        for name in options.experiment for objective in options.objective for seed in options.seeds
    }  # fmt: skip
    about = {"curves": options.curves, "set": options.set}
    fits = kept(options.keep, about, asked, lambda name: fit(*asked[name]))
    return {"curves": options.curves, "fits": fits, "seconds": time.perf_counter() - began}


def table(report: dict[str, Any]) -> None:
    """Print a line and the parameters of every fit."""
    print("{curves} curves; {seconds:.0f} s in all".format(**report))
    for one in report["fits"]:
        print(
            "{experiment}, {objective}, seed {seed}: error median {median_error:.1%}, largest {largest_error:.1%}; "
            "{steps} steps, {wall_seconds:.0f} s; {stopped}".format(**one)
        )
        fitted = (
            f"{name} {' '.join(f'{v:.2f}' for v in np.ravel(r))}" for name, r in one["fitted_over_truth"].items()
        )
        print(f"    fitted / true: {'; '.join(fitted)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", nargs="+", choices=tuple(EXPERIMENTS), default=list(EXPERIMENTS))
    parser.add_argument("--objective", nargs="+", default=["moments"], metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--curves", type=int, default=2000)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in `tuneful fit`")
    add_keep(parser)
    add_options(parser, quick="one experiment and seed, two steps of 11 sites, few curves")
    options = parsed(parser)
    if options.quick:
        options.experiment, options.seeds, options.curves = ["types"], [0], 40
        options.set = [*options.set, *QUICK]
    publish(run(options), options, table)


if __name__ == "__main__":
    main()
