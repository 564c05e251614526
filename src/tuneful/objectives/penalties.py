"""Penalties: what a fit avoids whatever its objective, added to the loss."""

from abc import abstractmethod
from typing import Any, ClassVar, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.circuits.base import AbstractCircuit, AbstractRecurrentCircuit, Response
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.observation import name_of
from tuneful.solvers.spectrum import smoothed_excess


class AbstractPenalty(eqx.Module):
    """The cost of one realisation of a circuit; its mean over the realisations that settled is added to the loss.

    label
        The short name used by the command line and in files.
    """

    label: ClassVar[str]

    @abstractmethod
    def __call__(self, circuit: AbstractCircuit, z: Any, response: Response, key: PRNGKeyArray) -> Float[Array, ""]:
        """Compute the cost of a realisation, a scalar, differentiable in the circuit's parameters.

        Parameters
        ----------
        circuit
            With the parameters at which the fit stands.
        z
            The random inputs of the realisation.
        response
            Its responses, settled or not.
        key
            A random key of its own, for a penalty that looks at a random part of the realisation. Every penalty gets
            another one.

        Raises
        ------
        ValueError
            If the penalty does not apply to circuits of this kind.
        """


@final
class RatePenalty(AbstractPenalty):
    """Penalty on high rates anywhere in the network, weight sum_i [r_i - limit]_+ [Arakaki et al. 2017, Eq. 15].

    The sum runs over all cells and all conditions of a realisation; the defaults are those of the paper.

    Parameters
    ----------
    weight
        Loss per Hz.
    limit
        Hz.

    Raises
    ------
    ValueError
        For negative values.
    """

    label: ClassVar[str] = "rate"

    weight: float = eqx.field(static=True, default=5000.0)
    limit: float = eqx.field(static=True, default=150.0)

    def __check_init__(self) -> None:
        if not self.weight >= 0 or not self.limit >= 0:
            raise ValueError(f"weight and limit must not be negative, not {self.weight} and {self.limit}.")

    def __call__(self, circuit: AbstractCircuit, z: Any, response: Response, key: PRNGKeyArray) -> Float[Array, ""]:
        del circuit, z, key
        return self.weight * jnp.sum(jax.nn.relu(response.all_rates - self.limit))


@final
class StabilityPenalty(AbstractPenalty):
    r"""Penalty on steady states close to instability, weight [s - limit]_+ with s their smoothed spectral abscissa.

    s is that of the Jacobian J of the dynamics at the steady state, in 1/ms [after Vanbiervliet et al. 2009]: the
    shift at which the response to an impulse has, on average over the n cells that receive it, the energy

        1/n trace P(s) = int |exp((J - s) t)|_F^2 dt / n = 1/eps.

    It lies above the abscissa of J, the further the more the network amplifies transiently. With limit = 0 the
    penalty sets in where the mean energy of responses exceeds 1/eps; that of a cell without connections is tau/2.
    Networks whose abscissa is still negative are thus led away from instability, by a gradient that contains the
    movement of the steady state.

    A realisation that did not settle has no steady state and costs nothing: the penalty must begin before networks
    are lost. Begin where most realisations settle, and ask for a larger `eps` or a lower `limit` if they are lost
    nevertheless. Cells in saturation have little gain and are no danger to stability: `RatePenalty` is for them.

    One evaluation takes one Lyapunov equation where there is no cost, some more where there is
    (`tuneful.solvers.spectrum.smoothed_excess`). Its number is what `conditions` and `share` limit.

    Parameters
    ----------
    weight
        Loss per 1/ms.
    limit, eps
        1/ms.
    conditions
        Those at which the Jacobian is taken: "strongest" (the one whose Jacobian has the largest norm: nearly always
        that with the largest abscissa), "random" (another in every realisation and step) or "all" (the mean of their
        costs).
    share
        The fraction of the realisations that are looked at, at random, each then weighing 1 / share.

    Raises
    ------
    ValueError
        For settings out of range, and for a circuit without recurrent dynamics.
    """

    label: ClassVar[str] = "stability"

    weight: float = eqx.field(static=True, default=1000.0)
    limit: float = eqx.field(static=True, default=0.0)
    eps: float = eqx.field(static=True, default=0.05)
    conditions: Literal["strongest", "random", "all"] = eqx.field(static=True, default="strongest")
    share: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        if not self.weight >= 0 or not self.eps > 0 or not abs(self.limit) < float("inf"):
            raise ValueError(
                f"weight must not be negative, eps positive and limit finite, not {self.weight}, {self.eps} and "
                f"{self.limit}."
            )
        if not 0 < self.share <= 1 or self.conditions not in ("strongest", "random", "all"):
            raise ValueError(
                'share must be in (0, 1] and conditions "strongest", "random" or "all", not '
                f"{self.share} and {self.conditions!r}."
            )

    def __call__(self, circuit: AbstractCircuit, z: Any, response: Response, key: Key) -> Float[Array, ""]:
        if not isinstance(circuit, AbstractRecurrentCircuit):
            raise ValueError(
                f"The penalty {self.label} needs a recurrent circuit: {name_of(circuit)} has no dynamics whose "
                "stability could be asked for. Take the penalty out."
            )
        for_share, for_condition = jax.random.split(as_key(key))
        is_taken = response.settled & (jax.random.uniform(for_share) < self.share)
        rates = jnp.where(response.settled, response.all_rates, 0)  # no NaN, not even in derivatives
        cost = jax.lax.cond(
            is_taken,
            lambda r: self._cost(circuit.jacobian(z, r), for_condition),
            lambda r: jnp.zeros((), r.dtype),
            rates,
        )
        return self.weight / self.share * cost

    def _cost(self, jacobians: Array, key: Array) -> Array:
        """Mean excess over the chosen conditions; Jacobians are (conditions, n, n)."""
        eps = self.eps / jacobians.shape[-1]
        if self.conditions == "all":
            return jnp.mean(jax.lax.map(lambda j: smoothed_excess(j, eps, self.limit), jacobians))
        if self.conditions == "random":
            chosen = jax.random.randint(key, (), 0, len(jacobians))
        else:
            chosen = jnp.argmax(jnp.sum(jax.lax.stop_gradient(jacobians) ** 2, axis=(1, 2)))
        return smoothed_excess(jacobians[chosen], eps, self.limit)
