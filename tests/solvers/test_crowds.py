"""Groups side by side against each group by itself: the same ends, statuses, evaluations and derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import SSN
from tuneful.solvers import Status, steady_state
from tuneful.solvers.anderson_acceleration import anderson
from tuneful.solvers.crowds import among, crowd_anderson, crowd_sizes


@pytest.mark.parametrize("groups", [1, 15])
def test_whoever_is_chosen_works_and_nobody_else(groups):
    twice = jax.jit(lambda chosen, state, own: among(chosen, lambda s, o: (s[0] + o, 2 * s[1]), state, own))
    rng = np.random.default_rng(groups)
    state, own = (rng.random((groups, 3)), rng.random(groups)), rng.random((groups, 3))
    for number in range(groups + 1):
        chosen = rng.permutation(np.arange(groups) < number)
        summed, doubled = twice(chosen, state, own)
        np.testing.assert_allclose(summed, state[0] + np.where(chosen[:, None], own, 0), rtol=1e-6)
        np.testing.assert_allclose(doubled, np.where(chosen, 2, 1) * state[1], rtol=1e-6)


def test_few_sizes_hold_any_number_of_groups():
    for groups in (1, 5, 64, 4096):
        sizes = crowd_sizes(groups)
        assert sizes[-1] == groups
        assert len(sizes) <= 4
        assert list(sizes) == sorted(set(sizes))


@pytest.fixture(scope="module")
def systems():
    """1 - A for 11 groups of 3 problems, ever harder, right-hand sides, and which problems must be solved."""
    rng = np.random.default_rng(0)
    reach = np.linspace(0.1, 0.95, 11)[:, None, None]
    matrices = np.eye(12) - reach * np.linalg.qr(rng.standard_normal((11, 12, 12)))[0]
    pending = rng.random((11, 3)) < 0.8
    pending[4] = False
    return matrices, rng.standard_normal((11, 3, 12)), pending


def test_linear_problems_of_a_crowd_take_the_steps_that_each_group_takes(x64, systems):
    matrices, b, pending = map(jnp.asarray, systems)
    accepted = lambda x: jnp.full(x.shape[:-1], 1e-10)  # noqa: E731

    def residual(x, own):
        matrix, b = own
        return b - x @ matrix.T

    def crowd(matrices, b, pending):
        own = matrices, b
        return crowd_anderson(jax.vmap(residual), own, jnp.zeros_like(b), b, accepted, 60, pending)

    def alone(own):
        matrix, b, pending = own
        return anderson(lambda x: residual(x, (matrix, b)), jnp.zeros_like(b), accepted, 60, pending)

    found = jax.jit(crowd)(matrices, b, pending)
    each = jax.jit(lambda own: jax.lax.map(alone, own))((matrices, b, pending))
    assert np.asarray(found.evaluations).tolist() == np.asarray(each.evaluations).tolist()
    assert len(set(np.asarray(found.evaluations).tolist())) > 4  # they are done at different times
    np.testing.assert_allclose(found.point, each.point, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.residual, each.residual, rtol=0, atol=1e-11)


# Factors of the paper's J, dJ and sigma; oscillating groups are in test_steady_states.py.
REGIMES = {"half the range of weights": (1, 0.5, 1), "1.5 of the weights": (1.5, 1.5, 1), "0.37 of all": (0.37,) * 3}
NAMES = ("J", "dJ", "sigma")
NETWORKS = 4


@jax.jit
def both_ways(circuit):
    """The steady states of networks, in turn and side by side; test_steady_states.py has derivatives of both."""
    keys, find = jax.random.split(jax.random.key(1), NETWORKS), lambda k: circuit.steady_state(circuit.draw(k))
    return jax.lax.map(find, keys), jax.vmap(find)(keys)


@functools.cache
def found(regime):
    circuit, factors = SSN(n_sites=31, sizes=(1.0, 6.0)), zip(NAMES, REGIMES[regime], strict=True)
    return both_ways(circuit.with_values({name: factor * getattr(circuit, name) for name, factor in factors}))


@pytest.mark.parametrize("regime", REGIMES)
def test_networks_side_by_side_settle_where_each_does_by_itself(regime):
    alone, crowd = found(regime)
    assert np.asarray(crowd.status).tolist() == np.asarray(alone.status).tolist()
    if jax.default_backend() == "cpu":  # a GPU rounds the products of one and of several networks differently
        assert np.asarray(crowd.evaluations).tolist() == np.asarray(alone.evaluations).tolist()
    settled = np.asarray(alone.settled)
    assert settled.sum() > NETWORKS
    # Both are within 1e-5 Hz, or 1e-6 of the largest rate, of where they are driven to.
    np.testing.assert_allclose(crowd.rates[settled], alone.rates[settled], rtol=1e-4, atol=1e-4)


def test_the_regimes_hold_networks_that_settle_and_that_saturate():
    status = {int(kind) for regime in REGIMES for kind in np.ravel(found(regime)[0].status)}
    assert {Status.SETTLED, Status.SATURATED} <= status


def test_steps_may_differ_between_groups():
    def respond(tau, weight):
        drive = lambda r, w: jnp.tanh(w * r + 0.5)  # noqa: E731
        return steady_state(drive, weight, tau, jnp.zeros(1), tolerance=1e-6)

    taus, weights = jnp.array([5.0, 10.0, 40.0]), jnp.array([-1.0, -0.5, 0.3])
    found = jax.jit(jax.vmap(respond))(taus, weights)
    assert found.settled.all()
    rates = np.asarray(found.rates)[:, 0]
    np.testing.assert_allclose(rates, np.tanh(np.asarray(weights) * rates + 0.5), rtol=0, atol=2e-6)
