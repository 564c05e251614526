"""Random inputs of large networks, drawn cheaply."""

import itertools
import math

import jax
import jax.numpy as jnp
from jax import Array


def draw_coarse_uniform(key: Array, n: int) -> Array:
    """Draw n uniform numbers on (0, 1), 65,536 equally likely values each: two for every word of random bits.

    Drawing the random numbers of a large network takes as long as using them. The widths of 64,000 receptive fields
    need no finer steps than 1.5e-5 of their range.

    Returns
    -------
    Array
        (n,), of JAX's default precision.
    """
    words = jax.random.bits(key, (-(-n // 2),), jnp.uint32)
    halves = jnp.concatenate([words >> 16, words & 0xFFFF])[:n]
    return (halves.astype(jnp.result_type(float)) + 0.5) / 65536


def draw_uniform_blocks(key: Array, shape: tuple[int, int], count: int) -> tuple[Array, ...]:
    """Draw several arrays of uniform numbers on (0, 1), 65,536 equally likely values each.

    The random weights of a network of E and I cells, four blocks, take a quarter of a millisecond where `jax.random`
    takes two: the generator is the same, but written so that a CPU computes it in one vectorised pass (which needs
    two axes), and every block of 64 random bits serves four numbers.

    Returns
    -------
    tuple of `count` arrays
        Of the shape asked for and JAX's default precision. The first do not depend on how many there are.

    >>> [block.shape for block in draw_uniform_blocks(jax.random.key(0), (2, 3), 5)]
    [(2, 3), (2, 3), (2, 3), (2, 3), (2, 3)]
    """
    rows, columns = shape
    counter = jnp.arange(-(-count // 4) * math.prod(shape), dtype=jnp.uint32).reshape(-1, columns)
    low, high = threefry(jax.random.key_data(key), counter)
    quarters = [
        (half.astype(jnp.result_type(float)) + 0.5) / 65536
        for half in (low >> 16, low & 0xFFFF, high >> 16, high & 0xFFFF)
    ]
    return tuple(quarters[i % 4][i // 4 * rows : (i // 4 + 1) * rows] for i in range(count))


def threefry(key: Array, counter: Array) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds of the counters (counter, 0) [Salmon et al. 2011], the generator of `jax.random`.

    Parameters
    ----------
    key
        Two words of 32 bits.
    counter
        uint32 of any shape.

    Returns
    -------
    tuple of two arrays
        Random bits, one word each for every counter.
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA))
    rotations = ((13, 15, 26, 6), (17, 29, 16, 24))
    low, high = counter + keys[0], jnp.broadcast_to(keys[1], counter.shape)
    for group in range(5):
        for rotation in rotations[group % 2]:
            low = low + high
            high = low ^ ((high << rotation) | (high >> (32 - rotation)))
        low, high = low + keys[(group + 1) % 3], high + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return low, high


def draw_distinct(key: Array, n: int, k: int) -> Array:
    """Draw k distinct numbers below n, every set of k being equally likely.

    The first k distinct values of a sequence of independent draws are such a set, and finding them needs no sort
    of all n. The sequence is long enough to hold k of them but for a probability below 1e-15; large k / n take a
    plain permutation.

    Returns
    -------
    Array
        int32, (k,), in random order.

    Raises
    ------
    ValueError
        If k exceeds n.
    """
    if k > n:
        raise ValueError(f"Cannot draw {k} distinct numbers below {n}.")
    if k > n // 4:
        return jax.random.permutation(key, n)[:k].astype(jnp.int32)
    draws = jax.random.randint(key, (sequence_length(n, k),), 0, n)
    order = jnp.arange(len(draws))
    first_seen = jnp.full(n, len(draws)).at[draws].min(order)
    is_new = first_seen[draws] == order
    place = jnp.where(is_new, jnp.cumsum(is_new) - 1, k)
    return jnp.zeros(k, draws.dtype).at[place].set(draws, mode="drop")


def sequence_length(n: int, k: int) -> int:
    """How many draws below n hold k distinct values, but for a probability below 1e-15.

    While fewer than k <= n / 4 values have been seen, a draw repeats one with a probability of at most k / n. By
    the Chernoff bound, m draws then bring r or more repetitions with a probability of at most
    exp(-m KL(r / m || k / n)).
    """
    if k <= 1:
        return k
    repeat = k / n

    def is_enough(m: int) -> bool:
        share = (m - k) / m
        if share <= repeat:
            return False
        divergence = share * math.log(share / repeat) + (1 - share) * math.log((1 - share) / (1 - repeat))
        return m * divergence > math.log(1e15)

    return next(m for m in itertools.count(k + 1) if is_enough(m))
