"""Known truth: do the parameters of the feedforward M1 model come back from simulated curves?

    python benchmarks/m1_recovery.py                              # ten seeds
    python benchmarks/m1_recovery.py --objective energy           # by a stochastic descent, as the preset goes
    python benchmarks/m1_recovery.py --json                       # the same numbers as JSON
    python benchmarks/m1_recovery.py --quick                      # shows that the script runs

Every seed simulates its own data and fits them from the same distant start. Beside the five parameters, the table has
the three combinations that the curves fix: the mean width of the receptive fields, the gap between the mean drive
J density / 2 and the mean threshold, and the range of thresholds. Errors are relative to the truth, those of the gap
and of phi_l in Hz. Beside their spread over seeds stands what moments of the curves leave at best: the Cramer-Rao
bound of their information at the truth, if every parameter was known to a factor of e before.
"""

import argparse
import os
import time
from typing import Any

import jax

jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

import numpy as np  # noqa: E402
from jax.flatten_util import ravel_pytree  # noqa: E402
from reporting import add_options, parsed, publish  # noqa: E402

import tuneful  # noqa: E402
from tuneful.analysis.curve_information import bound, information  # noqa: E402
from tuneful.circuits import FeedforwardM1  # noqa: E402
from tuneful.fitting import Problem  # noqa: E402
from tuneful.fitting.linearised import realised_at  # noqa: E402
from tuneful.fitting.unconstrained import unconstrained_values, with_unconstrained  # noqa: E402
from tuneful.objectives import AbstractObjective, EnergyDistance, Measured, Moments  # noqa: E402

TRUTH = {"sigma_l": 0.2, "dsigma": 1.2, "J": 9000.0, "phi_l": 25.0, "dphi": 30.0}
START = {"sigma_l": 0.4, "dsigma": 0.8, "J": 7000.0, "phi_l": 15.0, "dphi": 35.0}
IN_HZ = ("phi_l", "gap")
LOOK = Moments(shapes=True, ridge=0.01)  # of those that were tried, the one that knows most
OBJECTIVES: dict[str, AbstractObjective] = {"moments": LOOK, "energy": EnergyDistance(shapes=True)}
INFORMING = 4000  # curves from which the bound is computed


def combinations(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters, and what the curves fix of them."""
    return values | {
        "mean_width": values["sigma_l"] + values["dsigma"] / 2,
        "gap": values["J"] * 0.01 / 2 - values["phi_l"] - values["dphi"] / 2,
    }


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """How a fit is run: Gauss-Newton steps, or a stochastic descent."""
    steps, curves = options.steps, options.generated
    if options.objective == "moments":
        how = {"max_steps": 0, "refine_steps": steps, "refine_first": max(16, curves // 8), "refine_batch": curves}
    else:
        how = {"batch": 128, "learning_rate": 0.05, "max_steps": steps, "window": steps // 2}
    return how | {"held_out": 0.01, "evaluate_every": steps, "final_curves": 200}


def fit(seed: int, circuit: FeedforwardM1, options: argparse.Namespace) -> dict[str, Any]:
    """Fit curves simulated with one seed."""
    data = tuneful.simulate(circuit.with_values(TRUTH), options.curves, jax.random.key(1000 + seed))
    start, objective = circuit.with_values(START), OBJECTIVES[options.objective]
    fitted = tuneful.Fit(start, objective, **settings_of(options)).fit(data, seed=seed, progress=False)
    values = combinations({name: float(value) for name, value in fitted.params_.items()})
    told = ("stopped", "steps", "wall_seconds")
    return {"seed": seed, "values": values} | {name: fitted.result_[name] for name in told}


def at_best(circuit: FeedforwardM1, curves: int, informing: int) -> dict[str, float]:
    """Standard errors that so many curves leave, in the units of the parameters."""
    truth = circuit.with_values(TRUTH)
    names = tuple(TRUTH)
    problem = Problem(truth, LOOK, Measured.from_rates(np.ones((2, len(truth.stimuli)))), names)
    at = unconstrained_values(truth, names)
    covariance = bound(information(*realised_at(problem, at, jax.random.key(0), informing), LOOK), curves)
    flat, unravel = ravel_pytree(at)

    def natural(flat: jax.Array) -> dict[str, jax.Array]:
        changed = with_unconstrained(truth, unravel(flat))
        return combinations({name: getattr(changed, name) for name in names})

    slopes = {name: np.asarray(row, float) for name, row in jax.jacfwd(natural)(flat).items()}
    return {name: float(np.sqrt(row @ covariance @ row)) for name, row in slopes.items()}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All seeds, and the bound."""
    began = time.perf_counter()
    circuit = FeedforwardM1(grid=options.grid, n_cells=8)
    fits = [fit(seed, circuit, options) for seed in range(options.seeds)]
    best = at_best(circuit, options.curves, options.informing)
    truth, start = combinations(TRUTH), combinations(START)
    rows = {}
    for name, true in truth.items():
        scale = 1.0 if name in IN_HZ else true
        errors = (np.array([f["values"][name] for f in fits]) - true) / scale
        rows[name] = {
            "truth": true,
            "start_error": (start[name] - true) / scale,
            "bias": float(errors.mean()),
            "spread": float(errors.std(ddof=1)) if len(errors) > 1 else None,
            "bound": best[name] / scale,
        }
    asked = {name: getattr(options, name) for name in ("objective", "seeds", "curves", "steps", "generated")}
    return asked | {"rows": rows, "fits": fits, "seconds": time.perf_counter() - began}


def table(report: dict[str, Any]) -> None:
    """Print errors relative to the truth, or in Hz."""
    print("{objective}: {seeds} seeds, {curves} curves, {steps} steps; {seconds:.0f} s in all".format(**report))
    print(f"{'':<12}{'truth':>10}{'at start':>12}{'bias':>12}{'spread':>12}{'bound':>12}")
    for name, row in report["rows"].items():
        unit = " Hz" if name in IN_HZ else ""
        errors = (row[key] for key in ("start_error", "bias", "spread", "bound"))
        numbers = ["-" if e is None else f"{e:+.2f}{unit}" if unit else f"{e:+.1%}" for e in errors]
        print(f"{name:<12}{row['truth']:>10.4g}" + "".join(f"{n:>12}" for n in numbers))
    for one in report["fits"]:
        print("seed {seed}: {stopped} ({steps} steps, {wall_seconds:.0f} s)".format(**one))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objective", choices=tuple(OBJECTIVES), default="moments")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--curves", type=int, default=1000)
    parser.add_argument("--steps", type=int, help="at most; 60 Gauss-Newton ones, or 200 of a descent")
    parser.add_argument("--generated", type=int, default=4096, help="curves in the largest sample of a refinement")
    add_options(parser, quick="one seed, few curves and steps, a small grid")
    options = parsed(parser)
    options.steps = options.steps or (60 if options.objective == "moments" else 200)
    options.grid, options.informing = 40, INFORMING
    if options.quick:
        options.seeds, options.curves, options.steps, options.generated = 1, 200, 2, 64
        options.grid, options.informing = 5, 192
    publish(run(options), options, table)


if __name__ == "__main__":
    main()
