"""The implicit gradient against dense algebra, and what its witness says about the solves behind it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.solvers import SearchSettings, steady_state
from tuneful.solvers.implicit_gradient import at_fixed_point


@pytest.mark.parametrize("scale", [1e-8, 1e-15, 1e-18, 1e-30])
def test_a_gradient_in_single_precision_does_not_depend_on_the_scale_of_the_loss(scale):
    rng = np.random.default_rng(0)
    weights = (rng.standard_normal((30, 30)) / 11 - 1.5 * np.eye(30)).astype("f4")
    rates = np.linalg.solve(np.eye(30) - weights, np.ones(30)).astype("f4")

    def loss(w):
        return scale * at_fixed_point(lambda r, w: r @ w.T + 1, w, rates)[0]

    exact = np.outer(np.linalg.inv(np.eye(30) - weights)[0], rates)
    # Solved to eps^(3/4) = 6e-6 of the cotangent; the inverse and the rates are below 1.
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(weights) / np.float32(scale), exact, rtol=0, atol=1e-5)


def drive(r, args):
    """Many cells, all of whose eigenvalues have a size of 0.8: GMRES takes some hundred products."""
    return jnp.tanh(r @ args[0].T + args[1])


@functools.cache
def near_an_instability(problems=3, n=40):
    """Weights, inputs of several problems, their steady states by plain iteration, and a cotangent."""
    rng = np.random.default_rng(0)
    weights = 0.8 * np.linalg.qr(rng.normal(size=(n, n)))[0]
    inputs, rates = rng.normal(size=(problems, n)) / 100, np.zeros((problems, n))
    for _ in range(300):  # a contraction by 0.8
        rates = np.tanh(rates @ weights.T + inputs)
    return weights, inputs, rates, rng.normal(size=(problems, n))


def dense(weights, rates, cotangent):
    """lambda = (1 - Phi W)^-T v, then sum (Phi lambda) r^T and Phi lambda."""
    slopes = 1 - rates**2
    matrices = np.eye(len(weights)) - slopes[:, :, None] * weights
    back = slopes * np.linalg.solve(np.swapaxes(matrices, 1, 2), cotangent[:, :, None])[:, :, 0]
    return back.T @ rates, back


@pytest.mark.parametrize(("settings", "unsolved"), [(None, 0), (SearchSettings(adjoint_evaluations=40), 3)])
def test_close_to_an_instability_the_default_limit_suffices_and_forty_products_do_not(x64, settings, unsolved):
    weights, inputs, rates, cotangent = near_an_instability()

    def along(args, witness):
        found = steady_state(drive, args, 10.0, jnp.zeros((3, 40)), witness=witness, settings=settings)
        return jnp.vdot(cotangent, found.rates), found

    derivatives = jax.jit(jax.grad(along, argnums=(0, 1), has_aux=True))
    (ours, count), found = derivatives((weights, inputs), jnp.zeros(()))
    np.testing.assert_allclose(found.rates, rates, rtol=0, atol=1e-9)
    assert found.settled.all()
    assert float(count) == unsolved
    # eps^(3/4) = 2e-12 of a cotangent of 3 or less, |(1 - Phi W)^-1| < 5, and sqrt(40) between the norms.
    exact = dense(weights, np.asarray(found.rates), cotangent)
    apart = [np.abs(np.asarray(o) - e).max() for o, e in zip(ours, exact, strict=True)]
    assert (max(apart) < 2e-10) == (unsolved == 0)


def along(args, *witness):
    """The steady states of problems near an instability, seen along the cotangent."""
    _, _, rates, cotangent = near_an_instability()
    return jnp.vdot(cotangent, at_fixed_point(drive, args, jnp.asarray(rates), *witness))


def test_a_witness_changes_no_bit_of_anything_else(x64):
    args, zero = near_an_instability()[:2], jnp.zeros(())
    plain = jax.jit(jax.grad(along))(args)
    watched, count = jax.jit(jax.grad(along, argnums=(0, 1)))(args, zero)
    others = [
        watched,
        jax.jit(jax.grad(along))(args, zero),
        jax.jit(jax.grad(lambda a: along(a, jnp.zeros(()))))(args),
    ]
    for other in others:
        for a, b in zip(plain, other, strict=True):
            np.testing.assert_array_equal(a, b)
    far = jax.jit(jax.value_and_grad(along, argnums=1))(args, jnp.ones(()))
    assert float(far[0]) == float(jax.jit(along)(args, zero))
    assert float(far[1]) == float(count) == 0


def linear(r, args):
    """r = w r + b, every row with its own w."""
    return args[0][:, None] * r + args[1]


# With two products and mixing 0.6 the solve of (1 - w) x = v has the residual 1 - 0.6 (1 - w) times v.
EIGENVALUES = np.array([-10.0, 1 - 1 / 0.6, -20.0, -10.0, 0.0])
SEEN = np.array([1.0, 1.0, 1.0, 0.0, 1.0])  # the fourth has no cotangent: nothing is to be solved


def counted(args, witness, limit, cotangent):
    rates = args[1] / (1 - args[0][:, None])
    return jnp.vdot(cotangent, at_fixed_point(linear, args, jax.lax.stop_gradient(rates), witness, limit))


def test_the_witness_counts_the_rows_that_a_tiny_limit_leaves(x64):
    args = jnp.asarray(EIGENVALUES), jnp.ones((5, 2))
    cotangent = jnp.asarray(np.stack([SEEN, 2 * SEEN], axis=1))
    derivatives = jax.jit(jax.grad(counted, argnums=(0, 1)), static_argnums=2)
    (_, by_input), count = derivatives(args, jnp.zeros(()), 2, cotangent)
    # Residuals 5.6, 0, 11.6, 0 and 0.4: of those that were not solved only the last shrank, and is used.
    assert float(count) == 3
    np.testing.assert_allclose(by_input[:, 0], [0, 0.6, 0, 0, 0.6], atol=1e-15)
    (_, by_input), count = derivatives(args, jnp.zeros(()), 300, cotangent)
    assert float(count) == 0
    # eps^(3/4) = 2e-12 of the cotangent, 1 and 2.
    np.testing.assert_allclose(by_input, cotangent / (1 - EIGENVALUES[:, None]), rtol=0, atol=1e-11)


@pytest.mark.parametrize("limit", [2, 300])
def test_counts_add_up_however_problems_are_batched(x64, limit):
    batch = jnp.asarray(np.stack([EIGENVALUES, EIGENVALUES[::-1], np.full(5, 1 - 1 / 0.6)])), jnp.ones((3, 5, 2))
    cotangent = jnp.ones((5, 2))
    one = functools.partial(counted, limit=limit, cotangent=cotangent)
    ways = {
        "vmap": lambda a, w: jax.vmap(one, in_axes=(0, None))(a, w).sum(),
        "map": lambda a, w: jax.lax.map(lambda x: one(x, w), a).sum(),
        "checkpoint": lambda a, w: jax.lax.map(jax.checkpoint(lambda x: one(x, w)), a).sum(),
        "loop": lambda a, w: sum(one((a[0][k], a[1][k]), w) for k in range(3)),
    }
    found = {name: jax.jit(jax.grad(way, argnums=(0, 1)))(batch, jnp.zeros(())) for name, way in ways.items()}
    for by_args, count in found.values():
        assert float(count) == (8 if limit == 2 else 0)
        np.testing.assert_allclose(by_args[1], found["loop"][0][1], rtol=0, atol=1e-12)
    single = jax.vmap(jax.grad(one, argnums=1), in_axes=(0, None))(batch, jnp.zeros(()))
    assert single.tolist() == ([4, 4, 0] if limit == 2 else [0, 0, 0])


def test_only_the_witness_can_be_differentiated(x64):
    """Nothing is solved where nothing but the witness is moved: the count is of the rows in that solve."""
    args, cotangent = (jnp.asarray(EIGENVALUES), jnp.ones((5, 2))), jnp.ones((5, 2))
    assert float(jax.grad(counted, argnums=1)(args, jnp.zeros(()), 300, cotangent)) == 0
    assert float(jax.grad(counted, argnums=1)(args, jnp.zeros(()), 2, cotangent)) == 4


def test_second_derivatives_do_not_see_the_witness(x64):
    args, zero = near_an_instability()[:2], jnp.zeros(())

    def slope(args, *witness):
        return jnp.sum(jax.grad(along)(args, *witness)[1] ** 2)

    plain = jax.jit(jax.grad(slope))(args)
    watched, count = jax.jit(jax.grad(slope, argnums=(0, 1)))(args, zero)
    unwatched = jax.jit(jax.grad(slope))(args, zero)
    for a, b, c in zip(plain, watched, unwatched, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert float(count) == 0


def test_forward_mode_does_not_see_the_witness(x64):
    args, zero = near_an_instability()[:2], jnp.zeros(())
    tangent = tuple(np.ones_like(a) for a in args)
    moved = jax.jit(lambda *t: jax.jvp(along, (args, zero), t)[1])
    assert float(moved(tangent, jnp.ones(()))) == float(jax.jit(lambda t: jax.jvp(along, (args,), (t,))[1])(tangent))
    assert float(moved(tuple(np.zeros_like(a) for a in args), jnp.ones(()))) == 0


def test_factorised_derivatives_are_those_of_iterated_ones_in_both_modes(x64):
    """Of two problems in three parameters, taken one by one and all at once."""
    rng = np.random.default_rng(0)
    weights = jnp.asarray(0.2 * rng.normal(size=(5, 5)))

    def drive(rates, args):
        return jnp.tanh(rates @ (args[0] * weights) + args[1:, None])

    def slopes(rates, args):
        return (1 - drive(rates, args) ** 2)[:, :, None] * (args[0] * weights).T[None]

    def rates(args, slopes):
        return steady_state(drive, args, jnp.ones(5), jnp.zeros((2, 5)), slopes=slopes).rates

    args = jnp.array([0.8, 0.3, -0.5])
    iterated = jax.jacfwd(rates)(args, None)
    np.testing.assert_allclose(jax.jacfwd(rates)(args, slopes), iterated, atol=1e-9)
    np.testing.assert_allclose(jax.jacrev(rates)(args, slopes), iterated, atol=1e-9)
