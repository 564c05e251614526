"""Known truth: do the parameters of the feedforward M1 model come back from simulated curves?

    python benchmarks/m1_recovery.py [--json] [--seeds 10] [--curves 1000]

Every seed simulates its own data and fits them from the same distant start. Beside the five parameters, the table has
the three combinations that the curves fix: the mean width of the receptive fields, the gap between the mean drive
J density / 2 and the mean threshold, and the range of thresholds. Errors are relative to the truth, those of the gap
and of phi_l in Hz.
"""

import argparse
import os
import time
from typing import Any

import jax

jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

import numpy as np  # noqa: E402
from reporting import add_options, parsed, publish  # noqa: E402

import tuneful  # noqa: E402
from tuneful.circuits import FeedforwardM1  # noqa: E402
from tuneful.objectives import EnergyDistance  # noqa: E402

TRUTH = {"sigma_l": 0.2, "dsigma": 1.2, "J": 9000.0, "phi_l": 25.0, "dphi": 30.0}
START = {"sigma_l": 0.4, "dsigma": 0.8, "J": 7000.0, "phi_l": 15.0, "dphi": 35.0}
IN_HZ = ("phi_l", "gap")


def combinations(values: dict[str, float]) -> dict[str, float]:
    """The parameters, and what the curves fix of them."""
    return values | {
        "mean_width": values["sigma_l"] + values["dsigma"] / 2,
        "gap": values["J"] * 0.01 / 2 - values["phi_l"] - values["dphi"] / 2,
    }


def fit(seed: int, curves: int, steps: int, grid: int) -> dict[str, float]:
    """Fit curves simulated with one seed."""
    circuit = FeedforwardM1(grid=grid, n_cells=8)
    data = tuneful.simulate(circuit.with_values(TRUTH), curves, jax.random.key(1000 + seed))
    objective = EnergyDistance(shapes=True)
    settings = {
        "batch": 128,
        "learning_rate": 0.05,
        "max_steps": steps,
        "window": steps // 2,
        "held_out": 0.01,
        "evaluate_every": steps,
        "final_curves": 200,
    }
    fitted = tuneful.Fit(circuit.with_values(START), objective, **settings).fit(data, seed=seed, progress=False)
    return combinations({name: float(value) for name, value in fitted.params_.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--curves", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=200)
    add_options(parser, quick="one seed, few curves and steps, a small grid")
    options = parsed(parser)
    grid = 40
    if options.quick:
        options.seeds, options.curves, options.steps, grid = 1, 200, 2, 5
    began = time.perf_counter()
    found = [fit(seed, options.curves, options.steps, grid) for seed in range(options.seeds)]
    truth, start = combinations(TRUTH), combinations(START)
    rows = {}
    for name, true in truth.items():
        scale = 1.0 if name in IN_HZ else true
        errors = (np.array([f[name] for f in found]) - true) / scale
        spread = float(errors.std(ddof=1)) if len(errors) > 1 else None
        rows[name] = {
            "truth": true,
            "start_error": (start[name] - true) / scale,
            "bias": float(errors.mean()),
            "spread": spread,
        }
    about = {name: getattr(options, name) for name in ("seeds", "curves", "steps")}
    report = about | {"rows": rows, "seconds": time.perf_counter() - began}
    publish(report, options, table)


def table(report: dict[str, Any]) -> None:
    """Print errors relative to the truth, or in Hz."""
    print("{seeds} seeds, {curves} curves, {steps} steps; {seconds:.0f} s in all".format(**report))
    print(f"{'':<12}{'truth':>10}{'at start':>12}{'bias':>12}{'spread':>12}")
    for name, row in report["rows"].items():
        unit = " Hz" if name in IN_HZ else ""
        errors = (row[key] for key in ("start_error", "bias", "spread"))
        numbers = ["-" if e is None else f"{e:+.2f}{unit}" if unit else f"{e:+.1%}" for e in errors]
        print(f"{name:<12}{row['truth']:>10.4g}" + "".join(f"{n:>12}" for n in numbers))


if __name__ == "__main__":
    main()
