"""The objective contract: how far a sample of generated curves is from the measured ones."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from tuneful.circuits.base import Response


class Measured(eqx.Module):
    """Measured curves as arrays: unmeasured entries are told by the mask, never by a value."""

    rates: Array  # (units, conditions), Hz; 0 where not measured, and never looked at there
    observed: Array  # (units, conditions), bool

    @classmethod
    def from_rates(cls, rates: ArrayLike) -> Self:
        """Take rates of shape (units, conditions) with NaN where nothing was measured."""
        array = np.asarray(rates)
        observed = np.isfinite(array)
        return cls(jnp.asarray(np.where(observed, array, 0.0), jnp.result_type(float)), jnp.asarray(observed))


class Generated(eqx.Module):
    """Curves of a model, complete in every condition. Those of rejected realisations weigh nothing."""

    rates: Array  # (curves, conditions), Hz
    weight: Array  # (curves,): 1 if accepted, 0 if rejected
    cells: int = eqx.field(static=True, default=1)  # so many successive curves are of one realisation

    @classmethod
    def from_response(cls, response: Response) -> Self:
        """Take the recorded cells of a batch of realisations, whatever happened to them."""
        accepted = response.accepted
        curves = jnp.where(accepted[:, None], response.curves, 0.0)
        return cls(curves, accepted.astype(response.rates.dtype), response.rates.shape[-2])


Draw = Callable[[Array, int], Generated]  # (key, n) -> n batches of fresh curves, with a leading axis


def weighted_mean(values: Array, weight: Array) -> Array:
    """Mean of `values` under `weight`; zero if everything was rejected."""
    return jnp.sum(values * weight) / jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny)


class Refinement(eqx.Module):
    """How a fit is to be refined when its descent is over; see `tuneful.fitting.refinement`."""

    steps: int = eqx.field(static=True)  # at most; 0: not at all
    batch: int = eqx.field(static=True)  # generated curves, the same random numbers at every step
    tolerance: float = eqx.field(static=True)  # fall of the loss in ten steps that ends it


class AbstractObjective(eqx.Module):
    """What a fit minimises, together with the settings of the descent that belong to it.

    Objectives without a critic keep whatever `init` made; one loop serves them all.
    """

    label: ClassVar[str]  # the short name used by the command line and in files
    batch: eqx.AbstractVar[int]  # generated curves per step
    learning_rate: eqx.AbstractVar[float]

    def __check_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}.")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be positive and finite, not {self.learning_rate}.")

    @abstractmethod
    def init(self, key: Array, data: Measured) -> Any:
        """Make the state: a PyTree of arrays."""

    @abstractmethod
    def update(self, state: Any, generate: Draw, data: Measured, key: Array) -> Any:
        """Improve the state before a step of the circuit, with as many fresh batches of curves as it takes."""

    @abstractmethod
    def loss(self, generated: Generated, state: Any, data: Measured, key: Array) -> Array:
        """Compute a scalar, differentiable in `generated.rates`."""

    @abstractmethod
    def optimiser(self) -> optax.GradientTransformation:
        """Make the optimiser of the circuit's parameters."""

    def refinement(self) -> Refinement:
        """How to refine a fit; not at all by default: what a critic learns on the way is no loss to be minimised."""
        return Refinement(steps=0, batch=0, tolerance=0.0)
