"""A key of JAX, or a seed that stands for one."""

import jax
import numpy as np
import pytest

from tuneful.circuits import SSN, FeedforwardM1
from tuneful.circuits.keys import as_key
from tuneful.errors import UserError


def bits(key):
    return jax.random.key_data(key).tolist()


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, np.int64(7), np.uint8(7)])
def test_a_seed_is_the_key_of_that_seed(seed):
    assert bits(as_key(seed)) == bits(jax.random.key(int(seed)))


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3)])
def test_a_key_is_itself(key):
    assert as_key(key) is key
    assert bits(jax.jit(as_key)(key)) == bits(key)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (-1, "not -1"), (2**32, "not 4294967296"), (1.0, "not 1.0"), (True, "not True"), (None, "a NoneType"),
        ("0", "a str"), (np.random.default_rng(0), "a Generator"), (np.zeros(2, np.uint32), "a ndarray"),
        (jax.random.split(jax.random.key(0)), r"shape \(2,\)"), (jax.numpy.zeros(()), "float32"),
    ],
)  # fmt: skip
def test_all_else_is_refused_in_a_sentence(given, what):
    with pytest.raises(UserError, match=f"one random key of JAX, or a seed from 0 to 4294967295, .*{what}"):
        as_key(given)


def test_circuits_take_seeds(toy):
    for draw in (SSN(n_sites=3).draw, FeedforwardM1(grid=3, density=0.1).draw, lambda key: toy.sample(key, 2).rates):
        jax.tree.map(np.testing.assert_array_equal, draw(5), draw(jax.random.key(5)))
