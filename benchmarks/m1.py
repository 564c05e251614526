"""Time of the steps of a WGAN fit of the feedforward M1 model, beside a floor measured in the same run.

    python benchmarks/m1.py            # a table
    python benchmarks/m1.py --json     # the same numbers as JSON

The floor of one realisation is the arithmetic that the model's equations cannot do without, on all cores, and nothing
else: an exponential per input, axis and coordinate of the stimuli (9 x 64,000 at grid 40) and one matrix product
(9 x 64,000 by 64,000 x 3) that sums their products. A step with gradient also needs the sums that are the slopes in
two parameters: two more products, and no more exponentials.

The published script (Theano, one core, batch 20) took about 0.9 s for a generator step and 0.3 s for a critic step.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

CORES = len(os.sched_getaffinity(0))
jax.config.update("jax_num_cpu_devices", CORES)

import equinox as eqx  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from reporting import add_options, parsed, publish  # noqa: E402

from tuneful.circuits import FeedforwardM1  # noqa: E402
from tuneful.circuits.ensemble import map_realisations  # noqa: E402
from tuneful.fitting import Problem, Steps  # noqa: E402
from tuneful.fitting.stochastic import advance, start  # noqa: E402
from tuneful.objectives import Measured, WassersteinGAN  # noqa: E402

PUBLISHED = {"generator_step": 0.9, "critic_step": 0.3}  # seconds
PUBLISHED["iteration"] = PUBLISHED["generator_step"] + 5 * PUBLISHED["critic_step"]


def seconds(function: Callable[..., Any], *args: Any, repeats: int) -> float:
    """Median time of a compiled function."""
    jax.block_until_ready(function(*args))
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function(*args))
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def floor(realisations: int, grid: int, repeats: int) -> float:
    """Seconds for the unavoidable exponentials and sums of a batch."""
    squares = jnp.asarray(np.random.default_rng(0).uniform(0, 20, (9, grid * grid)), jnp.float32)

    def one(scale: jax.Array, key: jax.Array) -> jax.Array:
        def plane(total: jax.Array, rate: jax.Array) -> tuple[jax.Array, None]:
            fields = jnp.exp(squares * rate)
            return total + fields @ fields[:3].T, None

        return jax.lax.scan(plane, jnp.zeros((9, 3)), -scale * jnp.arange(1.0, grid + 1))[0]

    batch = jax.jit(lambda scale: map_realisations(one, scale, jax.random.key(0), realisations))
    return seconds(batch, jnp.float32(0.1), repeats=repeats)


def measure(batch: int, grid: int, cells: int, repeats: int) -> dict[str, float]:
    """Seconds of every part of a WGAN iteration at one batch size."""
    circuit = FeedforwardM1.example()
    circuit = eqx.tree_at(lambda c: c.J, FeedforwardM1(grid=grid, n_cells=cells), circuit.J)
    data = Measured.from_rates(eqx.filter_jit(circuit.sample)(jax.random.key(0), 64).curves)
    steps = Steps(batch=batch, learning_rate=0.001, b1=0.5, b2=0.9)
    problem = Problem(circuit, WassersteinGAN(), data, tuple(circuit.parameters()), steps=steps)
    critic_only = Problem(circuit, WassersteinGAN(n_critic=1), data, problem.fitted, steps=steps)
    state, key = start(problem, jax.random.key(1)), jax.random.key(2)

    @eqx.filter_jit
    def generator_step(problem: Problem, state: Any) -> Any:
        def loss(unconstrained: Any) -> jax.Array:
            generated = jax.tree.map(lambda a: a[0], problem.generate(unconstrained, key, 1, batch).curves)
            return problem.objective.loss(generated, state.objective, problem.data, key)

        return jax.value_and_grad(loss)(state.unconstrained)

    @eqx.filter_jit
    def critic_step(problem: Problem, state: Any) -> Any:
        def generate(key: jax.Array, batches: int) -> Any:
            return problem.generate(state.unconstrained, key, batches, batch).curves

        return problem.objective.update(state.objective, generate, data, key)

    sample = eqx.filter_jit(lambda problem, state: problem.generate(state.unconstrained, key, 1, batch).curves)
    return {
        "sample": seconds(sample, problem, state, repeats=repeats),
        "critic_step": seconds(critic_step, critic_only, state, repeats=repeats),
        "generator_step": seconds(generator_step, problem, state, repeats=repeats),
        "iteration": seconds(advance, problem, state, repeats=repeats),
        "floor_of_sample": floor(-(-batch // cells), grid, repeats),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=15)
    add_options(parser, quick="a small grid and one batch, once: shows that the script runs")
    options = parsed(parser)
    shapes = ((20, 1), (30, 1), (20, 5), (30, 5))
    if options.quick:
        options.grid, options.repeats, shapes = 5, 1, ((4, 2),)
    runs = [
        {"batch": batch, "cells": cells} | measure(batch, options.grid, cells, options.repeats)
        for batch, cells in shapes
    ]
    for run in runs:
        run["times_floor"] = run["sample"] / run["floor_of_sample"]
        run |= {f"faster_than_published_{name}": PUBLISHED[name] / run[name] for name in PUBLISHED}
    about = {"cores": CORES, "processor": platform.processor() or platform.machine(), "jax": jax.__version__}
    publish(about | {"grid": options.grid, "repeats": options.repeats, "runs": runs}, options, table)


def table(report: dict[str, Any]) -> None:
    """Print milliseconds."""
    print("grid {grid}, {cores} cores, jax {jax}; milliseconds, median of {repeats}".format(**report))
    for run in report["runs"]:
        times = "  ".join(f"{k} {1e3 * run[k]:.1f}" for k in ("sample", "critic_step", "generator_step", "iteration"))
        print(
            f"batch {run['batch']} cells {run['cells']}: {times}  sample/floor {run['times_floor']:.1f}  "
            f"iteration {run['faster_than_published_iteration']:.0f} x faster than published"
        )


if __name__ == "__main__":
    main()
