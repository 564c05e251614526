"""How well the measured curves fix the parameters of an answer."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from tuneful.circuits.base import AbstractCircuit
from tuneful.fitting.unconstrained import own_values

KNOWN, HARDLY = 0.25, 1.0  # standard errors of unconstrained parameters, logarithms of positive ones
RESOLVED = 2.0  # sampling errors of a curvature


def sandwich(curvature: np.ndarray, noise: np.ndarray) -> np.ndarray:
    r"""Covariance of the minimum of a loss, H^-1 S H^-1 [van der Vaart 1998, ch. 5], where H is resolved.

    Parameters
    ----------
    curvature
        H, (n, n), estimated without bias: how negative it is tells its sampling error. Directions in which it is not
        above twice that are left open: they count as known to one unit, a factor of e of positive parameters.
    noise
        S, (n, n), the covariance of its gradient.

    >>> sandwich(np.diag([2.0, 4.0]), np.eye(2)).tolist()
    [[0.25, 0.0], [0.0, 0.0625]]
    """
    spread, left_open = resolved_inverse(curvature)
    return spread @ noise @ spread + HARDLY**2 * left_open @ left_open.T


def resolved_inverse(curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of a curvature where it is resolved (see `sandwich`), (n, n), and the other directions, (n, k)."""
    values, axes = np.linalg.eigh(curvature)
    is_resolved = values > RESOLVED * max(-values[0], 0)
    resolved, left_open = axes[:, is_resolved], axes[:, ~is_resolved]
    return resolved / values[is_resolved] @ resolved.T, left_open


def parameter_errors(
    circuit: AbstractCircuit, estimate: Mapping[str, Array], covariance: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Standard errors in own units, and whether the data identify a parameter; each of its parameter's shape.

    Parameters
    ----------
    circuit
        Any with these parameters.
    estimate
        Unconstrained parameters, by name.
    covariance
        Of these, in a row, (n, n).

    Returns
    -------
    By name, ``standard_error``, to first order, and ``identified``: "yes" for an unconstrained parameter, the
    logarithm of a positive one, that is known to better than .25, "weakly" to better than 1, else "no".
    """
    flat, unravel = ravel_pytree(dict(estimate))
    slopes = np.asarray(jax.jacfwd(lambda flat: own_values(circuit, unravel(flat)))(flat), float)
    _, shaped = ravel_pytree({name: np.zeros(np.shape(value)) for name, value in estimate.items()})
    natural, unconstrained = (shaped(_deviations(c)) for c in (slopes @ covariance @ slopes.T, covariance))
    return {
        name: {
            "standard_error": np.asarray(natural[name]).tolist(),
            "identified": np.vectorize(how_identified, otypes=[object])(np.asarray(unconstrained[name])).tolist(),
        }
        for name in estimate
    }


def _deviations(covariance: np.ndarray) -> Any:
    return np.sqrt(np.maximum(np.diag(covariance), 0))


def how_identified(error: float) -> str:
    """Whether an unconstrained parameter of this standard error is identified, in a word."""
    return "yes" if error < KNOWN else "weakly" if error < HARDLY else "no"
