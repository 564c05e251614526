"""Steady states, gradients and fits of the stabilized supralinear network, beside floors of the same process.

    python benchmarks/ssn.py                            # tables: one core and all, then cost against N and batch
    python benchmarks/ssn.py --json                     # the same numbers as JSON (--json FILE: both)
    python benchmarks/ssn.py --plot scaling.png         # ... and a plot of cost against N and batch
    python benchmarks/ssn.py --quick                    # one round of little on one core: shows that the script runs
    python benchmarks/ssn.py --experiment 0 1 2 3 4     # the paper's experiment by `ssn_recovery.py`, minutes

Measured at N = 201, 15 realisations x 5 stimuli, float32, in a process for one core (one device, pinned) and in
another for all (a device each). All that a process times is run in turn, round after round.

- product, Euler step: (5, 2N) @ (2N, 2N) through XLA as `r @ W`, and a step of the dynamics; every device in its own
  loop, all at the same time. The floor of steady states is evaluations x product / devices.
- steady states: of networks that lie on their devices; sample: the whole `circuit.sample`, with drawing z and
  building W; gradient: of the sum of all rates of a sample in J, dJ, sigma. What it takes beyond the sample is the
  backward part. A residual may be 1e-5 Hz, or 1e-6 of the largest rate if that is more.
- WGAN iteration, energy step: `tuneful.fitting.stochastic.advance` with the settings of the preset, at the true
  parameters. The former is 5 critic steps with fresh realisations and a generator step.
- scaling, all cores: batch 15 at several N with the same weights per unit length, and several batches at N = 201.

The published C solver took 3.4 s on one core for 15 x 5, an iteration of the GAN 32 CPU-seconds. On an accelerator,
`--cores` with the number of all cores measures it once.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import reporting
import ssn_recovery
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from matplotlib.figure import Figure

from tuneful.circuits import SSN
from tuneful.circuits.ensemble import map_realisations
from tuneful.fitting import Problem
from tuneful.fitting.stochastic import advance, start
from tuneful.objectives import Measured
from tuneful.runs.presets import resolve
from tuneful.solvers import Status
from tuneful.solvers.steady_states import SteadyState, steady_state

CORES = len(os.sched_getaffinity(0))
PUBLISHED = {"solve": 3.4, "wgan_iteration": 32.0}  # seconds on one core
PRODUCTS = 200  # in a timed loop
BUDGET = 20.0  # seconds of repetitions of one measurement, after which three rounds are enough
SCALING_REPEATS = 5
FITTED = 600  # curves, as many as the experiment fits

Times = dict[str, float]  # seconds: min and median of all rounds, and the first call, which compiles


def interleaved(tasks: dict[str, Callable[[int], Any]], repeats: int) -> dict[str, Times]:
    """Time every task once a round, so that all of them see the same moods of the machine."""
    first, times = {}, {name: [] for name in tasks}
    for name, task in tasks.items():
        first[name] = clock(task, 0)
    began = time.perf_counter()
    for number in range(1, repeats + 1):
        for name, task in tasks.items():
            times[name].append(clock(task, number))
        if number >= 3 and time.perf_counter() - began > BUDGET:
            break
    return {
        name: {"min": min(t), "median": statistics.median(t), "first": first[name], "rounds": len(t)}
        for name, t in times.items()
    }


def clock(task: Callable[[int], Any], number: int) -> float:
    """Seconds that a task takes."""
    began = time.perf_counter()
    jax.block_until_ready(task(number))
    return time.perf_counter() - began


def scaled(times: Times, factor: float) -> Times:
    return times | {k: factor * times[k] for k in ("min", "median")}


def ratio(a: Times, b: Times) -> Times:
    return {k: a[k] / b[k] for k in ("min", "median")}


def drive_of(circuit: SSN) -> Callable[[jax.Array, Any], jax.Array]:
    """f(r W + I) for the network (W, I)."""
    return lambda rates, network: circuit.gain(rates @ network[0] + network[1])


@eqx.filter_jit
def networks(circuit: SSN, key: jax.Array, n: int) -> Any:
    """(W, I) of n realisations, those of `circuit.sample(key, n)`."""

    def one(circuit: SSN, key: jax.Array) -> Any:
        z = circuit.draw(key)
        return circuit.weights(z), circuit.external_input(z)

    return map_realisations(one, circuit, key, n)


def on_devices(function: Callable[[Any], Any], stacked: Any, n: int) -> Callable[[int], Any]:
    """A task that maps as `map_realisations` does, over inputs that already lie on their devices."""
    devices = jax.devices()
    mesh, split = Mesh(np.array(devices), ("realisation",)), PartitionSpec("realisation")
    rows = np.minimum(np.arange(-(-n // len(devices)) * len(devices)), n - 1)
    placed = jax.tree.map(lambda a: jax.device_put(a[rows], NamedSharding(mesh, split)), stacked)
    spread = partial(jax.shard_map, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    compiled = jax.jit(spread(partial(jax.lax.map, function)))
    return lambda _: compiled(placed)


def floor_tasks(circuit: SSN) -> dict[str, Callable[[int], Any]]:
    """Loops of products and of Euler steps, one on every device."""
    n = len(jax.devices())
    weights, external = networks(circuit, jax.random.key(0), n)
    rest = jnp.zeros((n, *external.shape[1:]), weights.dtype)
    share, drive = jnp.asarray(-np.expm1(-2 / circuit.time_constants), weights.dtype), drive_of(circuit)
    neutral = jax.random.normal(jax.random.key(1), weights.shape) / weights.shape[-1] ** 0.5  # products stay finite

    def loop(step: Callable[..., jax.Array]) -> Callable[[Any], jax.Array]:
        return lambda inputs: jax.lax.fori_loop(0, PRODUCTS, lambda _, r: step(r, inputs), inputs[2])

    product = loop(lambda r, inputs: r @ inputs[0])
    euler = loop(lambda r, inputs: r + share * (drive(r, inputs[:2]) - r))
    return {
        "product": on_devices(product, (neutral, external, rest + 1), n),
        "euler_step": on_devices(euler, (weights, external, rest), n),
    }


def forward_tasks(circuit: SSN, batch: int) -> dict[str, Callable[[int], Any]]:
    """Steady states alone, and a whole sample of the same realisations."""
    key, drive = jax.random.key(3), drive_of(circuit)

    def solve(network: Any) -> SteadyState:
        rest = jnp.zeros_like(network[1])
        limits = {"tolerance": circuit.tolerance, "max_time": circuit.max_time, "ceiling": circuit.r0}
        return steady_state(drive, network, circuit.time_constants, rest, **limits)

    sample = eqx.filter_jit(lambda circuit: circuit.sample(key, batch))
    return {
        "solve": on_devices(solve, networks(circuit, key, batch), batch),
        "sample": lambda _: sample(circuit),
    }


def gradient_task(circuit: SSN, batch: int) -> Callable[[int], Any]:
    """Gradient of the sum of all rates in all parameters."""
    gradient = eqx.filter_jit(eqx.filter_value_and_grad(lambda c: c.sample(jax.random.key(3), batch).all_rates.sum()))
    return lambda _: gradient(circuit)


def step_tasks(options: argparse.Namespace) -> dict[str, Callable[[int], Any]]:
    """One step of a fit with either objective, other random numbers every time."""
    truth = SSN().with_sites(options.n_sites)
    curves = eqx.filter_jit(truth.sample)(jax.random.key(4), 20 if options.quick else FITTED)
    data = Measured.from_rates(curves.curves[curves.accepted])
    step = partial(step_task, truth, data, ssn_recovery.QUICK if options.quick else [])
    return {"wgan_iteration": step("wgan-gp"), "energy_step": step("energy")}


def step_task(truth: SSN, data: Measured, overrides: list[str], objective: str) -> Callable[[int], Any]:
    """A step at the true parameters with the settings of the preset."""
    config = resolve("ssn", {"objective": objective}, overrides)
    circuit = dataclasses.replace(truth, sites=config.circuit["sites"])
    _, built, avoided = config.components()
    steps = config.fit.for_objective(built.label).steps()
    problem = Problem(circuit, built, data, tuple(circuit.parameters()), tuple(avoided), steps)
    state = start(problem, jax.random.key(1))
    return lambda i: advance(problem, eqx.tree_at(lambda s: s.key, state, jax.random.key(100 + i)))


def quality(found: SteadyState, batch: int) -> dict[str, Any]:
    """Evaluations, residuals and outcomes of the steady states of a batch."""
    found = jax.tree.map(lambda a: np.asarray(a)[:batch], found)
    counts, residual, settled, largest = found.evaluations, found.residual, found.settled, found.rates.max(axis=-1)
    allowed = np.maximum(1e-5, 1e-6 * largest)
    outcomes = {kind.name.lower(): int((found.status.max(axis=1) == kind).sum()) for kind in Status}
    return {
        "evaluations": {"mean": counts.mean().item(), "median": np.median(counts).item(), "max": counts.max().item()},
        "evaluations_each": counts.tolist(),
        "residual_hz": float(residual[settled].max(initial=0)),
        "residual_relative": float((residual / largest)[settled].max(initial=0)),
        "residual_over_allowed": float((residual / allowed)[settled].max(initial=0)),
        "settled_problems": int(settled.sum()),
        "problems": int(settled.size),
        "realisations": outcomes,  # by the worst of their problems
    }


def with_floor(times: dict[str, Times], found: dict[str, Any], batch: int) -> dict[str, Any]:
    """What follows from times and evaluations."""
    devices, total = len(jax.devices()), batch * found["evaluations"]["mean"]
    times = times | {name: scaled(times[name], 1 / PRODUCTS) for name in ("product", "euler_step") if name in times}
    floor, each = scaled(times["product"], total / devices), scaled(times["solve"], devices / total)
    derived = {"floor": floor, "solve_over_floor": ratio(times["solve"], floor), "time_per_evaluation": each}
    return {"times": times, **derived, **found}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All that one process measures at one size."""
    circuit, batch = SSN().with_sites(options.n_sites), options.batch
    tasks = floor_tasks(circuit) | forward_tasks(circuit, batch)
    tasks |= {"gradient": gradient_task(circuit, batch), **step_tasks(options)}
    times = interleaved(tasks, options.repeats)
    run = with_floor(times, quality(tasks["solve"](0), batch), batch)
    backward = {k: times["gradient"][k] - times["sample"][k] for k in ("min", "median")}
    run |= {"backward": backward, "backward_over_forward": ratio(backward, times["sample"])}
    run["faster_than_published"] = {name: s / times[name]["median"] for name, s in PUBLISHED.items()}
    return run


