"""Products of matrices keep the precision of their numbers on devices that would round them, in every program."""

import collections

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from tuneful.circuits import SSN, FeedforwardM1, Schedule
from tuneful.circuits.parameters import with_fields
from tuneful.objectives.energy import smoothed_distances
from tuneful.solvers.precision import computing_in
from tuneful.solvers.spectrum import smoothed_excess, smoothed_spectral_abscissa


def products(program):
    """How many products a program has, inner ones included, by their precision."""
    found = collections.Counter()
    for equation in program.eqns:
        if equation.primitive.name == "dot_general":
            found[str(equation.params["precision"])] += 1
        for value in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += products(inner)
    return found


def total_of(schedule):
    return lambda circuit: circuit.sample(jax.random.key(0), 3, schedule).rates.sum()


PROGRAMS = {
    "ssn in turn": (total_of(Schedule(False)), SSN(n_sites=5)),
    "ssn side by side": (total_of(Schedule(True)), SSN(n_sites=5)),
    "ssn factorised": (lambda circuit: total_of(Schedule())(with_fields(circuit, factorised=True)), SSN(n_sites=5)),
    "m1 in turn": (total_of(Schedule(False)), FeedforwardM1(grid=4, density=0.05)),
    "m1 side by side": (total_of(Schedule(True)), FeedforwardM1(grid=4, density=0.05)),
    "distances": (lambda curves: smoothed_distances(curves, curves).sum(), jnp.ones((3, 2))),
    "abscissa": (lambda weights: smoothed_spectral_abscissa(weights, 0.1), jnp.eye(3)),
    "excess": (lambda w: jax.vmap(smoothed_excess, (0, None, None))(w, 0.1, 0.0).sum(), jnp.ones((2, 3, 3))),
}


@pytest.mark.parametrize("take", [lambda f: f, eqx.filter_grad], ids=["value", "gradient"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_product_of_a_program_or_of_its_gradient_is_rounded(name, take):
    """Rules of maps, of derivatives and of transposed solves are applied when the functions they are of were left."""
    function, argument = PROGRAMS[name]
    arrays, static = eqx.partition(argument, eqx.is_inexact_array)
    program = jax.make_jaxpr(lambda arrays: take(function)(eqx.combine(arrays, static)))(arrays)
    found = products(program.jaxpr)
    assert found
    assert all(precision.count("HIGHEST") == 2 for precision in found), found


def test_nor_is_one_of_what_runs_compute():
    for precision, dtype in (("float32", jnp.float32), ("float64", jnp.float64)):
        with computing_in(precision):
            assert jnp.ones(1).dtype == dtype
            found = products(jax.make_jaxpr(jnp.matmul)(jnp.eye(2), jnp.eye(2)).jaxpr)
            assert all(precision.count("HIGHEST") == 2 for precision in found), found
    assert jax.config.jax_default_matmul_precision is None
