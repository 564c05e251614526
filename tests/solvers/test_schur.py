"""One Schur form: against the oracle, SciPy, closed forms and finite differences."""

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from tuneful.circuits import random_network
from tuneful.solvers.schur import LEAF, SchurForm, solve_lyapunov, solve_sylvester


def start(case):
    return random_network(case["n"], case["seed"]).weights


@pytest.mark.parametrize("number", [0, 1])
def test_oracle(reference, number):
    """The oracle's equations have 2 on the right: its traces are twice ours."""
    case = reference("soc")[number]
    form = SchurForm.of(start(case))
    reached, seen = form.gramians(case["shift"])
    gradient = form.gradient(case["shift"])
    assert form.abscissa == pytest.approx(case["abscissa"], abs=1e-10)
    assert 2 * np.trace(reached) == pytest.approx(case["trace_P"], rel=1e-10)
    assert 2 * np.trace(seen) == pytest.approx(case["trace_Q"], rel=1e-10)
    assert 4 * np.vdot(seen, reached) == pytest.approx(case["trace_QP"], rel=1e-10)
    assert np.linalg.norm(gradient) == pytest.approx(case["grad_norm"], rel=1e-10)
    np.testing.assert_allclose(gradient[:3, -3:], case["grad_corner"], atol=1e-12)
    for eps, value in case["smoothed_abscissa"].items():
        assert form.smoothed_abscissa(float(eps))[0] == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("n", [1, 2, LEAF, LEAF + 1, 2 * LEAF + 1, 150])
def test_gramians_solve_their_equations_as_scipy_does(n):
    """Sizes around the leaf of the recursion, with blocks of complex eigenvalues at every place."""
    rng = np.random.default_rng(n)
    w, b, c = rng.normal(size=(n, n)), rng.normal(size=(n, 3)), rng.normal(size=(2, n))
    form = SchurForm.of(w)
    s = form.abscissa + 1.0
    reached, seen = form.gramians(s, b, c)
    a = w - s * np.eye(n)
    np.testing.assert_allclose(reached, solve_continuous_lyapunov(a, -b @ b.T), atol=1e-11 * np.abs(reached).max())
    np.testing.assert_allclose(seen, solve_continuous_lyapunov(a.T, -c.T @ c), atol=1e-11 * np.abs(seen).max())


def test_triangular_solvers_leave_no_residual():
    rng = np.random.default_rng(0)
    t = SchurForm.of(rng.normal(size=(101, 101)) - 12 * np.eye(101)).triangle
    u = SchurForm.of(rng.normal(size=(45, 45)) - 9 * np.eye(45)).triangle
    f = rng.normal(size=(101, 45))
    x = solve_sylvester(t, u, f)
    np.testing.assert_allclose(t @ x + x @ u.T, f, atol=1e-12)
    y = solve_lyapunov(t, -np.eye(101))
    np.testing.assert_allclose(t @ y + y @ t.T, -np.eye(101), atol=1e-12)


def test_smoothed_abscissa_of_a_normal_matrix():
    """phi(s) = sum_i 1 / (2 (s - lambda_i)), a polynomial equation in s."""
    form = SchurForm.of(np.diag([1.0, 0.0, -2.0]))
    s, gradient = form.smoothed_abscissa(0.3)
    assert sum(0.5 / (s - x) for x in (1.0, 0.0, -2.0)) == pytest.approx(1 / 0.3, rel=1e-12)
    weights = np.array([1 / (s - x) ** 2 for x in (1.0, 0.0, -2.0)])
    np.testing.assert_allclose(gradient, np.diag(weights / weights.sum()), atol=1e-12)


@pytest.mark.parametrize("eps", [3.0, 1e-1, 1e-3])
def test_gradient_of_smoothed_abscissa_meets_finite_differences(eps):
    rng = np.random.default_rng(1)
    w, b, c = rng.normal(size=(40, 40)), rng.normal(size=(40, 5)), rng.normal(size=(4, 40))
    direction = rng.normal(size=(40, 40))
    _, gradient = SchurForm.of(w).smoothed_abscissa(eps, b, c)
    ahead, behind = (SchurForm.of(w + h * direction).smoothed_abscissa(eps, b, c)[0] for h in (1e-5, -1e-5))
    # Central differences: error of order h^2 = 1e-10 of third derivatives, and rounding 1e-12 / h = 1e-7.
    assert np.vdot(gradient, direction) == pytest.approx((ahead - behind) / 2e-5, abs=1e-5)


def test_smoothed_abscissa_falls_to_the_abscissa():
    form = SchurForm.of(random_network(60, 2).weights)
    values = [form.smoothed_abscissa(eps)[0] for eps in (1.0, 1e-2, 1e-4, 1e-6)]
    assert (np.diff(values) < 0).all()
    # The least eigenvalue counts once at least: s - alpha <= eps times its condition number squared / 2.
    assert 0 < values[-1] - form.abscissa < 1e-4


def test_what_has_no_root_is_refused():
    form = SchurForm.of(np.diag([1.0, 0.0]))
    with pytest.raises(ValueError, match="eps must be positive"):
        form.smoothed_abscissa(0.0)
    with pytest.raises(ArithmeticError, match="No smoothed abscissa"):
        form.smoothed_abscissa(0.1, outputs=np.zeros((1, 2)))


def test_single_precision_stays_single():
    form = SchurForm.of(random_network(60, 0).weights.astype(np.float32))
    gradient = form.gradient(1.5 * form.abscissa)
    assert gradient.dtype == np.float32
    exact = SchurForm.of(random_network(60, 0).weights).gradient(1.5 * form.abscissa)
    assert np.abs(gradient - exact).max() < 1e-4 * np.abs(exact).max()
