"""Moment matching: brute force, bias, missing conditions, curvature, and the noise of measured units."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tuneful.objectives import Generated, Measured, MomentMatching

KEY = jax.random.key(0)


def distance(x, y, cells=1, weight=None, **settings):
    objective, data = MomentMatching(**settings), Measured.from_rates(x)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    return float(
        objective.loss(Generated(jnp.asarray(y), jnp.asarray(weight), cells), objective.init(KEY, data), data, KEY)
    )


def without_bias(values, against):
    """(mean - against)^2 less the variance of the mean, over all pairs of different realisations, in loops."""
    return np.mean([(a - against) * (b - against) for a, b in itertools.permutations(values, 2)])


def brute_force(x, y, variances, cells, scale):
    total = 0.0
    for d in range(x.shape[1]):
        measured, drawn = x[np.isfinite(x[:, d]), d], y[:, d].reshape(-1, cells)
        mean, variance = measured.mean(), measured.var(ddof=1)
        means = drawn.mean(axis=1)
        squared = ((drawn - means.mean()) ** 2).mean(axis=1)
        found = squared.mean() + means.var(ddof=1) / len(means)
        of_data = ((measured - mean) ** 2 - variance) ** 2
        n, m = len(measured), len(means)
        w = scale(d)
        total += (without_bias(means, mean) - variance / n) / w
        errors = squared.var(ddof=1) / m + of_data.sum() / (n * (n - 1))
        total += variances * ((found - variance) ** 2 - errors) / w**2
    return total / x.shape[1]


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "missing conditions"])
@pytest.mark.parametrize("cells", [1, 2])
def test_matches_brute_force(x64, cells, missing):
    rng = np.random.default_rng(0)
    x, y = rng.exponential(5, (9, 3)), rng.exponential(8, (6, 3))
    if missing:
        x[:3, 1] = x[2:5, 0] = np.nan
    variance = np.nanvar(x, axis=0, ddof=1)
    spread = variance + 0.1 * variance.mean()
    found = distance(x, y, cells, variances=0.3, weights="spread", ridge=0.1)
    assert found == pytest.approx(brute_force(x, y, 0.3, cells, lambda d: spread[d]), rel=1e-9)
    if not missing:
        found = distance(x, y, cells, variances=0.3)
        assert found == pytest.approx(brute_force(x, y, 0.3, cells, lambda d: x.mean() ** 2), rel=1e-9)


def test_two_normal_distributions(x64):
    """100,000 curves of each: the distance of N(10, 4) and N(12, 9), relative to the mean of 10."""
    quantiles = norm.ppf((np.arange(100_000) + 0.5) / 100_000)[:, None]
    found = distance(10 + 2 * quantiles, 12 + 3 * quantiles, variances=0.5)
    assert found == pytest.approx(2**2 / 10**2 + 0.5 * (9 - 4) ** 2 / 10**4, rel=1e-3)


@pytest.mark.parametrize("variances", [0.0, 1e4])  # relative to a mean of about 10: without and with them
def test_few_normal_curves_have_the_mean_loss_of_many(x64, variances):
    """The means without bias; the variances with 2 (3 n - 2) / (n^2 (n - 1)) of n normal curves of unit variance.

    The variance of n normal numbers has the variance 2 / (n - 1), and the mean over samples of what is taken off is
    2 (n - 2) / n^2: their fourth central moment has the mean 3 ((n - 1) / n)^2, their squared second (n^2 - 1) / n^2.
    """
    n, data = 6, Measured.from_rates(10 + np.random.default_rng(0).normal(size=(40, 1)))
    objective = MomentMatching(variances=variances)
    state, bias = objective.init(KEY, data), 2 * (3 * n - 2) / (n**2 * (n - 1))

    def loss(key):
        return objective.loss(Generated(11 + jax.random.normal(key, (n, 1)), jnp.ones(n)), state, data, key)

    found = np.asarray(jax.jit(jax.vmap(loss))(jax.random.split(KEY, 20_000)))
    mean, variance = float(data.rates.mean()), float(data.rates.var(ddof=1))
    w = np.asarray(state.weight)[:, 0]
    expected = w[0] * (11 - mean) ** 2 + w[1] * ((1 - variance) ** 2 + bias) - float(state.sampling)
    error = found.std() / np.sqrt(len(found))
    assert found.mean() == pytest.approx(expected, abs=5 * error)
    assert not variances or w[1] * bias > 5 * error  # else the test would not see it


def test_gradient_matches_finite_differences(x64):
    rng = np.random.default_rng(5)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (6, 3))
    x[4, 0] = np.nan
    objective, data = MomentMatching(log_above=0.5), Measured.from_rates(x)
    state = objective.init(KEY, data)
    loss = jax.jit(lambda y: objective.loss(Generated(y, jnp.ones(6), 2), state, data, KEY))
    gradient = np.asarray(jax.grad(loss)(jnp.asarray(y)))
    for i, c in [(2, 0), (3, 1), (4, 2)]:
        step = np.zeros_like(y)
        step[i, c] = 1e-5
        assert gradient[i, c] == pytest.approx(float(loss(y + step) - loss(y - step)) / 2e-5, rel=1e-6)


def test_order_and_rejected_curves_do_not_matter(x64):
    rng = np.random.default_rng(4)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    loud = np.concatenate([y[::-1], np.full((2, 3), 1e5)])
    assert distance(x, loud, weight=[1] * 5 + [0] * 2) == pytest.approx(distance(x, y), rel=1e-10)
    assert np.isfinite(distance(x, y, weight=np.zeros(5)))


def test_one_measured_curve_in_a_condition_says_nothing_of_it(x64):
    rng = np.random.default_rng(4)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    x[1:, 1] = np.nan
    others = np.where(np.arange(3) == 1, 50.0, y)
    assert distance(x, others) == pytest.approx(distance(x, y), rel=1e-12)


@pytest.fixture
def normal(x64):
    """Two conditions of 10 + N(0, 1), the second at twice that; parameters shift and widen both."""
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(2, 4000, 1)) * np.array([1.0, 2.0])
    data = Measured.from_rates(10 + z)
    tangents = jnp.asarray(np.stack([np.ones(w.shape), w], axis=-1))
    return data, Generated(jnp.asarray(10 + w), jnp.ones(len(w))), tangents


def test_curvature_is_that_of_means_and_variances(normal):
    """Along the shift 2 sum w0; along the logarithm of the width, variances v change by 2 v: 8 sum w1 v^2."""
    data, generated, tangents = normal
    objective = MomentMatching(weights="spread", ridge=0.0)
    state = objective.init(KEY, data)
    metric = np.asarray(objective.metric(generated, tangents, state, data, KEY))
    w, v = np.asarray(state.weight), np.array([1.0, 4.0])
    expected = np.diag([2 * w[0].sum(), 8 * (w[1] * v**2).sum()])
    # Sampling errors of means of 4,000 curves, 1 / sqrt(4,000) = 1.6 %, and of their squares, 2.2 %.
    np.testing.assert_allclose(metric, expected, atol=0.1 * metric.max())
    sampling = objective.sampling(generated, tangents, state, data, KEY)
    np.testing.assert_allclose(sampling.curvature, metric, atol=1e-3 * metric.max())


def test_noise_is_the_scatter_of_slopes_between_sets_of_measured_units(normal):
    """Over 2,000 sets of 200 units, which know a variance to sqrt(2 / 2000); 4,000 normal units to some 5 %."""
    data, generated, tangents = normal
    objective = MomentMatching(weights="spread", ridge=0.0)
    state = objective.init(KEY, data)

    def slope(measured):
        mean, variance = measured.mean(axis=0), measured.var(axis=0, ddof=1)
        other = eqx.tree_at(lambda s: s.measured, state, jnp.stack([mean, variance]))
        gradient = jax.grad(lambda rates: objective.loss(Generated(rates, generated.weight), other, data, KEY))
        return jnp.einsum("cd,cda->a", gradient(generated.rates), tangents)

    sets = 10 + np.random.default_rng(1).normal(size=(2000, 200, 1)) * np.array([1.0, 2.0])
    found = np.cov(np.asarray(jax.jit(lambda s: jax.lax.map(slope, s))(jnp.asarray(sets))).T)
    noise = np.asarray(objective.sampling(generated, tangents, state, data, KEY).noise) * 4000 / 200
    np.testing.assert_allclose(noise, found, atol=0.25 * found.max())


@pytest.mark.parametrize("wrong", [{"variances": -1.0}, {"ridge": -1.0}])
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MomentMatching(**wrong).init(KEY, Measured.from_rates(np.ones((3, 2))))
