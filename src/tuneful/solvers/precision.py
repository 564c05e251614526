"""In which precision JAX computes, whatever its flag says outside."""

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import jax


@contextmanager
def exact_products() -> Iterator[None]:
    """A context, or a decorator of functions, in which products of matrices have the precision of their numbers.

    Without it, GPUs round single precision to 11 bits before they multiply, where no search for a steady state can
    reach a residual of 1e-5.
    """
    with jax.default_matmul_precision("highest"):
        yield


def computing_in(precision: Literal["float32", "float64"]) -> AbstractContextManager:
    """A context in which JAX computes in the given precision.

    >>> import jax.numpy as jnp
    >>> with computing_in("float64"):
    ...     print(jnp.ones(1).dtype)
    float64
    """
    is_double = precision == "float64"
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(is_double)
    return importlib.import_module("jax.experimental").enable_x64(is_double)  # where it was before
