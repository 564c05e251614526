"""Anderson acceleration against direct linear solves and known roots."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.solvers.anderson_acceleration import anderson, size

WINDOW = 10


def systems(problems, n, seed=0, reach=0.6):
    """Matrices 1 - A, (problems, n, n), the eigenvalues of A on a disc of radius `reach`, and right-hand sides."""
    rng = np.random.default_rng(seed)
    feedback = reach / np.sqrt(n) * rng.standard_normal((problems, n, n))
    return np.eye(n) - feedback, rng.standard_normal((problems, n))


def solve(matrices, b, tolerance, max_evaluations=300, pending=None, start=None):
    """The root of b - matrix x for every row of b."""
    matrices, b = jnp.asarray(matrices), jnp.asarray(b)
    return anderson(
        lambda x: b - jnp.einsum("pij,pj->pi", matrices, x),
        jnp.zeros_like(b) if start is None else jnp.asarray(start),
        lambda x: jnp.broadcast_to(jnp.asarray(tolerance, b.dtype), b.shape[:1]),
        max_evaluations,
        jnp.ones(len(b), bool) if pending is None else jnp.asarray(pending),
        window=WINDOW,
    )


jitted = jax.jit(solve, static_argnames="max_evaluations")


def amplification(matrices):
    """How much larger than the largest residual the largest error can be, (problems,)."""
    return np.abs(np.linalg.inv(matrices)).sum(-1).max(-1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_independent_linear_problems_are_solved_like_a_direct_solver_does(x64, n, dtype):
    matrices, b = systems(problems=5, n=n)
    b *= np.array([1e-3, 1, 1, 1, 1e3])[:, None]  # each row on its own scale
    goal = np.abs(b).max(-1) * np.finfo(dtype).eps ** 0.75
    root = jitted(matrices.astype(dtype), b.astype(dtype), goal)
    assert root.point.dtype == dtype
    assert int(root.evaluations) < 300
    assert (np.asarray(root.residual) <= goal).all()
    exact = np.linalg.solve(matrices, b[..., None])[..., 0]
    # The residual is evaluated to about n rounding errors of the largest right-hand side.
    left = goal + n * np.finfo(dtype).eps * np.abs(b).max(-1)
    assert (np.abs(np.asarray(root.point) - exact).max(-1) <= amplification(matrices) * left).all()


@pytest.mark.parametrize("n", [1, 2, 4, 8])
def test_small_linear_problems_take_hardly_more_evaluations_than_unknowns(x64, n):
    """As GMRES: n directions span everything; one evaluation begins, one ends, and the ridge costs two or three."""
    matrices, b = systems(problems=1, n=n, seed=n, reach=2.0)  # far from a contraction: plain iteration diverges
    assert np.abs(np.linalg.eigvals(np.eye(n) - matrices)).max() > 1 or n == 1
    assert int(jitted(matrices, b, 1e-9 * np.abs(b).max(-1)).evaluations) <= n + 5


def test_more_unknowns_than_the_window_still_converge_where_plain_iteration_diverges(x64):
    n = 4 * WINDOW
    matrices, b = systems(problems=1, n=n, seed=1)
    matrices = matrices + 2 * np.eye(n)  # 1 - A with eigenvalues of A around -2
    assert np.abs(np.linalg.eigvals(np.eye(n) - matrices)).max() > 1
    root = jitted(matrices, b, 1e-9)
    assert float(root.residual[0]) <= 1e-9
    # A disc of radius 0.6 around 3: the residual of GMRES falls by 5 a step, so 13 steps for nine digits.
    assert int(root.evaluations) < 26


def test_a_nonlinear_root_is_found(x64):
    target = jnp.array([[0.5], [0.9]])
    root = anderson(
        lambda x: jnp.cos(x) - x + target, jnp.zeros((2, 1)), lambda x: jnp.full(2, 1e-13), 50, jnp.ones(2, bool)
    )
    # The slope of the residual is at most -1 there: the error is not larger than the residual.
    for value, level in zip(np.asarray(root.point)[:, 0], (0.5, 0.9), strict=True):
        lower, upper = 0.0, 2.0
        for _ in range(60):
            middle = (lower + upper) / 2
            lower, upper = (middle, upper) if np.cos(middle) - middle + level > 0 else (lower, middle)
        assert abs(value - lower) < 2e-13
    assert int(root.evaluations) < 20


def test_problems_that_are_not_pending_do_not_hold_the_loop(x64):
    matrices, b = systems(problems=2, n=3)
    matrices[1] = 0  # without a root: residual b wherever it is
    alone = jitted(matrices[:1], b[:1], 1e-9)
    root = jitted(matrices, b, 1e-9, pending=[True, False])
    assert int(root.evaluations) == int(alone.evaluations)
    np.testing.assert_allclose(root.point[0], alone.point[0], rtol=1e-9)
    assert float(root.residual[1]) > 1e-9
    assert int(jitted(matrices, b, 1e-9, max_evaluations=40).evaluations) == 40


def test_nothing_pending_takes_one_evaluation(x64):
    matrices, b = systems(problems=2, n=3)
    root = jitted(matrices, b, 1e-9, pending=[False, False])
    assert int(root.evaluations) == 1


def test_a_start_at_the_root_is_returned_as_it_is(x64):
    matrices, _ = systems(problems=2, n=3)
    start = np.random.default_rng(5).standard_normal((2, 3))
    root = jitted(matrices, np.einsum("pij,pj->pi", matrices, start), 1e-12, start=start)
    assert int(root.evaluations) == 1
    np.testing.assert_array_equal(root.point, start)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_evaluations_stop_at_the_most_allowed_and_the_residual_is_that_of_the_point(x64, most):
    matrices, b = systems(problems=3, n=30)
    root = jitted(matrices, b, 0.0, max_evaluations=most)
    assert int(root.evaluations) == most
    left = b - np.einsum("pij,pj->pi", matrices, root.point)
    np.testing.assert_allclose(root.residual, np.abs(left).max(-1), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_hand_side_of_zero_gives_zero_beside_others_that_take_many_steps(x64, dtype):
    matrices, b = systems(problems=3, n=30)
    b[1] = 0
    goal = np.abs(b).max(-1) * np.finfo(dtype).eps ** 0.75
    root = jitted(matrices.astype(dtype), b.astype(dtype), goal)
    assert int(root.evaluations) > 5
    assert not np.asarray(root.point)[1].any()
    assert np.isfinite(root.point).all()
    assert (np.asarray(root.residual) <= goal).all()


def test_a_problem_without_a_root_leaves_its_neighbours_alone(x64):
    matrices, b = systems(problems=3, n=6)
    matrices[1] *= np.nan
    root = jitted(matrices, b, 1e-10, max_evaluations=60)
    exact = np.linalg.solve(matrices[[0, 2]], b[[0, 2], :, None])[..., 0]
    np.testing.assert_allclose(np.asarray(root.point)[[0, 2]], exact, rtol=1e-8, atol=1e-9)
    assert not float(root.residual[1]) <= 1e-10


def test_size_is_the_largest_absolute_entry_of_every_row():
    np.testing.assert_array_equal(size(jnp.array([[1.0, -3.0], [0.0, 2.0]])), [3, 2])


@settings(max_examples=30)
@given(n=st.integers(1, 6), problems=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_any_well_conditioned_linear_problem_is_solved(n, problems, seed):
    """Symmetric matrices with eigenvalues between 1/2 and 3/2, in single precision."""
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.standard_normal((problems, n, n)))[0]
    matrices = np.einsum("pij,pj,pkj->pik", turns, rng.uniform(0.5, 1.5, (problems, n)), turns)
    b = rng.standard_normal((problems, n))
    # Padded to one shape, so that one program serves all examples: the rest is the identity and zero.
    padded, right = np.tile(np.eye(6), (3, 1, 1)), np.zeros((3, 6))
    padded[:problems, :n, :n], right[:problems, :n] = matrices, b
    goal = 1e-5 * np.abs(right).max(-1)
    root = jitted(padded.astype("f4"), right.astype("f4"), goal.astype("f4"), max_evaluations=40)
    exact = np.linalg.solve(padded, right[..., None])[..., 0]
    # Residual at most 1e-5, plus rounding, times the norm of the inverse: 2 in the Euclidean norm, sqrt(6) times
    # that in the largest entry.
    assert (np.abs(np.asarray(root.point) - exact).max(-1) <= 2 * np.sqrt(6) * 2e-5 * np.abs(right).max(-1)).all()
