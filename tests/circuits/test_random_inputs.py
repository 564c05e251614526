"""Random inputs: distinct numbers, coarse uniform numbers, and the generator behind four arrays of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.random import threefry_2x32

from tuneful.circuits.random_inputs import (
    draw_coarse_uniform,
    draw_distinct,
    draw_uniform_blocks,
    sequence_length,
    threefry,
)

distinct = jax.jit(draw_distinct, static_argnums=(1, 2))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 60), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_distinct_numbers_are_distinct_and_in_range(n, share, seed):
    k = round(share * n)
    drawn = np.asarray(distinct(jax.random.key(seed), n, k))
    assert len(set(drawn.tolist())) == k
    assert all(0 <= value < n for value in drawn)


@pytest.mark.parametrize(("n", "k"), [(5, 2), (12, 3)])
def test_every_set_is_equally_likely(n, k):
    from itertools import combinations

    draws = 20_000
    keys = jax.random.split(jax.random.key(0), draws)
    rows = np.sort(np.asarray(jax.vmap(lambda key: distinct(key, n, k))(keys)), axis=1)
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


@settings(max_examples=30)
@given(
    key=st.tuples(*[st.integers(0, 2**32 - 1)] * 2),
    counters=st.lists(st.integers(0, 2**32 - 1), min_size=12, max_size=12),
)
def test_threefry_is_that_of_jax(key, counters):
    key, counters = jnp.array(key, jnp.uint32), jnp.array(counters, jnp.uint32)
    low, high = jax.jit(threefry)(key, counters.reshape(3, 4))
    assert low.shape == high.shape == (3, 4)
    assert low.dtype == high.dtype == jnp.uint32
    expected = threefry_2x32(key, jnp.concatenate([counters, jnp.zeros_like(counters)]))
    np.testing.assert_array_equal(jnp.concatenate([low.ravel(), high.ravel()]), expected)


def test_threefry_gives_the_published_words():
    """Test vectors of Random123 [Salmon et al. 2011] whose second counter is zero: that of key and counter zero."""
    low, high = threefry(jnp.zeros(2, jnp.uint32), jnp.zeros((1, 1), jnp.uint32))
    assert (int(low[0, 0]), int(high[0, 0])) == (0x6B200159, 0x99BA4EFE)


def test_a_quartet_is_the_halves_of_the_words_of_threefry(x64):
    key = jax.random.key(3)
    counters = jnp.arange(6, dtype=jnp.uint32)
    words = threefry_2x32(jax.random.key_data(key), jnp.concatenate([counters, jnp.zeros_like(counters)]))
    low, high = np.asarray(words, "u8").reshape(2, 2, 3)
    expected = [low >> 16, low & 0xFFFF, high >> 16, high & 0xFFFF]
    np.testing.assert_array_equal(draw_uniform_blocks(key, (2, 3), 4), (np.array(expected) + 0.5) / 65536)


@pytest.mark.parametrize("double", [False, True])
def test_a_quartet_has_the_shape_and_precision_asked_for_and_stays_inside_the_interval(request, double):
    if double:
        request.getfixturevalue("x64")
    arrays = draw_uniform_blocks(jax.random.key(0), (7, 300), 4)
    assert [(a.shape, a.dtype) for a in arrays] == [((7, 300), "f8" if double else "f4")] * 4
    assert all(float(a.min()) > 0 and float(a.max()) < 1 for a in arrays)


def test_a_quartet_is_uniform():
    shape = (250, 400)
    for u in np.asarray(draw_uniform_blocks(jax.random.key(1), shape, 4), float):
        counts = np.histogram(u, bins=100, range=(0, 1))[0]
        # Chi-square of 99 degrees of freedom, within five standard deviations.
        assert abs(((counts - 1000) ** 2 / 1000).sum() - 99) < 5 * np.sqrt(2 * 99)
        assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / u.size)
        low = (np.round(u * 65536 - 0.5).astype(int) & 0xFF).ravel()  # the finer half of the bits as well
        counts = np.bincount(low, minlength=256)
        assert abs(((counts - u.size / 256) ** 2 / (u.size / 256)).sum() - 255) < 5 * np.sqrt(2 * 255)


def test_the_arrays_of_a_quartet_their_neighbours_and_other_keys_are_independent():
    first = np.asarray(draw_uniform_blocks(jax.random.key(1), (200, 200), 4), float)
    other = np.asarray(draw_uniform_blocks(jax.random.key(2), (200, 200), 4), float)
    flat = np.concatenate([first.reshape(4, -1), other.reshape(4, -1)])
    bound = 5 / np.sqrt(flat.shape[1] - 400)  # standard error of a correlation of zero
    # Of the numbers and of their squares about the middle, which catches dependence of their sizes.
    for values in (flat - 0.5, (flat - 0.5) ** 2):
        assert np.abs(np.corrcoef(values) - np.eye(8)).max() < bound
        for lag in (1, 200):
            shifted = np.corrcoef(values[:, lag:], values[:, :-lag])[:8, 8:]
            assert np.abs(shifted).max() < bound


@pytest.mark.parametrize("count", [1, 3, 6, 8])
def test_more_or_fewer_blocks_begin_with_the_same_ones_and_do_not_repeat_themselves(count):
    blocks = np.asarray(draw_uniform_blocks(jax.random.key(1), (30, 40), count), float)
    quartet = np.asarray(draw_uniform_blocks(jax.random.key(1), (30, 40), 4), float)
    assert blocks.shape == (count, 30, 40)
    np.testing.assert_array_equal(blocks[:4], quartet[:count])
    correlations = np.corrcoef(blocks.reshape(count, -1)) - np.eye(count)
    assert np.abs(correlations).max() < 5 / np.sqrt(1200)
