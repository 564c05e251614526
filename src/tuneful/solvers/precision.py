"""In which precision JAX computes, whatever its flag says outside."""

import importlib
from contextlib import AbstractContextManager
from typing import Literal

import jax


def exact_products() -> AbstractContextManager:
    """A context in which products of matrices have the precision of their numbers.

    Without it, GPUs round single precision to 11 bits before they multiply, where no search for a steady state can
    reach a residual of 1e-5.
    """
    return jax.default_matmul_precision("highest")


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
