"""Distances of sets of curves to a circuit around a point, against brute force and differences."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.local_distance import SMOOTH, LocalDistance, of_units, steps_of
from tuneful.analysis.model_comparison import common_view
from tuneful.objectives import Generated, Measured
from tuneful.objectives.energy import smoothed_bend
from tuneful.objectives.pairs import PairState, pair_metric

UNITS, CURVES = 12, 20


def model(a, b):
    """Curves of ten realisations of two cells, at parameters a (scale) and b (slope over conditions)."""
    z = jax.random.exponential(jax.random.key(0), (CURVES, 3))
    return jnp.exp(a) * (z + jnp.exp(b) * jnp.arange(1.0, 4.0)[None])


@pytest.fixture(scope="module")
def found():
    """At a point, with gaps in every third unit, and a realisation that did not settle."""
    rates = np.array(jax.random.exponential(jax.random.key(1), (UNITS, 3))) * 3
    rates[::3, 0] = np.nan
    view = common_view(Measured.from_rates(rates))
    at = jnp.array([0.3, -0.5])
    weight = jnp.ones(CURVES).at[4:6].set(0)
    tangents = jax.jacfwd(lambda p: model(*p))(at)
    sets = np.stack([np.nan_to_num(rates), np.array(jax.random.exponential(jax.random.key(2), (UNITS, 3)))])

    def at_point(point):
        return LocalDistance.of(Generated(model(*point), weight, n_cells=2), tangents, view)

    return at_point, at, sets, ~np.isnan(rates), view


def brute(curves, weight, x, observed, view):
    """2 E|x - y| - E|y - y'| - E|x - x'|, pair by pair, through the gaps of every unit."""

    def mean(values):
        return float(np.mean(values))

    def apart(p, q):
        return np.sqrt(np.sum((p - q) ** 2) + SMOOTH**2)

    total = []
    for i in range(UNITS):
        y, seen = (np.asarray(view.of_units(jnp.asarray(r, jnp.float32), jnp.full(len(r), i))) for r in (curves, x))
        own = seen[i]
        kept = [j for j in range(CURVES) if weight[j] > 0]
        others = [j for j in range(UNITS) if j != i and (observed[j] | ~observed[i]).all()]
        pairs = [(j, k) for j in kept for k in kept if j // 2 != k // 2]
        cross = mean([apart(own, y[j]) for j in kept])
        within = mean([apart(y[j], y[k]) for j, k in pairs])
        total.append((2 * cross - within, mean([apart(own, seen[j]) for j in others])))
    found = np.array(total).mean(axis=0)
    return found[0] - found[1]


def test_the_distance_is_that_of_all_pairs(found):
    at_point, at, sets, observed, view = found
    local = at_point(at)
    distance, _ = local.look(sets)
    expected = [brute(np.asarray(model(*at)), np.asarray(local.generated.weight), x, observed, view) for x in sets]
    np.testing.assert_allclose(distance, expected, atol=3e-5)


def test_its_metric_is_over_all_pairs(found):
    """Of a curve with itself, too, which a fit leaves out of its steps: it is positive without a bound."""
    at_point, at, _, _, view = found
    local, zero = at_point(at), jnp.zeros(())
    careful = PairState(view, zero[None, None], zero, is_careful=jnp.array(True))
    everything = pair_metric(smoothed_bend, local.generated, local.tangents, careful)
    np.testing.assert_allclose(local.metric, everything, rtol=1e-4)
    bounded = pair_metric(
        smoothed_bend, local.generated, local.tangents, dataclasses.replace(careful, is_careful=jnp.array(False))
    )
    assert np.trace(local.metric) > 1.01 * np.trace(bounded)


def test_the_gradient_is_that_of_differences(found):
    """Of single precision: steps of .02, whose third derivatives leave some 1e-3 of the gradient."""
    at_point, at, sets, *_ = found
    _, gradient = at_point(at).look(sets)
    h = 0.02
    for i in range(2):
        step = h * jnp.eye(2)[i]
        difference = (at_point(at + step).look(sets)[0] - at_point(at - step).look(sets)[0]) / (2 * h)
        np.testing.assert_allclose(gradient[:, i], difference, atol=3e-3 * np.abs(gradient).max())


def test_steps_lead_to_the_minimum_of_the_model(found):
    at_point, at, sets, *_ = found
    local = at_point(at)
    metric = np.asarray(local.metric, float)
    assert np.linalg.eigvalsh(metric)[0] > 0
    gradient = 0.05 * local.look(sets)[1]  # steps are not cut then
    steps = steps_of(gradient, metric)
    assert np.linalg.norm(steps_of(100 * gradient, metric), axis=1) == pytest.approx(1)
    left = gradient + steps @ metric  # but for what holds steps back along flat directions
    assert np.abs(left).max() < 2e-3 * np.trace(metric) * np.abs(steps).max()
    moved = local.moved(np.array([0.01, 0.0]))
    assert moved.shape == (CURVES - 2, 3)
    kept = np.asarray(local.generated.weight) > 0
    np.testing.assert_allclose(moved, np.asarray(model(0.31, -0.5))[kept], rtol=1e-4)


def test_a_view_of_some_units_keeps_their_patterns(found):
    *_, view = found
    units = np.array([0, 3, 6])
    part = of_units(view, units)
    rates = jnp.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(part.of_units(rates, jnp.arange(3)), view.of_units(rates, jnp.asarray(units)))
    assert part.fraction.tolist() == [1.0]
