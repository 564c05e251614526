"""Any objective label by label: a weighted sum of distances between like and like."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.objectives import EnergyDistance, Generated, Measured, Moments
from tuneful.objectives.per_label import PerLabel, label_weights

KEY, OF_CELLS = jax.random.key(0), (0, 1, -1)
rng = np.random.default_rng(0)
RATES = rng.exponential(5, (20, 3)) * np.repeat([1.0, 4.0], [14, 6])[:, None]
CELLS = jnp.asarray(rng.exponential(5, (15, 3)))  # of five realisations
TANGENTS = jnp.asarray(rng.normal(size=(15, 3, 2)))
DATA = Measured.from_rates(RATES, np.repeat([0, 1], [14, 6]), (0.7, 0.3))
GENERATED = Generated(CELLS, jnp.ones(15), 3, OF_CELLS)


def alone(label):
    """Units, curves and tangents of one label, cut out by hand."""
    rates = RATES[:14] if label == 0 else RATES[14:]
    return Measured.from_rates(rates), Generated(CELLS[label::3], jnp.ones(5)), TANGENTS[label::3]


@pytest.mark.parametrize("objective", [EnergyDistance(), Moments(landmarks=8)], ids=lambda o: o.label)
def test_loss_and_curvatures_are_weighted_sums_over_labels_and_noise_is_with_squared_weights(objective):
    distance = PerLabel(objective)
    states = distance.init(KEY, DATA)
    loss = distance.loss(GENERATED, states, DATA, KEY)
    metric = distance.metric(GENERATED, TANGENTS, states, DATA, KEY)
    sampling = distance.sampling(GENERATED, TANGENTS, states, DATA, KEY)
    parts = []
    for label in (0, 1):
        data, generated, tangents = alone(label)
        about = objective.init(KEY, data), data, KEY
        parts.append(
            (
                objective.loss(generated, *about),
                objective.metric(generated, tangents, *about),
                objective.sampling(generated, tangents, *about),
            )
        )
    (first, first_metric, first_sampling), (second, second_metric, second_sampling) = parts
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(loss, 0.7 * first + 0.3 * second, **close)
    np.testing.assert_allclose(metric, 0.7 * first_metric + 0.3 * second_metric, **close)
    if objective.label == "energy":
        assert sampling is first_sampling is None
    else:
        np.testing.assert_allclose(
            sampling.curvature, 0.7 * first_sampling.curvature + 0.3 * second_sampling.curvature, **close
        )
        np.testing.assert_allclose(
            sampling.noise, 0.49 * first_sampling.noise + 0.09 * second_sampling.noise, **close
        )


def test_after_lost_networks_all_labels_hold_steps_back_once():
    distance = PerLabel(EnergyDistance())
    careful = distance.careful(distance.init(KEY, DATA))
    assert careful is not None
    assert all(state.is_careful for state in careful)
    assert distance.careful(careful) is None
    assert PerLabel(Moments()).careful(PerLabel(Moments()).init(KEY, DATA)) is None


def test_weights_by_units_make_moments_as_certain_as_the_units_of_both_labels_together():
    """Curvature and noise of one label cut in two at random are those of the whole: the sandwich does not change."""
    objective, units = Moments(landmarks=6), np.random.default_rng(1).exponential(5, (4000, 3))
    cells, tangents = jnp.asarray(np.random.default_rng(2).exponential(5, (400, 3))), jnp.ones((400, 3, 1))
    whole = Measured.from_rates(units)
    whole_state = objective.init(KEY, whole)
    once = objective.sampling(Generated(cells, jnp.ones(400)), tangents, whole_state, whole, KEY)
    halves = Measured.from_rates(units, np.arange(4000) % 4 // 3, label_weights(objective, "ab", (3000, 1000), {}))
    distance, generated = PerLabel(objective), Generated(jnp.repeat(cells, 2, axis=0), jnp.ones(800), 2, (0, 1))
    # Landmarks and scale of the whole for both parts: only the scatter of its units is a part's own.
    states = tuple(part_of(whole_state, rows) for rows in (np.arange(4000) % 4 < 3, np.arange(4000) % 4 == 3))
    twice = distance.sampling(generated, jnp.repeat(tangents, 2, axis=0), states, halves, KEY)
    np.testing.assert_allclose(twice.curvature, once.curvature, rtol=1e-4)
    # Of 4,000 units and two parts, the two noises differ by what is the mean of each part: relatively of order 1 / n.
    np.testing.assert_allclose(twice.noise, once.noise, rtol=5e-3)


def part_of(state, rows):
    return eqx.tree_at(lambda s: s.measured, state, state.measured[rows])


def test_sharper_states_come_from_one_sample_of_curves():
    distance, drawn = PerLabel(Moments(landmarks=8)), []

    def generate():
        drawn.append(1)
        return GENERATED

    states = distance.init(KEY, DATA)
    after = distance.sharpened(states, generate, DATA)
    assert len(drawn) == 1
    for label in (0, 1):
        data, generated, _ = alone(label)
        alone_after = Moments(landmarks=8).sharpened(states[label], lambda g=generated: g, data)
        np.testing.assert_array_equal(after[label].root, alone_after.root)


def test_weights_follow_the_objective_and_what_is_asked_for():
    assert label_weights(Moments(), ["E", "I"], (60, 20), {"I": 3.0}) == (0.5, 0.5)
    assert label_weights(EnergyDistance(), ["E", "I"], (60, 20), {"I": 0.0}) == (1.0, 0.0)
    with pytest.raises(UserError, match=r"there is no label 'Ee'\. Did you mean 'E'"):
        label_weights(Moments(), ["E", "I"], (1, 1), {"Ee": 1.0})
    with pytest.raises(UserError, match="none of the labels has a weight above 0"):
        label_weights(Moments(), ["E"], (1,), {"E": 0.0})
