"""The objective contract: how far a sample of generated curves is from the measured ones."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, PRNGKeyArray

from tuneful.circuits.base import Response


class Measured(eqx.Module):
    """Measured curves as arrays: unmeasured entries are told by the mask, never by a value.

    rates
        Hz; 0 where not measured, and never looked at there.
    observed
        True where measured.
    """

    rates: Float[Array, "units conditions"]
    observed: Bool[Array, "units conditions"]

    @classmethod
    def from_rates(cls, rates: ArrayLike | Sequence) -> "Measured":
        """Take rates of shape (units, conditions) with NaN where nothing was measured.

        >>> Measured.from_rates([[1.0, float("nan")]]).observed.tolist()
        [[True, False]]
        """
        array = np.asarray(rates)
        observed = np.isfinite(array)
        return cls(jnp.asarray(np.where(observed, array, 0.0), jnp.result_type(float)), jnp.asarray(observed))


class Generated(eqx.Module):
    """Curves of a model, complete in every condition. Those of rejected realisations weigh nothing.

    rates
        Hz.
    weight
        1 if accepted, 0 if rejected.
    n_cells
        So many successive curves are of one realisation.
    """

    rates: Float[Array, "*batches curves conditions"]
    weight: Float[Array, "*batches curves"]
    n_cells: int = eqx.field(static=True, default=1)

    @classmethod
    def from_response(cls, response: Response) -> "Generated":
        """Take the recorded cells of a batch of realisations, whatever happened to them."""
        accepted = response.accepted
        curves = jnp.where(accepted[:, None], response.curves, 0.0)
        return cls(curves, accepted.astype(response.rates.dtype), response.rates.shape[-2])

    @property
    def realisation_weight(self) -> Float[Array, " realisations"]:
        """The weight of each realisation, which all of its cells have; of one batch."""
        return self.weight.reshape(-1, self.n_cells)[:, 0]


Draw = Callable[[Array, int], Generated]  # (key, n) -> n batches of fresh curves, with a leading axis
GenerateOnce = Callable[[], Generated]


def weighted_mean(values: Float[Array, "*shape"], weight: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Mean of `values` under `weight`; zero if everything was rejected."""
    return jnp.sum(values * weight) / jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny)


class Sampling(eqx.Module):
    """What the sampling of measured units does to the minimum of a loss along n tangents.

    curvature
        Of the loss where model and data agree, without what sampled derivatives add to it: it may have directions of
        none, and by chance of a negative one.
    noise
        Covariance of the slopes of the loss between sets of as many measured units.
    """

    curvature: Float[Array, "n n"]
    noise: Float[Array, "n n"]


class AbstractObjective(eqx.Module):
    """What a fit minimises: a distance between the generated curves and the measured ones.

    It says what is compared. How the distance is made small (curves a step, optimiser, rates, schedule, refinement)
    are settings of the fit. Objectives without a critic keep whatever `init` made; one loop serves them all.

    label
        The short name used by the command line and in files.
    learns
        Whether `update` changes the state from step to step, as that of a critic: there is then no one loss that a
        refinement could minimise.
    compares_pairs
        Whether generated curves are compared with each other, all with all: one realisation is then not enough.
    """

    label: ClassVar[str]
    learns: ClassVar[bool] = False
    compares_pairs: ClassVar[bool] = False

    @abstractmethod
    def init(self, key: PRNGKeyArray, data: Measured) -> Any:
        """Make the state: a PyTree of arrays."""

    @abstractmethod
    def update(self, state: Any, generate: Draw, data: Measured, key: PRNGKeyArray) -> Any:
        """Improve the state before a step of the circuit, with as many fresh batches of curves as it takes."""

    @abstractmethod
    def loss(self, generated: Generated, state: Any, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Compute the distance, differentiable in `generated.rates`.

        Curves of weight 0 and entries that were not measured must not count, whatever is written there.
        """

    def sharpened(self, state: Any, generate: GenerateOnce, data: Measured) -> Any:
        """Return the state for the next, larger sample of a refinement, given curves of the best circuit so far.

        By default the same: a distance that is good near the minimum and far from it need not change on the way.
        """
        del generate, data
        return state

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        """Compute how the loss curves along tangents of the generated curves.

        By default its second derivative in the curves, without what comes from their own curvature; one that is not
        positive where the loss bends down.

        Parameters
        ----------
        generated, state, data, key
            As in `loss`.
        tangents
            Derivatives of the curves in n parameters; 0 for curves of weight 0.
        """

        def slopes(rates: Array) -> Array:
            return jax.grad(lambda r: self.loss(dataclasses.replace(generated, rates=r), state, data, key))(rates)

        def bent(tangent: Array) -> Array:
            return jax.jvp(slopes, (generated.rates,), (tangent,))[1]

        along = [bent(tangents[..., i]) for i in range(tangents.shape[-1])]
        curvature = jnp.einsum("ajk,jkb->ab", jnp.stack(along), tangents)
        return (curvature + curvature.T) / 2

    def sampling(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Sampling | None:
        """Compute how well the measured units fix the minimum, arguments as in `metric`; None: not known."""
        del generated, tangents, state, data, key
        return None