def scaling(options: argparse.Namespace) -> dict[str, Any]:
    """Cost against N at one batch, and against batch at one N."""
    by_sites, by_batch = [], []
    repeats, stimuli = min(options.repeats, SCALING_REPEATS), len(SSN().stimuli)
    for n_sites in options.sites:
        circuit = SSN().with_sites(n_sites)
        tasks = {"product": floor_tasks(circuit)["product"]} | forward_tasks(circuit, options.batch)
        times = interleaved(tasks, repeats)
        row = with_floor(times, quality(tasks["solve"](0), options.batch), options.batch)
        each = {name: row["times"][name]["median"] / (options.batch * stimuli) for name in ("solve", "sample")}
        by_sites.append({"n_sites": n_sites, "seconds_each": each, **row})
    circuit = SSN().with_sites(options.n_sites)
    for batch in options.batches:
        times = interleaved(forward_tasks(circuit, batch), repeats)
        each = {name: batch / times[name]["median"] for name in times}
        by_batch.append({"batch": batch, "realisations_per_second": each, "times": times})
    return {"sites": by_sites, "batches": by_batch, "repeats": repeats}


def work(options: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own: set JAX up for so many cores, and measure."""
    if options.child < CORES:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.child])
    jax.config.update("jax_num_cpu_devices", options.child)
    device = jax.devices()[0]
    about = {"cores": options.child, "devices": len(jax.devices()), "platform": device.platform}
    run = about | {"device": device.device_kind, "jax": jax.__version__} | measure(options)
    if options.with_scaling:
        run["scaling"] = scaling(options)
    return run | {"load": os.getloadavg()[0]}


def in_child(*arguments: Any) -> Any:
    """Run this benchmark in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def run_all(options: argparse.Namespace) -> dict[str, Any]:
    """Measure with every number of cores that was asked for, the scaling with the last."""
    same = ["--n-sites", options.n_sites, "--batch", options.batch, "--repeats", options.repeats]
    same += ["--sites", *options.sites, "--batches", *options.batches, *(["--quick"] if options.quick else [])]
    runs = []
    for cores in options.cores:
        last = ["--with-scaling"] if cores == options.cores[-1] and not options.no_scaling else []
        runs.append(in_child("--child", cores, *same, *last))
    about = {"n_sites": options.n_sites, "batch": options.batch, "stimuli": len(SSN().sizes), "precision": "float32"}
    return about | {"published": PUBLISHED, "runs": runs}


def pair(times: Times, unit: float) -> str:
    return f"{times['median'] / unit:.4g} ({times['min'] / unit:.4g})"


ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "product, us": lambda r: pair(r["times"]["product"], 1e-6),
    "exponential Euler step, us": lambda r: pair(r["times"]["euler_step"], 1e-6),
    "steady states, W built, ms": lambda r: pair(r["times"]["solve"], 1e-3),
    "  over floor": lambda r: pair(r["solve_over_floor"], 1),
    "  faster than published": lambda r: f"{r['faster_than_published']['solve']:.0f} x",
    "  us an evaluation": lambda r: pair(r["time_per_evaluation"], 1e-6),
    "  evaluations, mean median max": lambda r: "{mean:.1f} {median:.0f} {max}".format(**r["evaluations"]),
    "  residual, Hz": lambda r: f"{r['residual_hz']:.1e}",
    "  residual, of largest rate": lambda r: f"{r['residual_relative']:.1e}",
    "  residual, of what is allowed": lambda r: f"{r['residual_over_allowed']:.2f}",
    "  problems settled": lambda r: f"{r['settled_problems']} of {r['problems']}",
    "sample with z and W, ms": lambda r: pair(r["times"]["sample"], 1e-3),
    "backward part of gradient, ms": lambda r: pair(r["backward"], 1e-3),
    "  over forward": lambda r: pair(r["backward_over_forward"], 1),
    "WGAN iteration, ms": lambda r: pair(r["times"]["wgan_iteration"], 1e-3),
    "  faster than the published": lambda r: f"{r['faster_than_published']['wgan_iteration']:.0f} x",
    "energy step, ms": lambda r: pair(r["times"]["energy_step"], 1e-3),
    "first WGAN iteration, s": lambda r: f"{r['times']['wgan_iteration']['first']:.1f}",
}


