"""Saturating input-output functions about a baseline rate."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


def saturating_rate(x: ArrayLike, gain: ArrayLike = 1.0, baseline: float = 20.0, largest: float = 100.0) -> Array:
    r"""Firing rate relative to the baseline rate, as a function of activity x [Stroud et al. 2018].

        f(x; g) = r0 tanh(g x / r0)                     for x < 0,
                  (rmax - r0) tanh(g x / (rmax - r0))   for x >= 0.

    The slope at baseline is the gain, f'(0) = g, and rates stay between 0 (f = -r0) and rmax. The first two
    derivatives are continuous, the third jumps at x = 0 by 2 g^3 (1/r0^2 - 1/(rmax - r0)^2).

    Parameters
    ----------
    x, gain
        Activity and g, which broadcast: one gain a cell, or one for all. The unit of x is that of f / g.
    baseline, largest
        r0 and rmax, Hz.

    Returns
    -------
    f in Hz, of the shape of x and g together. Add the baseline for the rate itself.

    >>> saturating_rate(jnp.array([-1e3, 0.0, 1e3])).round(2).tolist()
    [-20.0, 0.0, 80.0]
    """
    x, gain = jnp.broadcast_arrays(jnp.asarray(x, jnp.result_type(float)), gain)
    room = jnp.where(x < 0, baseline, largest - baseline)
    return room * jnp.tanh(gain * x / room)
