"""Moments: brute force, bias, weights, and a family of curves whose information is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, Measured, Moments
from tuneful.objectives.energy import SMOOTH
from tuneful.objectives.moments import landmark_rates

KEY = jax.random.key(0)


def drawn(rates, cells=1):
    return Generated(jnp.asarray(rates), jnp.ones(len(rates), jnp.asarray(rates).dtype), cells)


def distances(curves, landmarks):
    return np.array([[np.sqrt(np.sum((a - b) ** 2) + SMOOTH**2) for b in landmarks] for a in curves])


def brute_force(x, y, damping, cells=1):
    """Without whitening and with all of x as landmarks."""
    own, parts = distances(x, x), distances(y, x).reshape(len(y) // cells, cells, -1).mean(axis=1)
    covariance = np.cov(own.T, bias=True)
    weights = np.linalg.inv(covariance + damping * np.trace(covariance) * np.eye(len(x)))
    apart = parts.mean(axis=0) - own.mean(axis=0)
    errors = np.cov(parts.T) / len(parts) + covariance / len(x)
    return apart @ weights @ apart - np.trace(weights @ errors)


@pytest.mark.parametrize("cells", [1, 2])
def test_matches_brute_force(x64, cells):
    rng = np.random.default_rng(0)
    x, y = rng.exponential(5, (7, 3)), rng.exponential(8, (6, 3))
    objective, data = Moments(whiten=False, damping_first=0.03), Measured.from_rates(x)
    found = objective.loss(drawn(y, cells), objective.init(KEY, data), data, KEY)
    assert float(found) == pytest.approx(brute_force(x, y, 0.03, cells), rel=1e-9)


def test_few_curves_have_the_same_mean_loss_as_many():
    """What the sampling error of generated curves adds is taken off: within four standard errors."""
    data, objective = Measured.from_rates(np.random.default_rng(0).exponential(5, (40, 3))), Moments()
    state = objective.init(KEY, data)

    @jax.jit
    def losses(keys, like):
        return jax.vmap(
            lambda key: objective.loss(drawn(15 * jax.random.exponential(key, like.shape)), state, data, key)
        )(keys)

    few, many = losses(jax.random.split(KEY, 2000), jnp.ones((4, 3))), losses(KEY[None], jnp.ones((40_000, 3)))
    error = float(np.std(few) / np.sqrt(2000))
    assert np.mean(few) == pytest.approx(float(many[0]), abs=4 * error)
    assert error < 0.1 * float(many[0])


def test_weights_are_damped_less_with_every_sample_and_know_both_sides(x64):
    rng = np.random.default_rng(1)
    x, y = rng.exponential(5, (30, 2)), rng.exponential(8, (50, 2))
    x = x[np.argsort(x.mean(axis=1))]  # as landmarks are
    objective = Moments(whiten=False, damping_first=1e-2, damping=5e-4)
    data = Measured.from_rates(x)
    state, seen = objective.init(KEY, data), []
    for _ in range(3):
        state = objective.sharpened(state, lambda: drawn(y), data)
        seen.append(float(state.damping))
    assert seen == pytest.approx([1e-3, 5e-4, 5e-4])
    covariance = (np.cov(distances(x, x).T, bias=True) + np.cov(distances(y, x).T, bias=True)) / 2
    expected = covariance + 5e-4 * np.trace(covariance) * np.eye(30)
    root = np.asarray(state.root, float)
    np.testing.assert_allclose(root @ expected @ root.T, np.eye(30), atol=1e-9)


def test_rejected_curves_are_no_part_of_the_weights():
    rates = np.random.default_rng(1).exponential(5, (30, 2)).astype(np.float32)
    objective, data = Moments(), Measured.from_rates(rates)
    state = objective.init(KEY, data)
    weight = jnp.ones(30).at[3].set(0)
    loud = Generated(jnp.asarray(rates).at[3].set(500.0), weight)
    quiet = Generated(jnp.asarray(rates).at[3].set(0.0), weight)
    ends = [np.asarray(objective.sharpened(state, lambda c=c: c, data).root) for c in (loud, quiet)]
    np.testing.assert_array_equal(*ends)


def test_information_comes_near_that_of_the_curves():
    """Normal curves 10 + mean (1, 1) + exp(s) L z know per curve 1^T (L L^T)^-1 1 of the mean and 4 of s.

    No moments can know more; sampling errors of 150 derivatives feign a little, less than 2 % with 40,000 curves.
    """
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0.0], [0.95, 0.3]])
    z, w = rng.normal(size=(2, 40_000, 2)) @ root.T
    data = Measured.from_rates(10 + z[:800])
    objective = Moments(ridge=1e-3)
    state = objective.init(KEY, data)
    sample = drawn(np.asarray(10 + w, np.float32))
    for _ in range(3):
        state = objective.sharpened(state, lambda: sample, data)
    tangents = jnp.asarray(np.stack([np.ones(w.shape), w], axis=-1), jnp.float32)
    information = np.asarray(objective.metric(sample, tangents, state, data, KEY)) / 2
    known = np.array([np.ones(2) @ np.linalg.solve(root @ root.T, np.ones(2)), 4.0])
    assert (np.diag(information) > 0.85 * known).all()
    assert (np.diag(information) < 1.05 * known).all()
    assert abs(information[0, 1]) < 0.05 * np.sqrt(known.prod())


def test_landmarks_are_spread_over_mean_rates_and_do_not_depend_on_the_order_of_units():
    rates = np.random.default_rng(0).exponential(5, (100, 3))
    rates[4, 1] = np.nan
    data = Measured.from_rates(rates)
    found = landmark_rates(data, 10)
    assert found.shape == (10, 3)
    assert np.isfinite(found).all()
    assert (np.diff(found.mean(axis=1)) > 0).all()
    assert landmark_rates(data, 500).shape == (100, 3)
    again = landmark_rates(Measured.from_rates(rates[::-1]), 10)
    np.testing.assert_array_equal(found, again)
    filled = landmark_rates(Measured.from_rates(rates[:5]), 5)
    assert np.isclose(filled[:, 1], np.nanmean(rates[:5, 1])).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "wrong", [{"landmarks": 0}, {"damping": 0.0}, {"damping": 0.1, "damping_first": 0.01}, {"ridge": -1.0}]
)
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Moments(**wrong).init(KEY, Measured.from_rates(np.ones((3, 2))))