def print_tables(report: dict[str, Any]) -> None:
    runs = report["runs"]
    print(
        f"N {report['n_sites']}, {report['batch']} realisations x {report['stimuli']} stimuli, float32, "
        f"{runs[0]['device']}, jax {runs[0]['jax']}; median (min) of {runs[0]['times']['solve']['rounds']} rounds"
    )
    print(f"{'':<32}" + "".join(f"{str(r['cores']) + ' core' + 's' * (r['cores'] > 1):>20}" for r in runs))
    for label, write in ROWS.items():
        print(f"{label:<32}" + "".join(f"{write(r):>20}" for r in runs))
    print(f"{'load of the machine':<32}" + "".join(f"{r['load']:>20.1f}" for r in runs))
    for run in runs:
        if "scaling" in run:
            print_scaling(run["scaling"], report, run["cores"])


def print_scaling(found: dict[str, Any], report: dict[str, Any], cores: int) -> None:
    print(f"\nbatch {report['batch']}, {cores} cores, medians of {found['repeats']} rounds or fewer")
    names = ("N", "product us", "evaluations", "steady ms", "over floor", "sample ms", "us each", "settled")
    print("".join(f"{name:>13}" for name in names))
    for row in found["sites"]:
        times, each = row["times"], 1e6 * row["seconds_each"]["sample"]
        numbers = [1e6 * times["product"]["median"], row["evaluations"]["mean"], 1e3 * times["solve"]["median"]]
        numbers += [row["solve_over_floor"]["median"], 1e3 * times["sample"]["median"], each]
        settled = f"{row['settled_problems']} of {row['problems']}"
        print(f"{row['n_sites']:>13}" + "".join(f"{x:>13.4g}" for x in numbers) + f"{settled:>13}")
    rates = [f"batch {b['batch']}: {b['realisations_per_second']['sample']:.0f}" for b in found["batches"]]
    print(f"\nN {report['n_sites']}, realisations per second: " + ", ".join(rates))


