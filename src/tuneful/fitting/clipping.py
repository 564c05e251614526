"""Clipping of gradients against their own running size."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

LOOKS = 5  # gradients that are looked at before the first is followed


class RunningNorm(NamedTuple):
    """The state of `clip_to_running_norm`."""

    norm: Array  # (): of the clipped gradients, averaged; at first the smallest, 0 before any other
    seen: Array  # (), int: gradients so far


def clip_to_running_norm(factor: float, decay: float = 0.9) -> optax.GradientTransformation:
    """Scale a gradient down to `factor` times the running mean of the norms of those before.

    Close to an instability the derivative of a steady state, (1 - Phi W)^-1, grows like one over the distance. The
    gradients of batches of realisations then have a heavy tail, and one of them in Adam's second moment slows the fit
    down for as long as that remembers. The scale of a gradient differs between objectives, so the limit is relative.
    It begins with the smallest of the first few norms, and these gradients are not followed: the very first may be
    one of those that are too large.
    """

    def init(params: optax.Params) -> RunningNorm:
        del params
        return RunningNorm(jnp.zeros(()), jnp.zeros((), jnp.int32))

    def update(
        updates: optax.Updates, state: Any, params: optax.Params | None = None
    ) -> tuple[optax.Updates, RunningNorm]:
        """Scale the gradient down, or hold it back while it is only looked at; average its norm."""
        del params
        norm = optax.tree.norm(updates)
        is_first = state.norm == 0
        smallest = jnp.where(is_first, norm, jnp.where(norm > 0, jnp.minimum(norm, state.norm), state.norm))
        limit = jnp.where(is_first, norm, factor * state.norm)
        scale = jnp.minimum(1, limit / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny))
        mean = jnp.where(is_first, norm, decay * state.norm + (1 - decay) * norm * scale)
        looks = state.seen < LOOKS
        followed = jax.tree.map(lambda g: jnp.where(looks, 0, g * scale), updates)
        return followed, RunningNorm(jnp.where(looks, smallest, mean), state.seen + 1)

    return optax.GradientTransformation(init, update)
