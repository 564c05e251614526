"""How well the measured curves fix the parameters of an answer."""

from collections.abc import Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from tuneful.circuits.base import AbstractCircuit
from tuneful.circuits.parameters import value_of
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


def own_slopes(circuit: AbstractCircuit, estimate: Mapping[str, Array]) -> np.ndarray:
    """Derivatives of own values (rows) in unconstrained ones, (n, n)."""
    return np.asarray(_own_slopes(circuit, dict(estimate)), float)


@eqx.filter_jit
def _own_slopes(circuit: AbstractCircuit, estimate: dict[str, Array]) -> Array:
    flat, unravel = ravel_pytree(estimate)
    return jax.jacfwd(lambda flat: own_values(circuit, unravel(flat)))(flat)


def read_slopes(circuit: AbstractCircuit, estimate: Mapping[str, Array]) -> np.ndarray:
    """Derivatives of values as they are read (rows) in unconstrained ones, (n, n).

    What a fit measures from other parameters (`reference`) is read in own units, over the size of its change, and
    moves with these; all else is read as it is unconstrained: positive values as logarithms.

    >>> from tuneful.circuits import FeedforwardM1
    >>> from tuneful.fitting.unconstrained import unconstrained_values
    >>> circuit = FeedforwardM1(grid=6, density=0.1, J=200.0, phi_l=10.0)
    >>> read_slopes(circuit, unconstrained_values(circuit, ("J", "phi_l"))).round(3).tolist()  # drive: J / 20
    [[1.0, 0.0], [1.0, 1.0]]
    """
    found, follows = np.eye(sum(map(np.size, estimate.values()))), follows_others(circuit, estimate)
    if follows.any():
        slopes = own_slopes(circuit, estimate)[follows]
        found[follows] = slopes / np.abs(slopes[:, follows].diagonal())[:, None]
    return found


def follows_others(circuit: AbstractCircuit, names: Iterable[str]) -> np.ndarray:
    """Which entries of the named parameters, in a row, a fit measures from others, (n,)."""
    declared = circuit.parameters()
    return np.array([
        declared[name].reference is not None for name in sorted(names) for _ in range(value_of(circuit, name).size)
    ])  # fmt: skip


def parameter_errors(
    circuit: AbstractCircuit,
    estimate: Mapping[str, Array],
    covariance: np.ndarray,
    left_open: np.ndarray | None = None,
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
    left_open
        Directions that are not resolved, (n, k), see `resolved_inverse`.

    Returns
    -------
    By name, ``standard_error``, to first order, and ``identified``: see `how_identified`.
    """
    slopes, read = own_slopes(circuit, estimate), read_slopes(circuit, estimate)
    open_directions = np.zeros((len(read), 0)) if left_open is None else left_open
    _, shaped = ravel_pytree({name: np.zeros(np.shape(value)) for name, value in estimate.items()})
    rows = *(deviations(along @ covariance @ along.T) for along in (slopes, read)), assumed(read @ open_directions)
    natural, apart, opened = (shaped(jnp.asarray(row)) for row in rows)
    word = np.vectorize(how_identified, otypes=[object])
    return {
        name: {
            "standard_error": np.asarray(natural[name]).tolist(),
            "identified": word(np.asarray(apart[name]), np.asarray(opened[name])).tolist(),
        }
        for name in estimate
    }


def deviations(covariance: np.ndarray) -> np.ndarray:
    """Standard deviations, (n,), of a covariance."""
    return np.sqrt(np.maximum(np.diag(covariance), 0))


def assumed(left_open: np.ndarray) -> np.ndarray:
    """The part of errors, (n,), that directions which are not resolved, (n, k), have by assumption only."""
    return HARDLY * np.linalg.norm(left_open, axis=1)


def how_identified(error: float, assumed: float = 0.0) -> str:
    """Whether a parameter of this standard error, as it is read (`read_slopes`), is identified, in a word.

    "yes": it is known to better than .25, a positive one in the logarithm; "weakly": to better than 1; "no": to no
    better, or a part of the error of .25 or more is only `assumed`: then the data do not bound it.
    """
    return "no" if max(error, assumed / KNOWN) >= HARDLY else "yes" if error < KNOWN else "weakly"
