"""Maximum mean discrepancy: brute force, closed forms, bias, gradients, curvature."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, MaximumMeanDiscrepancy, Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.mmd import median_distance

KEY = jax.random.key(0)
KERNELS = {"gaussian": lambda r: np.exp(-(r**2) / 2), "rational-quadratic": lambda r: 1 / (1 + r**2 / 2)}


def discrepancy(x, y, cells=1, weight=None, **settings):
    objective, data = MaximumMeanDiscrepancy(**settings), Measured.from_rates(x)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    generated = Generated(jnp.asarray(y), jnp.asarray(weight), cells)
    return float(objective.loss(generated, objective.init(KEY, data), data, KEY))


@pytest.mark.parametrize("cells", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_matches_brute_force(x64, kernel, cells):
    rng = np.random.default_rng(0)
    x, y = rng.exponential(5, (7, 3)), rng.exponential(8, (6, 3))
    median = np.median([np.linalg.norm(a - b) for a, b in itertools.combinations(x, 2)])

    def k(a, b):
        return np.mean([KERNELS[kernel](np.linalg.norm(a - b) / (s * median)) for s in (0.5, 2.0)])

    among = np.mean([k(y[a], y[b]) for a, b in itertools.permutations(range(6), 2) if a // cells != b // cells])
    measured = np.mean([k(a, b) for a, b in itertools.permutations(x, 2)])
    cross = np.mean([k(a, b) for a in x for b in y])
    found = discrepancy(x, y, cells, kernel=kernel, scales=(0.5, 2.0), whiten=False)
    assert found == pytest.approx(among + measured - 2 * cross, rel=1e-10)


def test_point_masses(x64):
    """Two points at a distance of r lengths: 2 - 2 k(r)."""
    for kernel, k in KERNELS.items():
        found = discrepancy(
            np.zeros((3, 2)), np.full((4, 2), 3.0), kernel=kernel, scales=(1.0,), scale=2.0, whiten=False
        )
        assert found == pytest.approx(2 - 2 * k(np.sqrt(18) / 2), rel=1e-12)


def test_two_normal_distributions_without_bias(x64):
    """Small samples of N(0, 1) and N(1, 4), within five standard errors of the closed form.

    For a Gaussian kernel of length l, E k(x, y) of N(a, A) and N(b, B) is l / sqrt(v) exp(-(a - b)^2 / (2 v)) with
    v = l^2 + A + B.
    """
    length = 1.5

    def expected(shift, variance):
        v = length**2 + variance
        return length / np.sqrt(v) * np.exp(-(shift**2) / (2 * v))

    truth = expected(0, 2) + expected(0, 8) - 2 * expected(1, 5)
    objective = MaximumMeanDiscrepancy("gaussian", (1.0,), length, whiten=False)
    data = Measured.from_rates(np.arange(5.0)[:, None])  # for its shape: curves are seen as they are
    state = objective.init(KEY, data)

    def loss(key):
        for_x, for_y = jax.random.split(key)
        x = jax.random.normal(for_x, (5, 1))
        pairs = type(state.pairs).of(
            objective._apart(state.lengths), state.pairs.feature_map, Measured(x, data.observed)
        )
        own = type(state)(pairs, state.lengths)
        return objective.loss(Generated(1 + 2 * jax.random.normal(for_y, (6, 1)), jnp.ones(6)), own, data, KEY)

    found = np.asarray(jax.jit(jax.vmap(loss))(jax.random.split(KEY, 4000)))
    error = found.std() / np.sqrt(len(found))
    assert found.mean() == pytest.approx(truth, abs=5 * error)
    assert error < 0.1 * truth


def test_scale_is_the_median_of_measured_curves_that_differ_through_missing_conditions():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, np.nan], [0.0, 0.0]])
    data = Measured.from_rates(x)
    found = median_distance(FeatureMap.of(data, whiten=False, ridge=0.0), data)
    # Complete pairs: 5, twice, in both orders; unit 2 in its condition: 3, 0, 3.
    assert found == pytest.approx(np.median([5, 5, 5, 5, 3, 3]))
    silent = Measured.from_rates(np.zeros((3, 2)))
    assert median_distance(FeatureMap.of(silent, whiten=False, ridge=0.0), silent) == 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradient_matches_finite_differences(x64, kernel):
    rng = np.random.default_rng(5)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    x[4, 0] = np.nan
    objective, data = MaximumMeanDiscrepancy(kernel), Measured.from_rates(x)
    state = objective.init(KEY, data)
    loss = jax.jit(lambda y: objective.loss(Generated(y, jnp.ones(5)), state, data, KEY))
    gradient = np.asarray(jax.grad(loss)(jnp.asarray(y)))
    for i, c in [(2, 0), (3, 1), (4, 2)]:
        step = np.zeros_like(y)
        step[i, c] = 1e-5
        assert gradient[i, c] == pytest.approx(float(loss(y + step) - loss(y - step)) / 2e-5, rel=1e-6)


def test_order_and_rejected_curves_do_not_matter(x64):
    rng = np.random.default_rng(4)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    loud = np.concatenate([y[::-1], np.full((2, 3), 1e5)])
    assert discrepancy(x[::-1], loud, weight=[1] * 5 + [0] * 2) == pytest.approx(discrepancy(x, y), rel=1e-9)
    assert np.isfinite(discrepancy(x, y, weight=np.zeros(5)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_metric_is_the_second_derivative_where_model_and_data_agree(x64, kernel):
    """Scaled and shifted exponential curves: what is left out of the second derivative has mean zero there."""
    draw = jax.random.exponential(jax.random.key(0), (800, 3))

    def curves(at, z):
        return 4 + at[1] + jnp.exp(at[0]) * z * jnp.array([[1.0, 2.0, 1.5]])

    objective, at, data = (
        MaximumMeanDiscrepancy(kernel),
        jnp.zeros(2),
        Measured.from_rates(curves([0, 0], draw[:400])),
    )
    state, z, weight = objective.init(KEY, data), draw[400:], jnp.ones(400)
    slope = jax.jit(jax.grad(lambda at: objective.loss(Generated(curves(at, z), weight), state, data, KEY)))
    bent = [(slope(at + step) - slope(at - step)) / 2e-4 for step in 1e-4 * np.eye(2)]
    generated, tangents = Generated(curves(at, z), weight), jax.jacfwd(curves)(at, z)
    metric = np.asarray(objective.metric(generated, tangents, state, data, KEY))
    assert np.linalg.eigvalsh(metric)[0] > 0
    np.testing.assert_allclose(metric, bent, atol=0.15 * np.abs(metric).max())


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"scales": ()}, {"scales": (1.0, -1.0)}, {"ridge": -1.0}])
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MaximumMeanDiscrepancy(**wrong).init(KEY, Measured.from_rates(np.ones((3, 2))))
