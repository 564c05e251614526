"""Views of curves through missing conditions: plain, whitened, and as shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tuneful.objectives import Generated, Measured
from tuneful.objectives.feature_map import FeatureMap, gaussian_moments, shape_of


def test_whitened_curves_have_unit_covariance(x64):
    rng = np.random.default_rng(0)
    rates = rng.exponential(5, (400, 4)) @ rng.random((4, 4))
    data = Measured.from_rates(rates)
    seen = np.asarray(FeatureMap.of(data, whiten=True, ridge=0.0).of_units(data.rates, jnp.arange(400)))
    np.testing.assert_allclose(np.cov(seen.T, bias=True), np.eye(4), atol=1e-9)


def test_each_pattern_is_whitened_by_what_it_measured(x64):
    rng = np.random.default_rng(1)
    rates = rng.exponential(5, (300, 3)) + rng.exponential(20, (300, 1))
    rates[:100, 1] = np.nan
    data = Measured.from_rates(rates)
    feature_map = FeatureMap.of(data, whiten=True, ridge=1e-6)
    assert feature_map.transform.shape == (2, 3, 3)
    np.testing.assert_allclose(feature_map.fraction, sorted([1 / 3, 2 / 3]), atol=1e-12)
    seen = np.asarray(feature_map.of_units(data.rates, jnp.arange(300)))
    assert (seen[:100, 1] == 0).all()
    # A common change of height is measured against the spread of heights, whether or not a condition is missing;
    # with two conditions of three, independent noise of 5 Hz leaves about 1 % less of it.
    step = np.ones((300, 3))
    lengths = np.linalg.norm(feature_map.of_units(data.rates + step, jnp.arange(300)) - seen, axis=1)
    np.testing.assert_allclose(lengths[:100].mean(), lengths[100:].mean(), rtol=0.03)


def test_moments_with_missing_entries_are_those_of_highest_likelihood():
    """No small change of mean or covariance makes the measured entries more likely."""
    rng = np.random.default_rng(2)
    rates = rng.multivariate_normal([1.0, 2.0, 3.0], [[4, 3, 2], [3, 5, 3], [2, 3, 6]], 200)
    observed = rng.random((200, 3)) < 0.8
    observed[~observed.any(1), 0] = True
    patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
    moments = gaussian_moments(rates, patterns, pattern.reshape(-1), tolerance=1e-12, max_rounds=5000)

    def log_likelihood(mean, covariance):
        return sum(
            stats.multivariate_normal(mean[seen], covariance[np.ix_(seen, seen)]).logpdf(row[seen])
            for row, seen in zip(rates, observed, strict=True)
        )

    best = log_likelihood(*moments)
    for i in range(3):
        for sign in (-1, 1):
            shift = np.zeros(3)
            shift[i] = sign * 1e-2
            assert log_likelihood(moments[0] + shift, moments[1]) < best
            for j in range(3):
                change = np.zeros((3, 3))
                change[i, j] = change[j, i] = sign * 2e-2
                assert log_likelihood(moments[0], moments[1] + change) < best


def test_plain_view_only_drops_what_was_not_measured():
    data = Measured.from_rates([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    feature_map = FeatureMap.of(data, whiten=False, ridge=0.0)
    a, b = feature_map.of_units(jnp.full((2, 3), 10.0), jnp.arange(2)) - feature_map.of_units(
        jnp.full((2, 3), 7.0), jnp.arange(2)
    )
    np.testing.assert_allclose(a, [3, 0, 3])
    np.testing.assert_allclose(b, [3, 3, 3])


def test_degenerate_data_give_finite_views():
    for rates in (np.zeros((5, 3)), np.ones((1, 3)), np.tile([[1.0, 2.0, 3.0]], (4, 1))):
        feature_map = FeatureMap.of(Measured.from_rates(rates), whiten=True, ridge=1e-3)
        assert np.isfinite(feature_map.transform).all()


def test_shapes_do_not_depend_on_height_and_gain(x64):
    rng = np.random.default_rng(3)
    rates = rng.exponential(20, (6, 5))
    rates[0, 2] = np.nan
    data = Measured.from_rates(rates)
    shape = np.asarray(shape_of(data.rates, data.observed))
    louder = np.asarray(shape_of(jnp.where(data.observed, 7 * data.rates + 30, 1e6), data.observed))
    np.testing.assert_allclose(louder, shape, atol=1e-3)  # but for the faintest modulation, 0.05 of about 400 Hz^2
    seen = np.isfinite(rates)
    expected = (rates[0][seen[0]] - rates[0][seen[0]].mean()) / np.sqrt(rates[0][seen[0]].var() + 0.05)
    np.testing.assert_allclose(shape[0][seen[0]], expected, rtol=1e-12)
    assert shape[0, 2] == 0


def test_a_view_of_shapes_is_the_whitened_shape_and_the_root_of_the_rates(x64):
    rng = np.random.default_rng(4)
    rates = rng.exponential(20, (50, 4))
    rates[:20, 1] = np.nan
    data = Measured.from_rates(rates)
    seen = np.asarray(FeatureMap.of(data, whiten=False, ridge=0.0, shapes=True).of_units(data.rates, jnp.arange(50)))
    assert seen.shape == (50, 8)
    roots = np.where(np.isfinite(rates), np.sqrt(np.nan_to_num(rates) + 3 / 8), 0)
    np.testing.assert_allclose(seen[:, 4:], roots, rtol=1e-12)
    assert (seen[:20, 1] == 0).all()
    feature_map = FeatureMap.of(data, whiten=True, ridge=0.1, shapes=True)
    by_unit = feature_map.of_units(data.rates, jnp.arange(50))
    by_pattern = feature_map.of_patterns(data.rates)
    np.testing.assert_allclose(by_pattern[feature_map.pattern, jnp.arange(50)], by_unit, rtol=1e-12)


def test_flat_and_silent_curves_have_finite_shapes_and_slopes():
    rates, seen = jnp.array([[0.0, 0, 0], [7.0, 7, 7]]), jnp.ones((2, 3))
    assert np.abs(shape_of(rates, seen)).max() < 1e-5  # rounding of a mean of 7 Hz over the faintest modulation
    slope = jax.jacrev(lambda r: shape_of(r, seen))(rates)
    assert bool(jnp.isfinite(slope).all())


def test_logarithmic_rates_are_compared_in_proportion():
    rates = np.random.default_rng(3).exponential(2.0, (40, 3))
    data = Measured.from_rates(rates)
    logged = FeatureMap.of(data, whiten=True, ridge=0.1, log_above=0.5)
    by_hand = FeatureMap.of(Measured.from_rates(np.log1p(rates / 0.5)), whiten=True, ridge=0.1)
    units = jnp.arange(40)
    # Single precision on both sides: a few roundings of numbers around one.
    np.testing.assert_allclose(
        logged.of_units(data.rates, units),
        by_hand.of_units(jnp.asarray(np.log1p(data.rates / 0.5)), units),
        atol=1e-4,
    )
    with pytest.raises(ValueError, match="log_above must be positive"):
        FeatureMap.of(data, whiten=True, ridge=0.1, log_above=0.0)


RELATIVE = np.array([[1.0, 3.0, np.nan], [2.0, 2.0, 8.0], [6.0, 1.0, 2.0]])


def seen_relative(relative, rates=RELATIVE, **how):
    data = Measured.from_rates(rates)
    return data, FeatureMap.of(data, whiten=False, ridge=0.1, relative=relative, **how)


def test_curves_over_their_own_mean_or_over_that_of_all(x64):
    by_hand = {
        "curve": RELATIVE / np.nanmean(RELATIVE, axis=1, keepdims=True),
        "label": RELATIVE / np.mean(np.nanmean(RELATIVE, axis=0)),
    }
    for relative, expected in by_hand.items():
        data, feature_map = seen_relative(relative)
        seen = np.asarray(feature_map.of_units(data.rates, jnp.arange(3)) + feature_map.centre[None])
        here = np.isfinite(RELATIVE)
        np.testing.assert_allclose(seen[here], expected[here], rtol=2e-4)  # means smoothed by a hundredth
        _, logged = seen_relative(relative, log_above=0.5)
        as_logs = np.asarray(logged.of_units(data.rates, jnp.arange(3)) + logged.centre[None])
        np.testing.assert_allclose(as_logs[here], np.log1p(expected[here] / 0.5), rtol=2e-4)


def test_generated_curves_are_seen_over_their_own_mean_without_rejected_ones(x64):
    """A condition that no unit measured has no part in it."""
    rates = np.array([[1.0, 5.0, 100.0], [3.0, 3.0, 100.0], [700.0, 700.0, 700.0]])
    _, feature_map = seen_relative("label", np.array([[1.0, 3.0, np.nan], [2.0, 4.0, np.nan]]))
    levelled = feature_map.levelled(Generated(jnp.asarray(rates), jnp.array([1.0, 1.0, 0.0])))
    np.testing.assert_allclose(levelled, rates * 2.5 / 3, rtol=1e-4)


@pytest.mark.parametrize("relative", ["curve", "label"])
def test_slopes_of_relative_curves_are_those_of_differences(relative, x64):
    data, feature_map = seen_relative(relative, log_above=0.3)
    rates, weight = data.rates + 0.5, jnp.array([1.0, 0.0, 1.0])
    along, step = jnp.asarray(np.random.default_rng(5).normal(size=rates.shape)), 1e-6
    look = jax.jit(lambda rates: feature_map.of_generated(Generated(rates, weight)))
    slope = jax.jvp(look, (rates,), (along,))[1]
    differences = (look(rates + step * along) - look(rates - step * along)) / (2 * step)
    np.testing.assert_allclose(slope, differences, atol=1e-8)
    silent = jax.jacrev(look)(jnp.zeros_like(rates))
    assert bool(jnp.isfinite(silent).all())


def test_what_does_not_go_with_relative_curves_is_refused():
    for how, message in (
        ({"relative": "cell"}, 'relative must be "curve", "label" or none'),
        ({"relative": "label", "shapes": True}, "shapes are relative already"),
        ({"relative": "curve", "ridge": 0.0}, "whiten with a ridge above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            FeatureMap.of(Measured.from_rates(RELATIVE), **{"whiten": True, "ridge": 0.1} | how)
