"""Circuits as simulators of likelihood-free inference take them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.fitting.parameter_simulator import simulator
from tuneful.fitting.simulation import simulate


@pytest.fixture(scope="module")
def simulate_toy(toy):
    return simulator(toy, curves=30)


def test_curves_are_decided_by_seed_and_parameters_alone(simulate_toy):
    points = simulate_toy.start + np.array([[0, 0], [0.1, 0], [0, 0]], np.float32)
    together = simulate_toy(points)
    assert together.shape == (3, 30, 3)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together[1], simulate_toy(points[1]))
    np.testing.assert_array_equal(together[0], simulate_toy(points[2]))
    assert (together[0] != together[2]).all()  # the same point once more is another draw
    assert (simulate_toy(points[0], seed=1) != together[0]).all()


def test_curves_are_those_of_the_circuit(toy, simulate_toy):
    """Means of 30 curves, whose conditions have a standard deviation of a."""
    a, b = 3.0, 1.5
    theta = simulate_toy.to_unconstrained([a, b])
    np.testing.assert_allclose(simulate_toy.to_natural(theta), [a, b], rtol=1e-6)
    curves = simulator(toy, curves=3000)(theta)
    expected = a * (1 + b * np.array(toy.sizes))
    np.testing.assert_allclose(curves.mean(axis=0), expected, atol=4 * a / np.sqrt(3000))


def test_rejection_recovers_a_parameter(toy):
    """The mean over all curves is a (1 + 7 b / 6), its standard error a / sqrt(60): 5 % of it is accepted."""
    mean = simulator(toy, curves=20, parameters=["a"], summary=np.mean, width=1.5)
    measured = simulate(toy.with_values({"a": 4.0}), 20, jax.random.key(5))["rate"].values.mean()
    prior = np.random.default_rng(0).uniform(*mean.bounds, (400, 1)).astype(np.float32)
    apart = np.abs(mean(prior) / measured - 1)
    accepted = mean.to_natural(prior[np.argsort(apart)[:20]])
    relative = 1 / np.sqrt(60) / (1 + 0.5 * 7 / 3)  # standard error of the logarithm of the mean
    assert abs(np.log(accepted.mean() / 4)) < 4 * relative
    assert np.log(accepted).std() < 3 * relative  # of a prior of 3 / sqrt(12), four times as wide


def test_bounds_are_a_box_in_both_coordinates(toy, kinds):
    found = simulator(kinds, width=np.log(10))
    np.testing.assert_allclose(found.natural_bounds, [[0.1, 0.1], [10, 10]], rtol=1e-5)
    np.testing.assert_allclose(found.bounds.mean(axis=0), found.start, atol=1e-6)
    assert found.names == ["a", "b"]
    assert "2 parameters to curves (100, 3)" in repr(found)


def test_realisations_that_do_not_settle_are_nan(toy):
    @dataclasses.dataclass
    class Tensor:
        content: np.ndarray

        def detach(self):
            return self

        def numpy(self):
            return self.content

    high = toy.with_values({"a": 1e38})
    simulate_high = simulator(high, curves=4, conditions={"size": [1.0, 1e30]})
    curves = simulate_high(Tensor(simulate_high.start))
    assert curves.shape == (4, 2)
    assert np.isnan(curves).all()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"parameters": ["c"]}, "no parameter 'c'"),
        ({"curves": 0}, "curves must be 1 or more"),
        ({"conditions": {"contrast": [1.0]}}, "needs the feature 'size'"),
    ],
)
def test_what_does_not_go_is_refused(toy, how, sentence):
    with pytest.raises(UserError, match=sentence):
        simulator(toy, **how)


def test_other_things_than_circuits_and_parameters_are_refused(simulate_toy):
    with pytest.raises(UserError, match="made from a circuit"):
        simulator("m1")
    with pytest.raises(UserError, match=r"shape \(2,\) or \(points, 2\), in the order a, b, and not \(3,\)"):
        simulate_toy(jnp.zeros(3))
