"""The smoothed spectral abscissa in JAX: against the oracle, the Schur form and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from tuneful.circuits import random_network
from tuneful.solvers.schur import SchurForm
from tuneful.solvers.spectrum import smoothed_excess, smoothed_spectral_abscissa, spectral_abscissa


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


EXCESS = [
    (30, 0.01, -2.0),  # the limit is far below the abscissa, 4.7: nothing is stable there
    (30, 0.01, 4.7),  # just below it
    (30, 0.01, 4.75),  # between the abscissa and the smoothed one, 4.776
    (30, 0.01, 4.8),  # above both
    (80, 0.001, 8.0),
]


@pytest.mark.parametrize(("n", "eps", "limit"), EXCESS)
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_excess_over_a_limit(request, n, eps, limit, precision):
    if precision is np.float64:
        request.getfixturevalue("x64")
    w = np.random.default_rng(0).normal(size=(n, n))
    exact, slope = SchurForm.of(w).smoothed_abscissa(eps)
    value, gradient = jax.value_and_grad(smoothed_excess)(jnp.asarray(w, precision), eps, limit)
    assert value.dtype == gradient.dtype == precision
    # Rounding grows with the norm over the distance to the spectrum, here up to 3e4 in the last case; Newton's last
    # step leaves the square of 3e-4 (single) of N eps / 2, and the gradient is that of the point before it.
    rounding = np.finfo(precision).eps * np.linalg.norm(w) / (exact - np.linalg.eigvals(w).real.max())
    assert float(value) == pytest.approx(max(exact - limit, 0), abs=10 * rounding * n * eps)
    wanted = slope if exact > limit else np.zeros_like(w)
    tolerance = (10 * rounding + 10 * np.sqrt(np.finfo(precision).eps)) * np.abs(slope).max()
    np.testing.assert_allclose(gradient, wanted, atol=tolerance)


@pytest.mark.usefixtures("x64")
def test_excess_meets_finite_differences_in_batches():
    w = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 6)) * np.array([1.0, 0.1])[:, None, None])
    above = jax.vmap(lambda m: smoothed_excess(m, 0.05, 1.0))
    assert (above(w) > 0).tolist() == [True, False]
    check_grads(above, (w,), order=1, modes=("fwd", "rev"), rtol=1e-5)


def test_excess_of_no_number_is_none():
    assert jnp.isnan(smoothed_excess(jnp.full((2, 2), jnp.nan), 0.1, 0.0))
    with pytest.raises(ValueError, match="eps must be positive"):
        smoothed_excess(jnp.eye(2), 0.0, 0.0)
