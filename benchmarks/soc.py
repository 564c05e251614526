"""Time of stabilising random networks, beside its floor and the published pattern, measured in the same run.

    python benchmarks/soc.py                       # ten networks of 200 cells, one each of 400 and 1,000; a table
    python benchmarks/soc.py --json --sizes 2000   # one network of 2,000 cells; numbers as JSON
    python benchmarks/soc.py --sizes 200 --threads 1 --published   # and the published algorithm from these starts
    python benchmarks/soc.py --sizes 200 --threads 1 --set momentum=0.5 rate=20    # other settings of the descent

The floor of a step is one real Schur form of the matrix, in the precision of the descent (float32). The published
pattern takes two eigenvalue and two Lyapunov solves a step; its time a step is measured and multiplied by the number
of steps that it takes, 2,167 for seed 1 at N = 200 (`stabilize(..., faithful=True)` repeats them).

Every number of BLAS threads runs in a process of its own: the libraries read it once, when they are loaded.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from reporting import add_options, parsed, publish

PUBLISHED_STEPS = 2167
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Section 6 of the design notes: five circuits of the published algorithm at N = 200, abscissa .15.
RANGES = {
    "abscissa": (0.0, 0.15),
    "least_real_part": (-22.0, -21.0),
    "largest_energy": (12.0, 14.5),
    "mean_energy": (2.3, 2.4),
    "amplified_directions": (128, 130),
    "peak_amplification": (3.1, 3.2),
    "peak_time": (0.4, 0.6),
    "numerical_abscissa": (12.3, 13.3),
    "henrici_index": (0.72, 0.75),
    "ei_correlation": (-0.42, -0.39),
    "excitatory_abscissa": (10.0, 10.7),
}


def seconds(function: Callable[[], Any], repeats: int) -> float:
    """Median time of a call."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def published_step(weights: Any) -> None:
    """The costly part of a step of the published loop: two eigenvalue and two Lyapunov solves."""
    import numpy as np
    from scipy.linalg import solve_continuous_lyapunov

    np.linalg.eigvals(weights)
    abscissa = np.linalg.eigvals(weights).real.max()
    identity = np.eye(len(weights))
    a = weights - max(1.5 * abscissa, abscissa + 0.2) * identity
    solve_continuous_lyapunov(a.T, -2 * identity)
    solve_continuous_lyapunov(a, -2 * identity)


def stabilized(n: int, seed: int, **settings: Any) -> dict[str, Any]:
    """Stabilise one network, and analyse it; the peak of a large one takes longer than its descent."""
    from tuneful.circuits import random_network
    from tuneful.networks import circuit_scalars
    from tuneful.stability import stabilize

    network = random_network(n, seed)
    began = time.perf_counter()
    circuit = stabilize(network.weights, network.excitatory, **settings)
    wall = time.perf_counter() - began
    return {
        "n": n,
        "seed": seed,
        "outcome": circuit.outcome,
        "steps": circuit.steps,
        "seconds": wall,
        "seconds_per_step": wall / (circuit.steps + 1),
        "constraints_hold": all(check.holds for check in circuit.checks),
        "scalars": asdict(circuit_scalars(circuit.weights, circuit.excitatory)) if n <= 400 else None,
    }


def measure(
    sizes: list[int], seeds: int, repeats: int, published: bool, settings: dict[str, float]
) -> dict[str, Any]:
    """All runs with the threads of this process."""
    from scipy.linalg import schur

    from tuneful.circuits import random_network

    stabilized(100, 0)  # imports and first calls apart
    results = {}
    for n in sizes:
        few = repeats if n <= 400 else 1
        floor = seconds(partial(schur, random_network(n, 1).weights.astype("float32"), check_finite=False), few)
        runs = [stabilized(n, seed, **settings) for seed in (range(seeds) if n <= 200 else [1])]
        results[n] = {"schur_float32": floor, "runs": runs}
        results[n]["step_times_floor"] = statistics.median(r["seconds_per_step"] for r in runs) / floor
        if n <= 200:
            results[n] |= against_published(random_network(n, 1).weights, runs, few)
            results[n]["seeds_outside_of_range"] = outside(runs)
        if published and n <= 200:
            results[n]["published_runs"] = [stabilized(n, seed, faithful=True) for seed in range(seeds)]
    return results


