"""A small network learns by what parameters a curve was made: least squares, with a held-out part that ends it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int, PRNGKeyArray

PATIENCE = 6  # epochs without a lower error on the held-out part, after which steps get shorter
HALVINGS = 4  # of the length of steps; the next ends the training
CHANCE = 1.0  # mean squared error of who knows nothing of standard normal numbers


class Regression(eqx.Module):
    """A network from standardised inputs to n numbers, on its way.

    network, best
        As it is, and as it was when its error on the held-out part was lowest.
    moments
        State of the optimiser.
    error
        The lowest mean squared error on the held-out part.
    waited, halved, epochs
        Epochs since then or since steps were halved, halvings, and epochs so far.
    """

    network: eqx.nn.MLP
    best: eqx.nn.MLP
    moments: optax.OptState
    error: Float[Array, ""]
    waited: Int[Array, ""]
    halved: Int[Array, ""]
    epochs: Int[Array, ""]

    @classmethod
    def start(cls, key: PRNGKeyArray, inputs: int, outputs: int, hidden: tuple[int, int]) -> "Regression":
        """Draw a network of hidden = (layers, width)."""
        layers, width = hidden
        network = eqx.nn.MLP(inputs, outputs, width, layers, jax.nn.relu, key=key)
        none = jnp.zeros((), jnp.int32)
        moments = _adam().init(eqx.filter(network, eqx.is_inexact_array))
        return cls(network, network, moments, jnp.asarray(jnp.inf), none, none, none)

    @property
    def has_ended(self) -> bool:
        """Whether shorter steps lower the error no more."""
        return int(self.halved) > HALVINGS

    @property
    def explained(self) -> float:
        """Share of the variance of standard normal numbers that is explained on the held-out part."""
        return CHANCE - float(self.error)


@eqx.filter_jit
def epoch(
    state: Regression,
    inputs: Float[Array, "curves inputs"],
    targets: Float[Array, "curves n"],
    held_out: tuple[Float[Array, "more inputs"], Float[Array, "more n"]],
    key: PRNGKeyArray,
    rate: float,
    batch: int,
) -> Regression:
    """Go once through all curves in random order, in batches, and look at the held-out ones."""
    arrays, static = eqx.partition(state.network, eqx.is_inexact_array)
    length = rate * 2.0 ** -state.halved.astype(inputs.dtype)
    batch = min(batch, len(inputs))
    rows = jax.random.permutation(key, len(inputs))[: len(inputs) // batch * batch].reshape(-1, batch)

    def step(carry: tuple[Any, Any], rows: Array) -> tuple[tuple[Any, Any], None]:
        arrays, moments = carry
        gradient = jax.grad(lambda a: _error(eqx.combine(a, static), inputs[rows], targets[rows]))(arrays)
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
            change, moments = _adam().update(gradient, moments)
        return (jax.tree.map(lambda a, c: a - length * c, arrays, change), moments), None

    (arrays, moments), _ = jax.lax.scan(step, (arrays, state.moments), rows)
    error = _error(eqx.combine(arrays, static), *held_out)
    is_better = error < state.error
    best, _ = eqx.partition(state.best, eqx.is_inexact_array)
    best = jax.tree.map(lambda new, old: jnp.where(is_better, new, old), arrays, best)
    waited = jnp.where(is_better, 0, state.waited + 1)
    shorter = waited >= PATIENCE
    arrays = jax.tree.map(lambda now, then: jnp.where(shorter, then, now), arrays, best)
    waited, halved = jnp.where(shorter, 0, waited), state.halved + shorter.astype(jnp.int32)
    networks = eqx.combine(arrays, static), eqx.combine(best, static)
    return Regression(*networks, moments, jnp.minimum(error, state.error), waited, halved, state.epochs + 1)


@eqx.filter_jit
def outputs(network: eqx.nn.MLP, inputs: Float[Array, "curves inputs"]) -> Float[Array, "curves n"]:
    """What the network makes of every curve."""
    return jax.vmap(network)(inputs)


def _error(network: eqx.nn.MLP, inputs: Array, targets: Array) -> Array:
    return jnp.mean((jax.vmap(network)(inputs) - targets) ** 2)


def _adam() -> optax.GradientTransformation:
    """Directions of Adam, of unit length."""
    return optax.scale_by_adam()