def plot(report: dict[str, Any], path: Path) -> None:
    """Cost against N with the slope of N^2, and throughput against batch."""
    run = next(r for r in report["runs"] if "scaling" in r)
    rows, batches = run["scaling"]["sites"], run["scaling"]["batches"]
    left, right = (figure := Figure(figsize=(9.5, 4), layout="constrained")).subplots(1, 2)
    each = report["batch"] * report["stimuli"]
    n, b = np.array([row["n_sites"] for row in rows], float), [row["batch"] for row in batches]
    for name, label, style in (("sample", "whole sample", "o-"), ("solve", "steady states, W built", "s-")):
        left.plot(n, [1e3 * row["seconds_each"][name] for row in rows], style, label=label)
        right.plot(b, [row["realisations_per_second"][name] for row in batches], style, label=label)
    left.plot(n, [1e3 * row["floor"]["median"] / each for row in rows], "^--", label="floor: products alone")
    last = 1e3 * rows[-1]["seconds_each"]["sample"]
    left.plot(n, last * (n / n[-1]) ** 2, ":", color="0.5", label=r"$\propto N^2$")
    left.set(xlabel="sites, N", ylabel="ms per realisation and stimulus", title=f"batch {report['batch']}")
    right.set(xlabel="realisations in a batch", ylabel="realisations per second", title=f"N = {report['n_sites']}")
    left.set_yscale("log")
    for axes, ticks in ((left, n.tolist()), (right, b)):
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    right.set_ylim(bottom=0)
    left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    where = f"{run['cores']} cores" if run["platform"] == "cpu" else run["device"]
    figure.suptitle(f"Stabilized supralinear network, {report['stimuli']} stimuli, float32, {where}", fontsize=11)
    figure.savefig(path, dpi=150)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reporting.add_options(parser, quick="one round on one core, two realisations of 31 sites, no scaling")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    parser.add_argument("--cores", type=int, nargs="+", default=sorted({1, CORES}))
    parser.add_argument("--n-sites", type=int, default=201)
    parser.add_argument("--batch", type=int, default=15)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--sites", type=int, nargs="+", default=[51, 101, 201, 401, 801])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 15, 60])
    parser.add_argument("--no-scaling", action="store_true")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--with-scaling", action="store_true", help=argparse.SUPPRESS)
    experiment = parser.add_argument_group("the experiment, in place of the rest (see ssn_recovery.py)")
    experiment.add_argument("--experiment", type=int, nargs="+", metavar="SEED")
    ssn_recovery.add_options(experiment)
    options = reporting.parsed(parser)
    if options.quick:
        options.cores, options.n_sites, options.batch, options.no_scaling = [1], 31, 2, True
    options.repeats = options.repeats or (1 if options.quick else 15)
    return options


def main() -> None:
    options = read_arguments()
    if options.child:
        print(json.dumps(work(options)))
        return
    if options.experiment is not None:
        report = ssn_recovery.run(options.experiment, ssn_recovery.Experiment.asked(options))
        show = ssn_recovery.print_table
    else:
        report, show = run_all(options), print_tables
    reporting.publish(report, options, show)
    if options.plot and "runs" in report and not options.no_scaling:
        plot(report, options.plot)


if __name__ == "__main__":
    main()
