"""Lyapunov equations in JAX: against SciPy, finite differences, batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.linalg import solve_continuous_lyapunov

from tuneful.solvers.lyapunov_equations import gramians, lyapunov


def stable_matrix(n, margin, seed=0):
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a - (np.linalg.eigvals(a).real.max() + margin) * np.eye(n)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("n", "margin"), [(1, 1.0), (20, 3.0), (60, 0.1), (60, 1e-4)])
def test_solution_is_scipys(n, margin):
    """Relative to the norm of the solution, rounding grows with the distance from instability: 1e-16 / margin."""
    a, d = stable_matrix(n, margin), np.random.default_rng(1).normal(size=(n, n))
    exact = solve_continuous_lyapunov(a, -d)
    np.testing.assert_allclose(
        lyapunov(jnp.asarray(a), jnp.asarray(d)), exact, atol=1e-11 / margin * np.abs(exact).max()
    )


@pytest.mark.usefixtures("x64")
def test_derivatives_of_both_modes_and_second_order():
    a, d = jnp.asarray(stable_matrix(6, 1.0)), jnp.asarray(np.random.default_rng(1).normal(size=(6, 6)))
    check_grads(lyapunov, (a, d), order=1, modes=("fwd",), atol=1e-6, rtol=1e-6)
    check_grads(lyapunov, (a, d), order=2, modes=("rev",), atol=1e-6, rtol=1e-6)


@pytest.mark.usefixtures("x64")
def test_batches_mix_easy_and_hard_ones():
    a = jnp.stack([jnp.asarray(stable_matrix(8, m, seed)) for seed, m in enumerate((5.0, 0.01))])
    together = jax.vmap(lyapunov)(a, jnp.stack([jnp.eye(8)] * 2))
    alone = [lyapunov(one, jnp.eye(8)) for one in a]
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_unstable_matrices_have_no_solution():
    assert jnp.isnan(lyapunov(0.1 * jnp.eye(2), jnp.eye(2))).all()
    assert lyapunov(-jnp.eye(2), jnp.eye(2)).dtype == jnp.float32
    assert all(jnp.isnan(solution).all() for solution in gramians(0.1 * jnp.eye(2)))


@pytest.mark.usefixtures("x64")
def test_both_gramians_at_once():
    a = jnp.asarray(stable_matrix(40, 0.1))
    reached, seen = gramians(a)
    np.testing.assert_allclose(reached, lyapunov(a, jnp.eye(40)), atol=1e-12 * jnp.abs(reached).max())
    np.testing.assert_allclose(seen, lyapunov(a.T, jnp.eye(40)), atol=1e-12 * jnp.abs(seen).max())
