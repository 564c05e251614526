"""WGAN-GP against Algorithm 1 written out by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, Measured, WassersteinGAN
from tuneful.objectives.wgan_gp import Side, criticise


def forward(layers, x):
    """The critic and its gradient in its input, by hand."""
    (w1, b1), (w2, b2), (w3, b3) = [(np.asarray(w, float), np.asarray(b, float)) for w, b in layers]
    h1 = x @ w1 + b1
    h2 = np.maximum(h1, 0) @ w2 + b2
    slope = (((h2 > 0) * w3[:, 0]) @ w2.T * (h1 > 0)) @ w1.T
    return (np.maximum(h2, 0) @ w3 + b3)[:, 0], slope


def test_defaults_are_those_of_the_paper():
    gan = WassersteinGAN()
    assert (gan.n_critic, gan.b1, gan.b2, gan.penalty, gan.hidden) == (5, 0.5, 0.9, 10.0, (128, 128))
    assert (gan.critic_rate, gan.whiten) == (0.001, False)


def test_initial_critic_has_the_published_distribution():
    data = Measured.from_rates(np.ones((4, 27)))
    critic = WassersteinGAN().init(jax.random.key(0), data).critic
    assert [w.shape for w, _ in critic] == [(27, 128), (128, 128), (128, 1)]
    weights = np.asarray(critic[1][0])
    assert np.abs(weights).max() <= 0.0096
    assert weights.std() == pytest.approx(0.0096 / np.sqrt(3), rel=5 / np.sqrt(2 * weights.size))
    biases = np.concatenate([np.asarray(b) for _, b in critic])
    assert biases.std() == pytest.approx(0.01, rel=5 / np.sqrt(2 * biases.size))


def test_losses_match_algorithm_1(x64):
    rng = np.random.default_rng(0)
    gan = WassersteinGAN(hidden=(8, 8))
    data = Measured.from_rates(rng.exponential(5, (9, 4)))
    drawn = Generated(jnp.asarray(rng.exponential(8, (6, 4))), jnp.ones(6))
    state = gan.init(jax.random.key(1), data)
    layers = jax.tree.map(lambda a: 30 * a, state.critic)  # large enough for the penalty to matter
    key = jax.random.key(2)
    loss = gan._critic_loss(layers, state.feature_maps, drawn, data, key)

    pick, mix = jax.random.split(key)
    real = np.asarray(data.rates)[np.asarray(jax.random.randint(pick, (6,), 0, 9))]
    fake, e = np.asarray(drawn.rates), np.asarray(jax.random.uniform(mix, (6, 1)))
    norm = np.linalg.norm(forward(layers, e * real + (1 - e) * fake)[1], axis=1)
    expected = forward(layers, fake)[0].mean() - forward(layers, real)[0].mean() + 10 * ((norm - 1) ** 2).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-12)

    trained = eqx.tree_at(lambda s: s.critic, state, layers)
    assert float(gan.loss(drawn, trained, data, key)) == pytest.approx(-forward(layers, fake)[0].mean(), rel=1e-12)


def test_the_critic_is_penalised_for_slopes_in_curves_and_not_in_the_mask(x64):
    """With missing conditions half of its inputs are the mask, in which it is free to be steep."""
    rng = np.random.default_rng(4)
    rates = rng.exponential(5, (9, 4))
    rates[:5, 1] = rates[3:7, 2] = np.nan
    gan, data = WassersteinGAN(hidden=(8, 8)), Measured.from_rates(rates)
    drawn = Generated(jnp.asarray(rng.exponential(8, (6, 4))), jnp.ones(6))
    state = gan.init(jax.random.key(1), data)
    layers = jax.tree.map(lambda a: 30 * a, state.critic)
    key = jax.random.key(2)
    loss = gan._critic_loss(layers, state.feature_maps, drawn, data, key)

    pick, mix = jax.random.split(key)
    units = np.asarray(jax.random.randint(pick, (6,), 0, 9))
    mask = np.isfinite(rates)[units].astype(float)
    real = np.concatenate([np.nan_to_num(rates)[units], mask], axis=1)
    fake = np.concatenate([np.asarray(drawn.rates) * mask, mask], axis=1)
    e = np.asarray(jax.random.uniform(mix, (6, 1)))
    slope = forward(layers, e * real + (1 - e) * fake)[1]
    in_curves, in_both = (np.linalg.norm(s, axis=1) for s in (slope[:, :4], slope))
    assert (in_both > 1.01 * in_curves).all()
    expected = forward(layers, fake)[0].mean() - forward(layers, real)[0].mean() + 10 * ((in_curves - 1) ** 2).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_critic_learns_to_tell_curves_apart_and_sees_fresh_curves():
    gan = WassersteinGAN(critic_rate=0.01, n_critic=40)
    rng = np.random.default_rng(1)
    data = Measured.from_rates(rng.exponential(5, (50, 3)))

    def generate(key, batches):
        return Generated(5 + jax.random.exponential(key, (batches, 30, 3)) * 5, jnp.ones((batches, 30)))

    state = gan.init(jax.random.key(0), data)
    trained = gan.update(state, generate, data, jax.random.key(1))
    score = jax.vmap(criticise, (None, 0))
    gap = (
        score(trained.critic, data.rates).mean()
        - score(trained.critic, generate(jax.random.key(9), 1).rates[0]).mean()
    )
    assert gap > 1  # Hz: the distributions are 5 Hz apart in each of three conditions


def test_both_sides_are_seen_through_the_same_mask():
    """With the same curves on both sides, masks included, the critic cannot tell them apart."""
    rates = np.random.default_rng(2).exponential(5, (40, 4))
    rates[:20, 1] = np.nan
    data = Measured.from_rates(rates)
    for whiten in (False, True):
        gan = WassersteinGAN(whiten=whiten)
        state = gan.init(jax.random.key(0), data)
        assert state.critic[0][0].shape == (8, 128)
        units = jnp.arange(40)
        complete = jnp.where(data.observed, data.rates, 77.0)
        shown = [gan._see(r, units, Side(data, state.feature_maps[0]), state.critic) for r in (complete, data.rates)]
        np.testing.assert_array_equal(*shown)
        assert (np.asarray(shown[0])[:20, 1] == 0).all()
        np.testing.assert_array_equal(np.asarray(shown[0])[:, 4:], np.isfinite(rates))


def test_rejected_curves_do_not_move_the_critic():
    gan = WassersteinGAN(hidden=(8, 8))
    data = Measured.from_rates(np.random.default_rng(3).exponential(5, (9, 3)))
    state = gan.init(jax.random.key(0), data)
    grads = [
        jax.grad(gan._critic_loss)(
            state.critic,
            state.feature_maps,
            Generated(jnp.array([[1.0, 2, 3], [value] * 3, [4, 5, 6], [value] * 3]), jnp.array([1.0, 0, 1, 0])),
            data,
            jax.random.key(1),
        )
        for value in (0.0, 500.0)
    ]
    jax.tree.map(np.testing.assert_allclose, *grads)


def test_one_critic_is_told_the_label_and_penalised_for_slopes_in_curves_only(x64):
    """By hand: of two labels, seen on scales of their own, in realisations of two cells and one that is left out."""
    rng = np.random.default_rng(6)
    gan, rates = WassersteinGAN(hidden=(8, 8), whiten=True), rng.exponential(5, (11, 3))
    rates[6:] *= 7
    data = Measured.from_rates(rates, np.repeat([0, 1], [6, 5]), (0.25, 0.75))
    drawn = Generated(jnp.asarray(rng.exponential(8, (12, 3))), jnp.ones(12), 3, (1, -1, 0))
    state = gan.init(jax.random.key(1), data)
    assert state.critic[0][0].shape == (5, 8)
    layers = jax.tree.map(lambda a: 30 * a, state.critic)
    key = jax.random.key(2)

    pick, mix = jax.random.split(key)
    e, expected, generator = np.asarray(jax.random.uniform(mix, (4, 1))), 0.0, 0.0
    for label, (first, n, cell, weight) in enumerate([(0, 6, 2, 0.25), (6, 5, 0, 0.75)]):
        units = np.asarray(jax.random.randint(pick, (4,), 0, n))
        alone = Measured.from_rates(rates[first : first + n])
        seen = gan.init(key, alone).feature_maps[0]
        told = np.tile(np.eye(2)[label], (4, 1))
        fake, real = (
            np.concatenate([np.asarray(seen.of_units(jnp.asarray(r), jnp.asarray(units))), told], axis=1)
            for r in (np.asarray(drawn.rates)[cell::3], rates[first : first + n][units])
        )
        norm = np.linalg.norm(forward(layers, e * real + (1 - e) * fake)[1][:, :3], axis=1)
        loss = forward(layers, fake)[0].mean() - forward(layers, real)[0].mean() + 10 * ((norm - 1) ** 2).mean()
        expected += weight * loss
        generator -= weight * forward(layers, fake)[0].mean()
    assert float(gan._critic_loss(layers, state.feature_maps, drawn, data, key)) == pytest.approx(expected, rel=1e-9)
    trained = eqx.tree_at(lambda s: s.critic, state, layers)
    assert float(gan.loss(drawn, trained, data, key)) == pytest.approx(generator, rel=1e-9)
