"""Energy distance: brute force, unbiasedness, gradients, masks."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import EnergyDistance, Generated, Measured
from tuneful.objectives.energy import _distance, smoothed_bend
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.pairs import PairState, pair_metric

KEY = jax.random.key(0)


def energy(measured, generated, weight=None, cells=1, **settings):
    objective = EnergyDistance(**settings)
    data = Measured.from_rates(measured)
    weight = np.ones(len(generated)) if weight is None else np.asarray(weight, float)
    drawn = Generated(jnp.asarray(generated), jnp.asarray(weight), cells)
    return float(objective.loss(drawn, objective.init(KEY, data), data, KEY))


def brute_force(x, y, root=None):
    """2 E|x - y| - E|x - x'| - E|y - y'| over all pairs of different curves, in loops."""
    root = np.eye(x.shape[1]) if root is None else root
    distance = lambda a, b: np.linalg.norm((a - b) @ root)  # noqa: E731
    cross = np.mean([distance(a, b) for a in x for b in y])
    among = [np.mean([distance(a, b) for a, b in itertools.permutations(s, 2)]) for s in (x, y)]
    return 2 * cross - sum(among)


def inverse_root(x, ridge):
    covariance = np.cov(x.T, bias=True)
    covariance += ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def test_matches_brute_force(x64):
    rng = np.random.default_rng(0)
    x, y = rng.exponential(5, (7, 3)), rng.exponential(8, (5, 3))
    assert energy(x, y, whiten=False) == pytest.approx(brute_force(x, y), rel=1e-12)
    assert energy(x, y, ridge=0.01) == pytest.approx(brute_force(x, y, inverse_root(x, 0.01)), rel=1e-9)


def test_curves_of_one_realisation_are_not_compared_with_each_other(x64):
    rng = np.random.default_rng(3)
    x, y = rng.exponential(5, (7, 3)), rng.exponential(8, (6, 3))
    pairs = [(a, b) for a, b in itertools.permutations(range(6), 2) if a // 2 != b // 2]
    cross = np.mean([np.linalg.norm(a - b) for a in x for b in y])
    spread = np.mean([np.linalg.norm(a - b) for a, b in itertools.permutations(x, 2)])
    among = np.mean([np.linalg.norm(y[a] - y[b]) for a, b in pairs])
    assert energy(x, y, cells=2, whiten=False) == pytest.approx(2 * cross - spread - among, rel=1e-12)


def test_missing_conditions_match_brute_force(x64):
    """Each unit meets all generated curves in its own conditions; the spread of the data is a constant."""
    rng = np.random.default_rng(1)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    x[0, 1] = x[1, 1] = x[2, 0] = np.nan
    seen = np.isfinite(x)

    def score(unit):
        d = [np.linalg.norm((x[unit] - b)[seen[unit]]) for b in y]
        w = [np.linalg.norm((a - b)[seen[unit]]) for a, b in itertools.permutations(y, 2)]
        return 2 * np.mean(d) - np.mean(w)

    spread = [
        np.mean([np.linalg.norm((x[i] - x[j])[seen[i]]) for j in range(6) if j != i and seen[j][seen[i]].all()])
        for i in range(6)
        if any(j != i and seen[j][seen[i]].all() for j in range(6))
    ]
    expected = np.mean([score(i) for i in range(6)]) - np.mean(spread)
    assert energy(x, y, whiten=False) == pytest.approx(expected, rel=1e-12)


def test_values_behind_the_mask_are_never_looked_at(x64):
    rng = np.random.default_rng(2)
    x, y = rng.exponential(5, (8, 4)), rng.exponential(5, (6, 4))
    x[:3, 2] = np.nan
    objective, data = EnergyDistance(), Measured.from_rates(x)
    other = Measured(jnp.where(data.observed, data.rates, 1e6), data.observed)
    drawn = Generated(jnp.asarray(y), jnp.ones(6))
    losses = [float(objective.loss(drawn, objective.init(KEY, d), d, KEY)) for d in (data, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_is_unbiased_and_positive_for_different_distributions(x64):
    """Zero on average for equal distributions, within five standard errors; far from it for others."""
    rng = np.random.default_rng(3)
    objective = EnergyDistance(whiten=False)

    feature_map = FeatureMap.of(Measured.from_rates(np.ones((16, 4))), whiten=False, ridge=0.0)
    data = Measured(jnp.zeros((16, 4)), jnp.ones((16, 4), bool))

    def loss(x, y):
        state = PairState.of(_distance, feature_map, Measured(x, data.observed))
        return objective.loss(Generated(y, jnp.ones(16)), state, data, KEY)

    pairs = jnp.asarray(rng.exponential(5, (400, 2, 16, 4)))
    same = np.asarray(jax.jit(jax.vmap(lambda p: loss(p[0], p[1])))(pairs))
    assert abs(same.mean()) < 5 * same.std() / np.sqrt(len(same))
    shifted = np.asarray(jax.jit(jax.vmap(lambda p: loss(p[0], p[1] + 5)))(pairs))
    assert shifted.mean() > same.mean() + 5 * same.std()


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "missing conditions"])
@pytest.mark.parametrize("settings", [{}, {"whiten": False}, {"shapes": True}, {"log_above": 0.5}], ids=str)
def test_units_measured_twice_change_the_spread_of_the_data_only(x64, settings, missing):
    """Of a unit's 2 m + 1 partners then m appear twice, and its copy is no distance away: 2 m / (2 m + 1) is left."""
    rng = np.random.default_rng(6)
    x, y = rng.exponential(5, (8, 3)), rng.exponential(8, (5, 3))
    if missing:
        x[:3, 1] = np.nan
    data, objective = Measured.from_rates(x), EnergyDistance(**settings)
    state = objective.init(KEY, data)
    partners = np.where(np.isfinite(x).all(axis=1), 4 if missing else 7, 7)  # complete ones for a complete unit
    each = [
        np.mean([np.linalg.norm(seen[j] - seen[i]) for j in range(8) if j != i and (partners[i] == 7 or j > 2)])
        for i in range(8)
        for seen in [np.asarray(state.feature_map.of_units(data.rates, jnp.full(8, i)))]
    ]
    assert float(state.spread) == pytest.approx(np.mean(each), rel=1e-12)
    lost = np.mean(each / (2 * partners + 1))
    twice = energy(np.concatenate([x, x]), y, **settings)
    # Moments of missing entries are found to 1e-6 of a variance, the same ones but for rounding.
    assert twice == pytest.approx(energy(x, y, **settings) + lost, rel=1e-9)


