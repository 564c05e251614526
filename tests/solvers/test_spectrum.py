"""The smoothed spectral abscissa in JAX: against the oracle, the Schur form and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from tuneful.circuits import random_network
from tuneful.solvers.schur import SchurForm
from tuneful.solvers.spectrum import smoothed_spectral_abscissa, spectral_abscissa


def test_abscissa(reference):
    for case in reference("soc"):
        weights = random_network(case["n"], case["seed"]).weights
        assert spectral_abscissa(weights) == pytest.approx(case["abscissa"], abs=1e-10)


@pytest.mark.usefixtures("x64")
def test_oracle(reference):
    case = reference("soc")[0]
    weights = jnp.asarray(random_network(case["n"], case["seed"]).weights)
    for eps, value in case["smoothed_abscissa"].items():
        assert float(smoothed_spectral_abscissa(weights, float(eps))) == pytest.approx(value, abs=1e-8)


@pytest.mark.usefixtures("x64")
def test_value_and_gradient_are_those_of_the_schur_form():
    rng = np.random.default_rng(0)
    w, b, c = rng.normal(size=(30, 30)), rng.normal(size=(30, 4)), rng.normal(size=(3, 30))
    value, gradient = jax.value_and_grad(smoothed_spectral_abscissa)(jnp.asarray(w), 0.02, b, c)
    exact, exact_gradient = SchurForm.of(w).smoothed_abscissa(0.02, b, c)
    assert float(value) == pytest.approx(exact, abs=1e-10)
    np.testing.assert_allclose(gradient, exact_gradient, atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_derivatives_in_all_arguments():
    rng = np.random.default_rng(0)
    arguments = rng.normal(size=(5, 5)), 0.1, rng.normal(size=(5, 2)), rng.normal(size=(3, 5))
    check_grads(
        smoothed_spectral_abscissa, tuple(map(jnp.asarray, arguments)), order=1, modes=("fwd", "rev"), rtol=1e-5
    )


@pytest.mark.usefixtures("x64")
def test_batches():
    w = jnp.asarray(np.random.default_rng(0).normal(size=(3, 12, 12)) * np.array([0.1, 1.0, 10.0])[:, None, None])
    function = jax.value_and_grad(smoothed_spectral_abscissa)
    values, gradients = jax.vmap(function, (0, None))(w, 0.05)
    for i in range(3):
        value, gradient = function(w[i], 0.05)
        assert float(values[i]) == pytest.approx(float(value), rel=1e-9)
        np.testing.assert_allclose(gradients[i], gradient, atol=1e-8)


def test_single_precision():
    """The default of JAX: a relative error of 1e-7 per operation, grown by the distance to the spectrum."""
    weights = random_network(20, 1).weights
    value, gradient = jax.value_and_grad(smoothed_spectral_abscissa)(weights.astype(np.float32), 0.01)
    exact, exact_gradient = SchurForm.of(weights).smoothed_abscissa(0.01)
    assert value.dtype == gradient.dtype == jnp.float32
    assert float(value) == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(gradient, exact_gradient, atol=1e-4 * np.abs(exact_gradient).max())


def test_without_root_the_answer_is_nan():
    assert jnp.isnan(smoothed_spectral_abscissa(jnp.eye(2), 0.1, outputs=jnp.zeros((1, 2))))
