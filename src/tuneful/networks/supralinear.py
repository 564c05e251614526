"""Supralinear input-output functions of single cells."""

import jax.numpy as jnp
from jax import Array


def power_law(u: Array, k: float, n: float) -> Array:
    """Rate f(u) = k [u]_+^n at input u [Arakaki et al. 2017, Eq. 9].

    Written as exp(n log u), which is faster than a general power; the derivative is exact, and zero for u <= 0.
    """
    above = u > 0
    return jnp.where(above, k * jnp.exp(n * jnp.log(jnp.where(above, u, 1))), 0)


def saturating_power_law(u: Array, k: float, n: float, r0: float, r1: float) -> Array:
    """The power law up to the rate r0, continued above it by a hyperbolic tangent that ends at r1.

    f(u) = r0 + (r1 - r0) tanh(n r0 / (r1 - r0) (u - V0) / V0) for u > V0 = (r0 / k)^(1/n), with the same slope on
    both sides of V0 [Arakaki et al. 2017, Eq. 14].
    """
    v0 = (r0 / k) ** (1 / n)
    steepness = n * r0 / (r1 - r0) / v0
    return power_law(jnp.minimum(u, v0), k, n) + (r1 - r0) * jnp.tanh(steepness * jnp.maximum(u - v0, 0))
