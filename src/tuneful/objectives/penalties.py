"""Penalties: what a fit avoids whatever its objective, added to the loss."""

from abc import abstractmethod
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from tuneful.circuits.base import AbstractCircuit, Response


class AbstractPenalty(eqx.Module):
    """The cost of one realisation of a circuit; its mean over the realisations that settled is added to the loss."""

    label: ClassVar[str]  # the short name used by the command line and in files

    @abstractmethod
    def __call__(self, circuit: AbstractCircuit, z: Any, response: Response) -> Array:
        """Compute the cost of a realisation, a scalar, differentiable in the circuit's parameters."""


@final
class RatePenalty(AbstractPenalty):
    """Penalty on high rates anywhere in the network, weight sum_i [r_i - limit]_+ [Arakaki et al. 2017, Eq. 15].

    The sum runs over all cells and all conditions of a realisation; the defaults are those of the paper.
    """

    label: ClassVar[str] = "rate"

    weight: float = eqx.field(static=True, default=5000.0)
    limit: float = eqx.field(static=True, default=150.0)

    def __check_init__(self) -> None:
        if not self.weight >= 0 or not self.limit >= 0:
            raise ValueError(f"weight and limit must not be negative, not {self.weight} and {self.limit}.")

    def __call__(self, circuit: AbstractCircuit, z: Any, response: Response) -> Array:
        del circuit, z
        return self.weight * jnp.sum(jax.nn.relu(response.network - self.limit))
