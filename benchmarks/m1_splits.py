"""Recordings of motor cortex: how near does the fit to one half of the units come to the other half?

    python benchmarks/m1_splits.py --data FOLDER                               # the ten splits of seeds 0 to 9
    python benchmarks/m1_splits.py --data FOLDER --set posture=supination --seeds 0 1 2
    python benchmarks/m1_splits.py --data FOLDER --set observation=none        # the plain model of 2017
    python benchmarks/m1_splits.py --quick                                     # simulated curves: the script runs

The preset `m1` is fitted to half of the recordings of Lalazar et al. 2016 in a folder, or in any table of curves over
hand positions. Reported are, of four statistics, the Kolmogorov-Smirnov distances of generated curves to the half
that was held out, and to the fitted one, by which settings may be chosen; beside them those between the two halves,
which no circuit that resembles the fitted half can be much below. The paper's line for all four is .157.
With --keep FILE every split is kept as it is done, and the same command goes on.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import jax

jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

import numpy as np  # noqa: E402
from reporting import add_keep, add_options, kept, parsed, publish  # noqa: E402

import tuneful  # noqa: E402
from tuneful.curves import statistics_for  # noqa: E402
from tuneful.curves.comparison import compare  # noqa: E402
from tuneful.curves.schema import features  # noqa: E402
from tuneful.runs.presets import resolve  # noqa: E402

LINE = 0.157  # of the 2017 paper
QUICK = ["grid=5", "density=0.1", "max_steps=2", "evaluation_curves=40", "final_curves=40"]


def split(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Fit one half, and look at both."""
    config = resolve("m1", {"data": str(options.data), "seed": seed}, options.set)
    data = tuneful.load(options.data, **config.data.options)
    fit = tuneful.Fit(*config.components(), **config.fit.model_dump()).fit(data, seed=seed, progress=False)
    held_out = fit.dataset_["held_out"].values
    halves = [fit.dataset_["rate"].values[rows] for rows in (~held_out, held_out)]
    curves = fit.sample(config.fit.final_curves, seed=seed)["rate"].values
    names, conditions = statistics_for(data), features(data)

    def apart(one: np.ndarray, other: np.ndarray) -> list[float]:
        return [found.ks for found in compare(one, other, conditions, names, seed).values()]

    found = {"held_out": [fit.result_["statistics"][name]["ks"] for name in names]}
    found |= {"fitted": apart(curves, halves[0]), "halves": apart(*halves)}
    told = {key: fit.result_[key] for key in ("stopped", "steps", "wall_seconds")}
    return {"seed": seed, "statistics": names, "parameters": fit.params_} | found | told


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All splits."""
    began = time.perf_counter()
    about = {"data": str(options.data), "set": options.set}
    splits = kept(options.keep, about, options.seeds, lambda seed: split(seed, options))
    below = sum(max(one["held_out"]) < LINE for one in splits)
    return about | {"splits": splits, "below_the_line": below, "seconds": time.perf_counter() - began}


def table(report: dict[str, Any]) -> None:
    """A line for every split."""
    print(f"KS distances of {', '.join(report['splits'][0]['statistics'])}")
    for one in report["splits"]:
        held_out, fitted, halves = (
            " ".join(f"{ks:.3f}" for ks in one[which]) for which in ("held_out", "fitted", "halves")
        )
        print(
            f"seed {one['seed']}: held out {held_out}; fitted half {fitted}; between halves {halves} "
            f"({one['wall_seconds']:.0f} s; {one['stopped']})"
        )
    largest = np.mean([max(one["fitted"]) for one in report["splits"]])
    print(
        f"all four below {LINE} in {report['below_the_line']} of {len(report['splits'])} splits; the largest to the "
        f"fitted half {largest:.3f} (mean); {report['seconds']:.0f} s in all"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the recordings")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in `tuneful fit`")
    add_keep(parser)
    add_options(parser, quick="one split of a few simulated curves, two steps")
    options = parsed(parser)
    if not options.quick and options.data is None:
        parser.error("say where the recordings are: --data FOLDER (or --quick, which needs none)")
    with tempfile.TemporaryDirectory() as folder:
        if options.quick:
            options.seeds, options.set, options.data = [0], [*options.set, *QUICK], Path(folder) / "curves.nc"
            circuit = tuneful.circuits.FeedforwardM1(grid=5, density=0.1)
            tuneful.save(tuneful.simulate(circuit, 24, jax.random.key(0)), options.data)
        publish(run(options), options, table)


if __name__ == "__main__":
    main()
