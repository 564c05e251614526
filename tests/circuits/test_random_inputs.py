"""Random inputs: distinct numbers and coarse uniform numbers."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.circuits.random_inputs import draw_coarse_uniform, draw_distinct, sequence_length


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 60), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_distinct_numbers_are_distinct_and_in_range(n, share, seed):
    k = round(share * n)
    drawn = np.asarray(draw_distinct(jax.random.key(seed), n, k))
    assert len(set(drawn.tolist())) == k
    assert all(0 <= value < n for value in drawn)


@pytest.mark.parametrize(("n", "k"), [(5, 2), (12, 3)])
def test_every_set_is_equally_likely(n, k):
    from itertools import combinations

    draws = 20_000
    keys = jax.random.split(jax.random.key(0), draws)
    rows = np.sort(np.asarray(jax.vmap(lambda key: draw_distinct(key, n, k))(keys)), axis=1)
    sets = dict.fromkeys(combinations(range(n), k), 0)
    for row in rows.tolist():
        sets[tuple(row)] += 1
    counts = np.array(list(sets.values()))
    expected = draws / len(counts)
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - (len(counts) - 1)) < 5 * np.sqrt(2 * len(counts))


def test_the_sequence_is_long_enough():
    """The number of repetitions among m draws below n, simulated, never comes near the allowance."""
    n, k = 1000, 200
    m = sequence_length(n, k)
    rng = np.random.default_rng(0)
    fewest = min(len(np.unique(rng.integers(0, n, m))) for _ in range(5000))
    assert fewest >= k
    assert sequence_length(64_000, 640) < 1.1 * 640


def test_too_many_distinct_numbers():
    with pytest.raises(ValueError, match="Cannot draw 5 distinct numbers below 4"):
        draw_distinct(jax.random.key(0), 4, 5)


def test_coarse_uniform_numbers_are_uniform_and_independent():
    n = 100_001
    u = np.asarray(draw_coarse_uniform(jax.random.key(0), n), float)
    assert u.shape == (n,)
    assert u.min() > 0
    assert u.max() < 1
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    chi2 = ((counts - n / 100) ** 2 / (n / 100)).sum()
    assert abs(chi2 - 99) < 5 * np.sqrt(2 * 99)
    half = n // 2  # both halves of one word
    assert abs(np.corrcoef(u[:half], u[half + 1 : 2 * half + 1])[0, 1]) < 5 / np.sqrt(half)
