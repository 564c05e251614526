"""Laws of random weights against their closed forms, and which types connect to which."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits.connectivity import (
    Connection,
    Wiring,
    inflow,
    log_normal_strength,
    sparse_strength,
    uniform_strength,
    weight_block,
)
from tuneful.circuits.random_inputs import draw_uniform_blocks

FIRST, SECOND = 0.3, 0.2
SHAPE = (400, 500)


def log_normal_moments():
    """Mean, variance and fourth central moment."""
    w = 1 + (SECOND / FIRST) ** 2
    variance = FIRST**2 * (w - 1)
    return FIRST, variance, variance**2 * (w**4 + 2 * w**3 + 3 * w**2 - 3)


def uniform_moments():
    return FIRST + SECOND / 2, SECOND**2 / 12, SECOND**4 / 80


LAWS = [(uniform_strength, uniform_moments()), (log_normal_strength, log_normal_moments())]


@pytest.mark.parametrize(("law", "moments"), LAWS)
@pytest.mark.parametrize("probability", [1.0, 0.3])
def test_mean_variance_and_share_of_connections_are_those_of_the_law(law, moments, probability):
    (u,) = draw_uniform_blocks(jax.random.key(2), SHAPE, 1)
    strengths = np.asarray(sparse_strength(law, jnp.float32(FIRST), jnp.float32(SECOND), u, probability), float)
    there = strengths[strengths > 0]
    mean, variance, fourth = moments
    assert abs(there.size - probability * u.size) <= 5 * np.sqrt(u.size * probability * (1 - probability))
    assert abs(there.mean() - mean) < 5 * np.sqrt(variance / there.size)
    # Cutting the tail where 1 in 20,000 lies takes less of the variance than a standard error is here.
    assert abs(there.var() - variance) < 5 * np.sqrt((fourth - variance**2) / there.size)


def test_a_log_normal_weight_is_the_exponential_of_a_normal_quantile(x64):
    """Quantiles of 2.5, 50 and 97.5 % by their tables."""
    s = np.sqrt(np.log(1 + (SECOND / FIRST) ** 2))
    found = log_normal_strength(jnp.array(FIRST), jnp.array(SECOND), jnp.array([0.025, 0.5, 0.975]))
    exact = FIRST * np.exp(s * np.array([-1.959963984540054, 0, 1.959963984540054]) - s**2 / 2)
    np.testing.assert_allclose(found, exact, rtol=1e-12)


@pytest.mark.parametrize(("law", "_moments"), LAWS)
def test_derivatives_of_sparse_weights_are_finite_at_all_numbers(x64, law, _moments):
    u = jnp.array([0.0, 1e-9, 0.2, 0.3, 0.5, 1.0])

    def total(first, second):
        first, second = jnp.asarray(first), jnp.asarray(second)
        return sparse_strength(law, first, second, u, 0.3).sum()

    slopes = jax.grad(total, argnums=(0, 1))(FIRST, SECOND)
    for i, slope in enumerate(slopes):
        h = 1e-6 * np.eye(2)[i]
        up, down = (total(FIRST + s * h[0], SECOND + s * h[1]) for s in (1, -1))
        assert float(slope) == pytest.approx(float((up - down) / 2e-6), rel=1e-7)


def test_weights_fall_off_as_a_gaussian():
    strength, squared = jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 4.0]])
    found = weight_block(strength, jnp.array(0.5), squared, -3.0)
    np.testing.assert_allclose(found, [[-3.0, -6.0 * np.exp(-8.0)]], rtol=1e-6)


def test_present_connections_are_read_row_by_row_and_blocks_laid_out_transposed():
    wiring = Wiring(
        ("PC", "PV", "VIP"),
        absent=("PC<-VIP", " PV ← PV"),
        probability=((1.0, 0.5, 1.0), (1.0, 1.0, 1.0), (1.0, 0.0, 1.0)),
    )
    assert wiring.present == ((0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 2))
    assert wiring.names == ("PC←PC", "PC←PV", "PV←PC", "PV←VIP", "VIP←PC", "VIP←VIP")
    np.testing.assert_array_equal(wiring.of_present(jnp.arange(9.0).reshape(3, 3)), [0, 1, 3, 5, 6, 8])
    numbers = [jnp.array(10.0 * post + pre + 1) for post, pre in wiring.present]
    connections = [Connection(jnp.multiply, (number,), jnp.array([[1.0, 2.0], [3.0, 4.0]])) for number in numbers]
    whole = np.asarray(wiring.joined(connections, 2))
    for pre, post in np.ndindex(3, 3):
        expected = 10 * post + pre + 1 if (post, pre) in wiring.present else 0
        block = whole[2 * pre : 2 * pre + 2, 2 * post : 2 * post + 2]
        np.testing.assert_array_equal(block, expected * np.array([[1, 2], [3, 4]]))
    rates = np.arange(12.0).reshape(2, 6)
    np.testing.assert_array_equal(wiring.inflow(connections, jnp.array(rates)), rates @ whole)


def test_what_weights_bring_has_the_derivatives_of_a_product(x64):
    rng = np.random.default_rng(0)
    rates, u = jnp.array(rng.random((2, 3))), jnp.array(rng.random((3, 4)))
    parameters = jnp.array(0.3), jnp.array(0.2), jnp.array(0.7)

    def block(J, dJ, sigma, u):
        return weight_block(uniform_strength(J, dJ, u), sigma, 0.1 * u, -1.0)

    def product(rates, parameters, u):
        return rates @ block(*parameters, u)

    brings = functools.partial(inflow, block)
    for derivative in (jax.jacfwd, jax.jacrev):
        both = (derivative(of, argnums=(0, 1, 2))(rates, parameters, u) for of in (brings, product))
        found, expected = map(jax.tree.leaves, both)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"types": ("E", "E")}, "types must be different names"),
        ({"types": ()}, "types must be different names"),
        ({"types": ("E", "E<-I")}, "types must be different names"),
        ({"types": ("E", "I"), "absent": ("E<-X",)}, r'absent = "E<-X" names no type .X.: write "post<-pre"'),
        ({"types": ("E", "I"), "absent": ("EI",)}, "names no type 'EI'"),
        ({"types": ("E", "I"), "probability": 1.1}, "connection_probability must be one number from 0 to 1"),
        ({"types": ("E", "I"), "probability": ((1.0, 1.0, 1.0),)}, "connection_probability must be one number"),
        ({"types": ("E",), "absent": ("E<-E",)}, "All connections are absent"),
    ],
)  # fmt: skip
def test_wirings_that_are_none_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Wiring(**settings).check()
