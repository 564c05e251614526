"""A gradient step of the circuit of four types of mouse V1, beside the floor of its matrix products.

    taskset -c 0 python benchmarks/four_types.py     # one core: 404 cells, 15 realisations x 30 conditions
    python benchmarks/four_types.py --n-sites 51 --json
    python benchmarks/four_types.py --quick          # one round of two tiny networks of two types: the script runs

The circuit of `tuneful fit v1 --set types=4` at its start and in the conditions of the recordings, with the weights
per length of its 51 sites. Everything is timed in turn, round after round.

- product: (30, 404) @ (404, 404) through XLA as `r @ W`.
- steady states: of networks that are at hand; sample: `circuit.sample`, with drawing, W and the observation layer.
- step: `tuneful.fitting.stochastic.advance` with the objective of the preset, to as many simulated curves: a sample,
  its distance, and its gradient.
- factorisation: (404, 404), by LAPACK; look: `tuneful.fitting.linearised.linearise` of one chunk of realisations, the
  derivatives of all rates in all parameters.

The floor of the steady states is the evaluations that their searches report; that of the step also has those of the
adjoint equations of the same states (for the sum of all rates) and, for every realisation, the one product that is
the derivative in W. The floor of the look, for as many realisations as in a chunk, is searches and a factorisation of
every condition that settles.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import reporting
from jax.scipy.linalg import lu_factor
from ssn import PRODUCTS, Times, interleaved, on_devices, ratio, scaled

from tuneful.circuits import AbstractCircuit, Recurrent
from tuneful.circuits.ensemble import CHUNK, map_realisations
from tuneful.circuits.observation import taken_apart
from tuneful.fitting.linearised import linearise
from tuneful.fitting.problem import Problem
from tuneful.fitting.stochastic import advance, start
from tuneful.objectives import Measured
from tuneful.runs.presets import resolve
from tuneful.solvers.anderson_acceleration import anderson, size
from tuneful.solvers.search_settings import SearchSettings

FACTORS = 30  # factorisations that are timed together
SHOWN = {"sizes": [5, 8, 13, 22, 36], "contrasts": [0, 6, 12, 25, 50, 100]}  # of the recordings
PRESET_SITES = 51


def problem_of(options: argparse.Namespace) -> Problem:
    """The fit of the preset, to simulated curves."""
    config = resolve("v1", {}, [*options.types, f"n_sites={options.n_sites}", f"max_time={options.max_time}"])
    crossed = {name[:-1]: np.array(values) for name, values in Recurrent.crossed(**SHOWN).items()}
    whole, objective, penalties = config.components()
    share = PRESET_SITES / options.n_sites
    denser = {name: share * jnp.asarray(config.circuit[name]) for name in ("J", "dJ")}
    circuit = whole.at_conditions(crossed).with_values(denser)
    sampled = circuit.sample(4, options.batch)
    kinds, rates = circuit.populations()["cell_type"], np.asarray(sampled.curves)[np.asarray(sampled.accepted)]
    names, numbers = np.unique(kinds, return_inverse=True)
    labels = np.tile(numbers, len(rates) // len(kinds))
    data = Measured.from_rates(rates, labels, [1 / len(names)] * len(names))
    steps = config.fit.for_objective(objective.label).model_copy(
        update={"batch": options.batch * circuit.cells_per_realisation}
    )
    fitted = config.fit.fitted or tuple(circuit.parameters())
    return Problem(circuit, objective, data, fitted, tuple(penalties), steps.steps(), tuple(numbers.tolist()))


def networks(circuit: Recurrent, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
    """(W, I) of n realisations."""

    def one(circuit: Recurrent, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        z = circuit.draw(key)
        return circuit.weight_matrix(z), circuit.external_input(z)

    return eqx.filter_jit(map_realisations)(one, circuit, key, n)


def adjoint_evaluations(circuit: Recurrent, network: tuple[jax.Array, jax.Array], rates: jax.Array) -> jax.Array:
    """Products with the transposed Jacobian that the derivative of the sum of all rates takes, of one network."""
    weights, external = network
    _, back = jax.vjp(lambda r: circuit.dynamics.gain(r @ weights + external), rates)
    right = jnp.ones_like(rates)
    accepted = lambda x: jnp.full(len(x), jnp.finfo(x.dtype).eps ** 0.75)  # noqa: E731
    solved = anderson(
        lambda x: right - (x - back(x)[0]), jnp.zeros_like(right), accepted,
        SearchSettings.adjoint_evaluations, size(right) > 0,
    )  # fmt: skip
    return solved.evaluations


def tasks_of(problem: Problem, options: argparse.Namespace) -> dict[str, Callable[[int], Any]]:
    """All that is timed."""
    whole, key = problem.circuit, jax.random.key(3)
    circuit = inner(whole)
    known = networks(circuit, key, options.batch)
    neutral = jax.random.normal(key, known[0].shape[1:]) / known[0].shape[-1] ** 0.5  # products stay finite
    start_at = jnp.ones(known[1].shape[1:])
    product = jax.jit(lambda r, w: jax.lax.fori_loop(0, PRODUCTS, lambda _, r: r @ w, r))
    factorised = jax.jit(lambda w: jax.lax.map(lambda shift: lu_factor(shift + w)[0][0], jnp.arange(FACTORS) * 1e-3))
    begun = start(problem, jax.random.key(1))
    looked_at = problem, begun.unconstrained, begun.objective
    curves = CHUNK * whole.cells_per_realisation
    return {
        "product": lambda _: product(start_at, neutral),
        "solve": on_devices(circuit.dynamics.steady_state, known, options.batch),
        "sample": lambda i: whole.sample(100 + i, options.batch),
        "step": lambda i: advance(problem, eqx.tree_at(lambda s: s.key, begun, jax.random.key(100 + i))),
        "factorise": lambda _: factorised(neutral),
        "look": lambda i: linearise(*looked_at, jax.random.key(100 + i), curves, share=1)[0].gradient,
    }


def inner(circuit: AbstractCircuit) -> Recurrent:
    """The circuit without its layer."""
    within, _ = taken_apart(circuit)
    assert isinstance(within, Recurrent)
    return within


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Times, evaluations and the floors that follow from them."""
    problem = problem_of(options)
    circuit, key = inner(problem.circuit), jax.random.key(3)
    tasks = tasks_of(problem, options)
    times = interleaved(tasks, options.repeats)
    times["product"] = scaled(times["product"], 1 / PRODUCTS)
    times["factorise"] = scaled(times["factorise"], 1 / FACTORS)
    known = networks(circuit, key, options.batch)
    found = tasks["solve"](0)
    searches = np.asarray(found.evaluations)[: options.batch]
    states = np.asarray(found.settled)[: options.batch]
    held = jax.lax.map(lambda both: adjoint_evaluations(circuit, both[0], both[1]), (known, found.rates))
    adjoints, settled = np.asarray(held), states.all(axis=1)
    adjoints = np.where(settled, adjoints, 0)  # what has not settled has no derivative
    forwards, all_products = searches.sum(), searches.sum() + adjoints.sum() + settled.sum()
    counts = {"solve": forwards, "sample": forwards, "step": all_products}
    floors = {name: scaled(times["product"], float(count)) for name, count in counts.items()}
    one, factors = times["product"], times["factorise"]
    floors["look"] = {
        which: CHUNK / options.batch * (forwards * one[which] + states.sum() * factors[which])
        for which in ("min", "median")
    }
    return {
        "cells": len(circuit.network_types),
        "conditions": len(next(iter(circuit.conditions().values()))),
        "batch": options.batch,
        "curves": problem.steps.batch,
        "cores": len(os.sched_getaffinity(0)),
        "times": times,
        "over_floor": {name: ratio(times[name], floor) for name, floor in floors.items()},
        "evaluations": {"searches": searches.tolist(), "adjoints": adjoints.tolist()},
        "settled": int(settled.sum()),
        "parameters": sum(np.size(value) for value in problem.start().values()),
        "load": os.getloadavg()[0],
    }


