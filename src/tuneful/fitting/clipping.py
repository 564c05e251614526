"""Clipping of gradients against their own running size."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array


class RunningNorm(NamedTuple):
    """The state of `clip_to_running_norm`."""

    norm: Array  # (): of the clipped gradients, averaged; 0 before the first


def clip_to_running_norm(factor: float, decay: float = 0.9) -> optax.GradientTransformation:
    """Scale a gradient down to `factor` times the running mean of the norms of those before.

    Close to an instability the derivative of a steady state, (1 - Phi W)^-1, grows like one over the distance. The
    gradients of batches of realisations then have a heavy tail, and one of them in Adam's second moment slows the fit
    down for as long as that remembers. The scale of a gradient differs between objectives, so the limit is relative.
    """

    def init(params: optax.Params) -> RunningNorm:
        del params
        return RunningNorm(jnp.zeros(()))

    def update(
        updates: optax.Updates, state: Any, params: optax.Params | None = None
    ) -> tuple[optax.Updates, RunningNorm]:
        del params
        norm = optax.tree.norm(updates)
        is_first = state.norm == 0
        limit = jnp.where(is_first, norm, factor * state.norm)
        scale = jnp.minimum(1, limit / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny))
        mean = jnp.where(is_first, norm, decay * state.norm + (1 - decay) * norm * scale)
        return jax.tree.map(lambda g: g * scale, updates), RunningNorm(mean)

    return optax.GradientTransformation(init, update)