def against_published(weights: Any, runs: list[dict[str, Any]], repeats: int) -> dict[str, Any]:
    """The published pattern on the same machine."""
    step = seconds(lambda: published_step(weights), repeats)
    ratios = [step * PUBLISHED_STEPS / run["seconds"] for run in runs if run["seed"] == 1]
    return {"published_step": step, "faster_than_published": ratios[0]}


def outside(runs: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Seeds whose scalar is not in its range, by scalar."""
    return {
        name: [run["seed"] for run in runs if not low <= run["scalars"][name] <= high]
        for name, (low, high) in RANGES.items()
    }


def with_threads(count: int, arguments: list[str]) -> dict[str, Any]:
    """Run this benchmark in a process with so many BLAS threads."""
    environment = os.environ | dict.fromkeys(THREADS, str(count))
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def table(results: dict[str, Any]) -> None:
    """Print the results of one number of threads."""
    for n, result in results.items():
        runs = result["runs"]
        times, steps = [run["seconds"] for run in runs], [run["steps"] for run in runs]
        reached = sum(run["outcome"] == "reached" and run["constraints_hold"] for run in runs)
        print(
            f"  N = {n}: {reached} of {len(runs)} reached with exact constraints; {min(times):.2f} to "
            f"{max(times):.2f} s (median {statistics.median(times):.2f}), {min(steps)} to {max(steps)} steps; a step "
            f"takes {result['step_times_floor']:.2f} Schur forms of {1e3 * result['schur_float32']:.1f} ms"
        )
        if "published_step" in result:
            print(
                f"    published pattern: {1e3 * result['published_step']:.0f} ms a step, x {PUBLISHED_STEPS}: "
                f"{result['faster_than_published']:.0f} times slower (seed 1)"
            )
            print_scalars("    scalars", runs)
        if "published_runs" in result:
            print_scalars("    of the published algorithm from the same starts", result["published_runs"])


def print_scalars(title: str, runs: list[dict[str, Any]]) -> None:
    """Print least, mean and largest value of every scalar, and where it is not in its range."""
    missing, typical = outside(runs), statistics.median(run["seconds"] for run in runs)
    total = f"{sum(map(len, missing.values()))} of {len(runs) * len(RANGES)}"
    print(f"{title}: {total} outside of the ranges; {typical:.1f} s a circuit")
    for name, (low, high) in RANGES.items():
        values = [run["scalars"][name] for run in runs]
        print(
            f"    {name:22s} {min(values):8.3f} {statistics.mean(values):8.3f} {max(values):8.3f}   "
            f"range {low:g} to {high:g}   outside: seeds {missing[name]}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 400, 1000])
    parser.add_argument("--seeds", type=int, default=10, help="networks of 200 cells, at least 2")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--published", action="store_true", help="run the published algorithm, too: minutes")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=NUMBER", help="arguments of `stabilize`")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    add_options(parser, quick="two networks of 60 cells, once, on one thread")
    options = parsed(parser)
    if options.quick:
        options.sizes, options.seeds, options.repeats, options.threads = [60], 2, 1, [1]
    if options.child:
        settings = {name: float(value) for name, value in (item.split("=") for item in options.set)}
        print(json.dumps(measure(options.sizes, options.seeds, options.repeats, options.published, settings)))
        return
    arguments = [
        "--sizes",
        *map(str, options.sizes),
        "--seeds",
        str(options.seeds),
        "--repeats",
        str(options.repeats),
        *(["--published"] if options.published else []),
        *(["--set", *options.set] if options.set else []),
    ]
    results = {count: with_threads(count, arguments) for count in options.threads}
    publish({"threads": results}, options, tables)


def tables(report: dict[str, Any]) -> None:
    """Print the results of every number of threads."""
    for count, result in report["threads"].items():
        print(f"{count} BLAS thread{'s' if count > 1 else ''}")
        table(result)


if __name__ == "__main__":
    main()