def show(report: dict[str, Any]) -> None:
    """Print a line for everything that was timed."""
    searches, adjoints = report["evaluations"].values()
    print(
        "{cells} cells, {batch} realisations x {conditions} conditions, {curves} curves, {parameters} parameters, "
        "cores: {cores}; {settled} settled; load {load:.1f}".format(**report)
    )
    print(f"evaluations: searches {np.median(searches):.0f} (median), adjoints {np.median(adjoints):.0f}")
    for name, times in report["times"].items():
        over: Times | None = report["over_floor"].get(name)
        told = "" if over is None else f"  {over['median']:.2f} ({over['min']:.2f}) x floor"
        median, least = (1e3 * times[which] for which in ("median", "min"))
        print(f"{name:>9} {median:10.3f} ms ({least:.3f}), {times['rounds']} rounds{told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-sites", type=int, default=101)
    parser.add_argument("--batch", type=int, default=15, help="realisations")
    parser.add_argument("--repeats", type=int, default=7)
    reporting.add_options(parser, quick="one round, two realisations of 31 sites, 500 ms")
    options = reporting.parsed(parser)
    options.types, options.max_time = ["types=4"], 2000.0
    if options.quick:
        options.types, options.max_time = [], 500.0
        options.n_sites, options.batch, options.repeats = 31, 2, 1
    reporting.publish(measure(options), options, show)


if __name__ == "__main__":
    main()
