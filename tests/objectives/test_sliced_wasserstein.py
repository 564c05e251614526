"""Sliced Wasserstein distance: another library in one dimension, closed forms, weights, masks, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, wasserstein_distance

from tuneful.objectives import Generated, Measured, SlicedWasserstein
from tuneful.objectives.sliced_wasserstein import squared_distance

KEY = jax.random.key(0)


def distance(x, y, weight=None, key=KEY, **settings):
    objective, data = SlicedWasserstein(**settings), Measured.from_rates(x)
    weight = jnp.asarray(np.ones(len(y)) if weight is None else np.asarray(weight, float))
    return float(objective.loss(Generated(jnp.asarray(y), weight), objective.init(KEY, data), data, key))


def brute_force(a, a_weight, b, b_weight):
    """By so many copies of each number as its whole weight says: sorted copies are matched one by one."""
    a, b = np.repeat(a, a_weight), np.repeat(b, b_weight)
    return np.mean((np.sort(np.repeat(a, len(b))) - np.sort(np.repeat(b, len(a)))) ** 2)


def test_quantiles_of_unequal_numbers_and_weights_match_copies(x64):
    rng = np.random.default_rng(0)
    a, b, v, w = rng.normal(size=7), rng.normal(size=5), rng.integers(0, 4, 7), rng.integers(1, 4, 5)
    found = squared_distance(*(jnp.asarray(x, float) for x in (a, v, b, w)))
    assert float(found) == pytest.approx(brute_force(a, v, b, w), rel=1e-12)


def test_one_shifted_distribution_is_its_shift_away_whatever_the_weights(x64):
    """The mean difference of shifted samples, by SciPy, is the shift; ours is its square."""
    rng = np.random.default_rng(0)
    a, w = rng.normal(size=9), rng.uniform(size=9)
    found = squared_distance(jnp.asarray(a), jnp.asarray(w), jnp.asarray(a[::-1] + 3), jnp.asarray(w[::-1]))
    assert float(found) == pytest.approx(wasserstein_distance(a, a + 3, w, w) ** 2, rel=1e-9)


def test_two_normal_distributions(x64):
    """Between N(a, s^2) and N(b, t^2) it is (a - b)^2 + (s - t)^2; quantiles of 20,000 levels know it to 1 %."""
    levels = (np.arange(20_000) + 0.5) / 20_000
    x, y = 10 + 2 * norm.ppf(levels)[:, None], 12 + 5 * norm.ppf(levels[::2])[:, None]
    assert distance(x, y, whiten=False, projections=2) == pytest.approx(4 + 9, rel=0.01)


def test_shifted_curves_are_apart_by_the_part_of_the_shift_in_a_direction(x64):
    """|shift|^2 / D on average over directions; the square of a cosine has the variance 2 (D - 1) / (D^2 (D + 2))."""
    x = np.random.default_rng(0).exponential(5, (8, 4))
    shift = np.array([1.0, 2.0, 0.0, 2.0])
    found = distance(x, x[::-1] + shift, whiten=False, projections=4000)
    error = 9 * np.sqrt(2 * 3 / (16 * 6) / 4000)
    assert found == pytest.approx(9 / 4, abs=5 * error)


def test_every_key_has_other_directions():
    x, y = np.random.default_rng(0).exponential(5, (2, 6, 3))
    found = [distance(x, y, projections=3, key=jax.random.key(i)) for i in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_missing_conditions_match_a_mixture_in_loops(x64):
    """In a direction, each generated curve stands beside itself as every pattern of missing conditions shows it."""
    rng = np.random.default_rng(1)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (4, 3))
    x[:2, 1] = x[2, 0] = np.nan
    drawn = np.asarray(jax.random.normal(KEY, (5, 3)))
    directions = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    masks, centre = (
        np.isfinite(x),
        np.asarray(SlicedWasserstein().init(KEY, Measured.from_rates(x)).feature_map.centre),
    )
    expected = []
    for v in directions:
        measured = [(np.nan_to_num(row) - centre) * mask @ v for row, mask in zip(x, masks, strict=True)]
        mixture = [(row - centre) * mask @ v for mask in masks for row in y]
        expected.append(brute_force(measured, [4] * 6, mixture, [1] * 24))
    found = distance(x, y, whiten=False, projections=5)
    assert found == pytest.approx(np.mean(expected), rel=1e-6)  # centres of missing entries are found to 1e-6


def test_order_and_rejected_curves_do_not_matter(x64):
    rng = np.random.default_rng(4)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    loud = np.concatenate([np.full((2, 3), -1e5), y[::-1]])
    assert distance(x[::-1], loud, weight=[0] * 2 + [1] * 5) == pytest.approx(distance(x, y), rel=1e-9)
    assert np.isfinite(distance(x, y, weight=np.zeros(5)))


@pytest.mark.parametrize("curves", [5, 6])
def test_gradient_matches_finite_differences_in_curves_and_weights(x64, curves):
    rng = np.random.default_rng(5)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (curves, 3))
    x[4, 0] = np.nan
    objective, data = SlicedWasserstein(projections=4), Measured.from_rates(x)
    state, weight = objective.init(KEY, data), rng.uniform(0.5, 1, curves)
    loss = jax.jit(lambda y, w: objective.loss(Generated(y, w), state, data, KEY))
    by_rate, by_weight = jax.grad(loss, (0, 1))(jnp.asarray(y), jnp.asarray(weight))
    for i, c in [(2, 0), (3, 1), (4, 2)]:
        step = np.zeros_like(y)
        step[i, c] = 1e-5
        change = float(loss(y + step, weight) - loss(y - step, weight)) / 2e-5
        assert float(by_rate[i, c]) == pytest.approx(change, rel=1e-6)
        step = np.eye(curves)[i] * 1e-5
        change = float(loss(y, weight + step) - loss(y, weight - step)) / 2e-5
        assert float(by_weight[i]) == pytest.approx(change, rel=1e-5)


def test_curvature_is_positive(x64):
    """2 E[(v^T t)^2] over directions and curves."""
    rng = np.random.default_rng(6)
    x, y, tangents = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), rng.normal(size=(6, 3, 2))
    objective, data = SlicedWasserstein(projections=7, whiten=False), Measured.from_rates(x)
    generated, state = Generated(jnp.asarray(y), jnp.ones(6)), objective.init(KEY, data)
    drawn = np.asarray(jax.random.normal(KEY, (7, 3)))
    along = np.einsum("vf,cfa->vca", drawn / np.linalg.norm(drawn, axis=1, keepdims=True), tangents)
    expected = 2 * np.einsum("vca,vcb->ab", along, along) / (7 * 6)
    np.testing.assert_allclose(
        objective.metric(generated, jnp.asarray(tangents), state, data, KEY), expected, rtol=1e-9
    )


@pytest.mark.parametrize("wrong", [{"projections": 0}, {"ridge": -1.0}])
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SlicedWasserstein(**wrong).init(KEY, Measured.from_rates(np.ones((3, 2))))