def test_rejected_curves_weigh_nothing(x64):
    rng = np.random.default_rng(4)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    with_rejected = np.concatenate([y, np.full((2, 3), 1e5)])
    assert energy(x, with_rejected, [1] * 5 + [0] * 2) == pytest.approx(energy(x, y), rel=1e-12)
    assert np.isfinite(energy(x, y, np.zeros(5)))


def test_gradient_matches_finite_differences_and_is_finite_for_silent_cells(x64):
    rng = np.random.default_rng(5)
    x, y = rng.exponential(5, (6, 3)), rng.exponential(8, (5, 3))
    x[4, 0] = np.nan
    y[:2] = x[0] = 0.0
    objective, data = EnergyDistance(), Measured.from_rates(x)
    state = objective.init(KEY, data)
    loss = jax.jit(lambda y: objective.loss(Generated(y, jnp.ones(5)), state, data, KEY))
    gradient = np.asarray(jax.grad(loss)(jnp.asarray(y)))
    assert np.isfinite(gradient).all()
    for i, c in [(2, 0), (3, 1), (4, 2)]:
        step = np.zeros_like(y)
        step[i, c] = 1e-5
        assert gradient[i, c] == pytest.approx(float(loss(y + step) - loss(y - step)) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("settings", [{}, {"whiten": False, "shapes": True}])
def test_the_metric_is_the_second_derivative_where_model_and_data_agree(x64, settings):
    """Scaled and shifted exponential curves against themselves: what is left out of the Hessian has mean zero there.

    Both are averages over samples; their difference shrinks with them. The smoothing takes curves that are closer
    than a tenth as a tenth apart, which few of these are.
    """
    draw = jax.random.exponential(jax.random.key(0), (1200, 3))

    def curves(at, z):
        return 4 + at[1] + jnp.exp(at[0]) * z * jnp.array([[1.0, 2.0, 1.5]])

    at, objective = jnp.zeros(2), EnergyDistance(**settings)
    data = Measured.from_rates(curves(at, draw[:600]))
    state, z, weight = objective.init(jax.random.key(0), data), draw[600:], jnp.ones(600)

    def loss(at):
        return objective.loss(Generated(curves(at, z), weight), state, data, jax.random.key(0))

    hessian = np.asarray(jax.jacfwd(jax.grad(loss))(at))
    tangents = jax.jacfwd(curves)(at, z)
    metric = np.asarray(objective.metric(Generated(curves(at, z), weight), tangents, state, data, jax.random.key(0)))
    assert np.linalg.eigvalsh(metric)[0] > 0
    np.testing.assert_allclose(metric, hessian, atol=0.15 * np.abs(hessian).max())


def test_the_metric_with_all_pairs_matches_brute_force(x64):
    objective = EnergyDistance(whiten=False)
    rates, tangents = jax.random.normal(jax.random.key(1), (6, 3)), jax.random.normal(jax.random.key(2), (6, 3, 2))
    data = Measured.from_rates(jnp.zeros((2, 3)) + jnp.arange(2.0)[:, None])
    weight = jnp.array([1.0, 1, 0, 1, 1, 1])
    state = objective.init(jax.random.key(0), data).careful()
    found = pair_metric(smoothed_bend, Generated(rates, weight), tangents, state)
    expected = np.zeros((2, 2))
    for j, k in itertools.product(range(6), range(6)):
        apart = np.asarray(rates[j] - rates[k])
        distance = np.sqrt(apart @ apart + 0.1**2)
        between = np.eye(3) / distance - np.outer(apart, apart) / distance**3
        share = float(weight[j] * weight[k]) / 25
        expected += 2 * share * np.asarray(tangents[j]).T @ between @ np.asarray(tangents[k])
    np.testing.assert_allclose(found, expected, rtol=1e-10)
