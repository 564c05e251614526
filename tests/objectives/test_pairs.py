"""Means over pairs of curves: what is left out, and how the distance bends, for d = |x - y|^2 in loops."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.pairs import LEAST, PairState, pair_loss, pair_metric, pair_sampling


def squares(a, b):
    return jnp.sum((a - b) ** 2, axis=-1)


def bend(squared, weight):
    """f = s: 2 f' = 2 and f'' = 0."""
    return 2 * weight, jnp.zeros_like(squared)


@pytest.fixture
def sides(x64):
    rng = np.random.default_rng(0)
    x, y = rng.exponential(5, (7, 3)), rng.exponential(8, (8, 3))
    x[:3, 1] = np.nan
    data = Measured.from_rates(x)
    state = PairState.of(squares, FeatureMap.of(data, whiten=False, ridge=0.0), data)
    return x, y, state


def test_the_loss_is_over_pairs_of_different_units_and_of_different_realisations(sides):
    x, y, state = sides
    weight = np.repeat([1.0, 0, 1, 1], 2)
    seen = np.isfinite(x)
    apart = lambda a, b, mask: np.sum(((a - b)[mask]) ** 2)  # noqa: E731
    kept = [i for i in range(8) if weight[i]]
    terms, spread = [], []
    for i in range(7):
        mask = seen[i]
        pairs = [apart(y[a], y[b], mask) for a, b in itertools.permutations(kept, 2) if a // 2 != b // 2]
        terms.append(2 * np.mean([apart(x[i], y[a], mask) for a in kept]) - np.mean(pairs))
        spread.append(np.mean([apart(x[i], x[j], mask) for j in range(7) if j != i and seen[j][mask].all()]))
    found = pair_loss(squares, Generated(jnp.asarray(y), jnp.asarray(weight), 2), state, Measured.from_rates(x))
    assert float(found) == pytest.approx(np.mean(terms) - np.mean(spread), rel=1e-12)


def test_careful_curvature_is_over_all_pairs_and_its_sampling_over_pairs_of_different_realisations(sides):
    """Of squared distances it is 4 E[t . t'], for each unit where it was measured; slopes are 4 E[(y - x) . t]."""
    x, y, state = sides
    weight = np.repeat([1.0, 0, 1, 1], 2)
    tangents = np.random.default_rng(1).normal(size=(8, 3, 2))
    generated, kept = Generated(jnp.asarray(y), jnp.asarray(weight), 2), [i for i in range(8) if weight[i]]
    masks = np.isfinite(x).astype(float)

    def bent(pairs):
        pairs = list(pairs)
        return np.mean([4 * (tangents[a] * m[:, None]).T @ tangents[b] for m in masks for a, b in pairs], axis=0)

    found = pair_metric(bend, generated, jnp.asarray(tangents), state.careful())
    np.testing.assert_allclose(found, bent(itertools.product(kept, kept)), rtol=1e-10)
    sampling = pair_sampling(bend, generated, jnp.asarray(tangents), state)
    different = [(a, b) for a, b in itertools.product(kept, kept) if a // 2 != b // 2]
    np.testing.assert_allclose(sampling.curvature, bent(different), rtol=1e-10)
    by_unit = [
        np.mean([4 * ((y[a] - np.nan_to_num(x[i])) * masks[i]) @ tangents[a] for a in kept], axis=0) for i in range(7)
    ]
    np.testing.assert_allclose(sampling.noise, np.cov(np.array(by_unit).T, bias=True) / 7, rtol=1e-10)


def near(squared, weight):
    """f = sqrt(s + .01), which curves beside themselves bend most."""
    distance = jnp.sqrt(squared + 0.01)
    return weight / distance, weight / distance**3


def test_without_pairs_of_one_realisation_curvature_is_that_of_any_number_of_curves(x64):
    """One parameter moves all curves alike, another each its own way, which on average changes nothing."""
    rng = np.random.default_rng(3)
    data = Measured.from_rates(rng.normal(size=(5, 4)))
    state = PairState.of(squares, FeatureMap.of(data, whiten=False, ridge=0.0), data)

    def metrics(n):
        y, own = rng.normal(size=(n, 4)), rng.normal(size=(n, 4))
        tangents = jnp.asarray(np.stack([np.ones((n, 4)), own], axis=-1))
        about = near, Generated(jnp.asarray(y), jnp.ones(n), 2), tangents
        return np.asarray(pair_metric(*about, state.careful())), np.asarray(pair_metric(*about, state))

    (all_pairs, found), (_, of_many) = metrics(60), metrics(3000)
    # E[1 / d] of 4 normal differences varies by half of itself between pairs; of 30 realisations, by 10 % and less.
    assert found[0, 0] == pytest.approx(of_many[0, 0], rel=0.3)
    assert all_pairs[0, 0] > 1.3 * found[0, 0]
    assert found[1, 1] < 0.3 * all_pairs[1, 1]


def test_it_is_the_curvature_between_realisations_bounded_by_that_with_all_pairs(sides):
    """Shares of it, along the directions in which the two differ, between LEAST and 1; 0 where nothing moves."""
    _, y, state = sides
    tangents = np.random.default_rng(1).normal(size=(8, 3, 3)) * [1, 1, 0]
    about = bend, Generated(jnp.asarray(y), jnp.ones(8), 2), jnp.asarray(tangents)
    found, all_pairs = (np.asarray(pair_metric(*about, at)) for at in (state, state.careful()))
    assert not found[2].any()
    root = np.linalg.cholesky(all_pairs[:2, :2])
    between = np.asarray(pair_sampling(*about, state).curvature)[:2, :2]
    shares = np.linalg.eigvalsh(np.linalg.solve(root, np.linalg.solve(root, between).T))
    shares_found = np.linalg.eigvalsh(np.linalg.solve(root, np.linalg.solve(root, found[:2, :2]).T))
    np.testing.assert_allclose(shares_found, np.clip(shares, LEAST, 1), rtol=1e-8)
    assert shares[0] < LEAST  # of so few, the bound is needed
