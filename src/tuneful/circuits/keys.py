"""Where randomness comes from: a random key of JAX, or a seed that stands for one."""

import numbers
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import PRNGKeyArray

from tuneful.errors import UserError

Key = PRNGKeyArray | int  # as public functions take it
SEEDS = 2**32  # as many as a key takes in


def as_key(key: Any) -> Array:
    """The random key that is meant: a whole number s stands for ``jax.random.key(s)``.

    Parameters
    ----------
    key
        A single key of JAX, traced or not, or a seed from 0 to 2**32 - 1.

    Raises
    ------
    UserError
        For anything else.

    >>> bool(as_key(3) == jax.random.key(3))
    True
    """
    if isinstance(key, numbers.Integral) and not isinstance(key, bool) and 0 <= int(key) < SEEDS:
        return jax.random.key(int(key))
    if isinstance(key, Array) and _is_single(key):
        return key
    what = f"{key}" if isinstance(key, numbers.Number) else f"a {type(key).__name__}"
    if isinstance(key, Array):
        what = f"an array of {key.dtype} and shape {key.shape}"
    raise UserError(f"key must be one random key of JAX, or a seed from 0 to {SEEDS - 1}, not {what}.")


def _is_single(key: Array) -> bool:
    """Whether it is one key, of today's kind or of that of `jax.random.PRNGKey`."""
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key.shape == ()
    return key.dtype == jnp.uint32 and key.ndim == 1
