r"""How gains learn: by gradient, or by a reward that all cells share.

A rule moves the gains of groups of cells and knows the task through its error only. Two rules:

`GradientRule`: Adam [Kingma & Ba 2015] on the gradient of the error through the dynamics.

`RewardRule` [Stroud et al. 2018]: at trial k, with xi independent standard normal for every group,

    g_k = g_{k-1} + R_{k-1} (g_{k-1} - gbar_{k-2}) + noise xi_k,       R_k = sign(ebar_{k-1} - e_k),
    gbar_k = memory gbar_{k-1} + (1 - memory) g_k,                     ebar_k = memory ebar_{k-1} + (1 - memory) e_k,

e_k the error of trial k, R_0 = 0, and gbar_0 = g_0, ebar_0 = e_0. What the last trial changed is continued if its
error was below the recent average, and undone if it was not; all that cells need to be told is that one bit. These
are the equations and the values (noise = .001, memory = .3) of the code that the authors published; here gains are
also kept from becoming negative.
"""

from abc import abstractmethod
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from tuneful.networks.rate_dynamics import Drive, integrate
from tuneful.networks.readout import Readout
from tuneful.networks.saturating import saturating_rate


class GainTask(eqx.Module):
    """What is fixed while gains learn: a network, how it starts, how it is read, what it should do.

    weights, initial
        W, (N, N), and the initial activity, (N,).
    readout, target
        From rates to output; the wanted output, (T,) or (T, outputs).
    groups
        (N,), int: the group of every cell.
    times, steps, tau, drive, rates
        Of the integration, see `tuneful.networks.rate_dynamics.integrate`.
    """

    weights: Float[Array, "n n"]
    initial: Float[Array, " n"]
    readout: Readout
    target: Float[Array, " times *outputs"]
    groups: Int[Array, " n"]
    times: Float[Array, " times"]
    tau: Float[Array, "..."]
    drive: Drive
    steps: int = eqx.field(static=True)
    rates: tuple[float, float] = eqx.field(static=True)

    def output(self, gains: Array) -> Array:
        """The output at one gain a group, of the shape of the target."""
        of_cells = gains[self.groups]
        states = integrate(
            self.weights, self.initial, self.times, of_cells, self.drive, self.rates, self.tau, self.steps
        )
        return self.readout(saturating_rate(states, of_cells, *self.rates))

    def error(self, gains: Array) -> Array:
        """Squared error over the target's variation about its mean: 0 is perfect, 1 is a constant output at best."""
        return jnp.sum((self.output(gains) - self.target) ** 2) / variation(self.target)


def variation(target: ArrayLike) -> Array:
    """Sum of squares about the mean over time, of all outputs together.

    >>> float(variation(jnp.array([1.0, 3.0])))
    2.0
    """
    y = jnp.asarray(target)
    return jnp.sum((y - y.mean(axis=0, keepdims=True)) ** 2)


class AbstractGainRule(eqx.Module):
    """A rule of learning. Its memory is whatever it carries from one iteration to the next."""

    @abstractmethod
    def start(self, task: GainTask, gains: Array) -> tuple[Array, Any]:
        """Error of the initial gains, and the memory before the first iteration."""

    @abstractmethod
    def advance(self, task: GainTask, gains: Array, memory: Any, key: Array) -> tuple[Array, Array, Any]:
        """New gains, their error, and the new memory."""


@final
class GradientRule(AbstractGainRule):
    """Adam on the gradient of the error, gains kept from becoming negative. `rate` is about the change a step."""

    rate: float = eqx.field(static=True, default=0.03)

    def __check_init__(self) -> None:
        """Refuse a rate without a descent."""
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be positive, not {self.rate}.")

    def start(self, task: GainTask, gains: Array) -> tuple[Array, Any]:
        error, gradient = jax.value_and_grad(task.error)(gains)
        return error, (gradient, optax.adam(self.rate).init(gains))

    def advance(self, task: GainTask, gains: Array, memory: Any, key: Array) -> tuple[Array, Array, Any]:
        gradient, moments = memory
        with jax.numpy_dtype_promotion("standard"):  # Adam mixes its integer count with floats
            change, moments = optax.adam(self.rate).update(gradient, moments)
        moved: Any = optax.apply_updates(gains, change)
        gains = jnp.maximum(moved, 0)
        error, gradient = jax.value_and_grad(task.error)(gains)
        return gains, error, (gradient, moments)


@final
class RewardRule(AbstractGainRule):
    """The reward-based rule at the top of this file."""

    noise: float = eqx.field(static=True, default=0.001)
    memory: float = eqx.field(static=True, default=0.3)

    def __check_init__(self) -> None:
        """Refuse settings without learning."""
        if not (0 < self.noise < float("inf") and 0 < self.memory < 1):
            raise ValueError(
                f"noise must be positive and memory between 0 and 1, not {self.noise} and {self.memory}."
            )

    def start(self, task: GainTask, gains: Array) -> tuple[Array, Any]:
        error = task.error(gains)
        return error, (gains, error, jnp.zeros_like(error))

    def advance(self, task: GainTask, gains: Array, memory: Any, key: Array) -> tuple[Array, Array, Any]:
        mean_gains, mean_error, signal = memory
        exploration = self.noise * jax.random.normal(key, gains.shape, gains.dtype)
        gains = jnp.maximum(gains + signal * (gains - mean_gains) + exploration, 0)
        error = task.error(gains)
        signal = jnp.sign(mean_error - error)
        mean_gains, mean_error = (
            self.memory * mean + (1 - self.memory) * new for mean, new in ((mean_gains, gains), (mean_error, error))
        )
        return gains, error, (mean_gains, mean_error, signal)
