"""Means over pairs of curves: what is left out, and how the distance bends, for d = |x - y|^2 in loops."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.pairs import PairState, pair_loss, pair_metric, pair_sampling


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


def test_curvature_is_over_all_pairs_and_its_sampling_over_pairs_of_different_realisations(sides):
    """Of squared distances it is 4 E[t . t'], for each unit where it was measured; slopes are 4 E[(y - x) . t]."""
    x, y, state = sides
    weight = np.repeat([1.0, 0, 1, 1], 2)
    tangents = np.random.default_rng(1).normal(size=(8, 3, 2))
    generated, kept = Generated(jnp.asarray(y), jnp.asarray(weight), 2), [i for i in range(8) if weight[i]]
    masks = np.isfinite(x).astype(float)

    def bent(pairs):
        pairs = list(pairs)
        return np.mean([4 * (tangents[a] * m[:, None]).T @ tangents[b] for m in masks for a, b in pairs], axis=0)

    found = pair_metric(bend, generated, jnp.asarray(tangents), state)
    np.testing.assert_allclose(found, bent(itertools.product(kept, kept)), rtol=1e-10)
    sampling = pair_sampling(bend, generated, jnp.asarray(tangents), state)
    different = [(a, b) for a, b in itertools.product(kept, kept) if a // 2 != b // 2]
    np.testing.assert_allclose(sampling.curvature, bent(different), rtol=1e-10)
    by_unit = [
        np.mean([4 * ((y[a] - np.nan_to_num(x[i])) * masks[i]) @ tangents[a] for a in kept], axis=0) for i in range(7)
    ]
    np.testing.assert_allclose(sampling.noise, np.cov(np.array(by_unit).T, bias=True) / 7, rtol=1e-10)
