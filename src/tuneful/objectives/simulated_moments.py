"""What the method of simulated moments has in common: a squared distance of means over independent realisations."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import AbstractObjective, Generated, Measured, Sampling


class AbstractSimulatedMoments(AbstractObjective):
    """An objective whose curvature and sampling follow from the derivatives of its weighted moments."""

    compares_pairs: ClassVar[bool] = True

    @abstractmethod
    def moved(
        self, generated: Generated, tangents: Float[Array, "curves conditions n"], state: Any
    ) -> tuple[Float[Array, "realisations moments n"], Float[Array, " realisations"]]:
        """Compute the derivatives of each realisation's weighted moments, and what it counts."""

    @abstractmethod
    def deviation(self, state: Any) -> Float[Array, "units moments"]:
        """Compute what each measured unit adds to the moments of the data, in the same weights; its mean is zero."""

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        """Compute 2 J^T W J, as of any sum of squares: J the derivative of the moments, W their weights."""
        del data, key
        return gauss_newton(*self.moved(generated, tangents, state))

    def sampling(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Sampling:
        """Compute the curvature from pairs of different realisations, and the noise from the scatter of the data."""
        del data, key
        return sampling_of(*self.moved(generated, tangents, state), self.deviation(state))


def of_realisations(values: Float[Array, "..."], n_cells: int) -> Float[Array, "..."]:
    """Means over the cells of each realisation, (realisations, ...), of values of curves."""
    return values.reshape(-1, n_cells, *values.shape[1:]).mean(axis=1)


def gauss_newton(moved: Float[Array, "realisations moments n"], weight: Float[Array, " realisations"]) -> Array:
    """Compute 2 J^T J, (n, n), as of any sum of squares: J the mean derivative of the weighted moments.

    Parameters
    ----------
    moved
        Derivatives of the moments of each realisation, times the square roots of their weights.
    weight
        What each realisation counts.
    """
    slopes = jnp.einsum("r,rka->ka", weight, moved) / jnp.maximum(weight.sum(), 1)
    return 2 * slopes.T @ slopes


def sampling_of(
    moved: Float[Array, "realisations moments n"],
    weight: Float[Array, " realisations"],
    deviation: Float[Array, "units moments"],
) -> Sampling:
    """Compute the curvature from pairs of different realisations, and the noise from the scatter of the data.

    Parameters
    ----------
    moved, weight
        As in `gauss_newton`.
    deviation
        See `AbstractSimulatedMoments`.
    """
    n, total = weight.sum(), jnp.einsum("r,rka->ka", weight, moved)
    alike = jnp.einsum("r,rka,rkb->ab", weight, moved, moved)
    curvature = 2 * (total.T @ total - alike) / jnp.maximum(n * (n - 1), 1)
    by_unit = -2 * deviation @ (total / jnp.maximum(n, 1))
    return Sampling(curvature, by_unit.T @ by_unit / len(by_unit) ** 2)
