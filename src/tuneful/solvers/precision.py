"""In which precision JAX computes, whatever its flag says outside."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import jax


@contextmanager
def exact_products() -> Iterator[None]:
    """A context, or a decorator of functions, in which products of matrices have the precision of their numbers.

    Without it, GPUs round single precision to 11 bits before they multiply, where no search for a steady state can
    reach a residual of 1e-5. Rules of maps and of derivatives are applied when a map or a derivative is taken, which
    is after the function was left: each needs a context of its own.
    """
    with jax.default_matmul_precision("highest"):
        yield


@contextmanager
def computing_in(precision: Literal["float32", "float64"]) -> Iterator[None]:
    """A context in which JAX computes in the given precision, products of matrices included.

    >>> import jax.numpy as jnp
    >>> with computing_in("float64"):
    ...     print(jnp.ones(1).dtype)
    float64
    """
    place = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")  # where it was before
    with exact_products(), place.enable_x64(precision == "float64"):
        yield
