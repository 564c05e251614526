"""Energy distance between the generated and the measured curves."""

from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from tuneful.objectives.base import AbstractObjective, Draw, Generated, Measured, Refinement, weighted_mean
from tuneful.objectives.feature_map import View


class EnergyState(eqx.Module):
    """What the data alone decide."""

    view: View
    seen: Array  # (units, conditions): the measured curves as they are compared
    spread: Array  # (): E|x - x'| between measured curves


@final
class EnergyDistance(AbstractObjective):
    r"""Energy distance, 2 E|x - y| - E|x - x'| - E|y - y'|, with x, x' measured and y, y' generated.

    It is zero if and only if the two distributions agree [Székely & Rizzo 2013]. The estimate is unbiased: no curve
    is compared with one of its own realisation. All measured units take part in every step.

    Missing conditions are masked: unit i is compared with generated curves seen through its own mask, and so is
    E|y - y'|, which makes the sum the energy score of unit i [Gneiting & Raftery 2007], proper for what was measured.
    Curves are whitened with the covariance of the data by default: conditions of a tuning curve vary together, and
    in plain Hz the distance sees their common height and little of their shape.

    **Arguments:** `whiten`, `ridge`, `shapes`, `log_above` (see `View`); `batch`, generated curves per step;
    `learning_rate`, `b1`, `b2` of Adam on the unconstrained parameters; `refine_steps` (0: none), `refine_batch` and
    `refine_tolerance` of the refinement (see `Refinement`).
    """

    label: ClassVar[str] = "energy"

    whiten: bool = eqx.field(static=True, default=True)
    ridge: float = eqx.field(static=True, default=0.1)
    shapes: bool = eqx.field(static=True, default=False)
    log_above: float | None = eqx.field(static=True, default=None)
    batch: int = eqx.field(static=True, default=64)
    learning_rate: float = eqx.field(static=True, default=0.03)
    b1: float = eqx.field(static=True, default=0.9)
    b2: float = eqx.field(static=True, default=0.99)
    refine_steps: int = eqx.field(static=True, default=0)
    refine_batch: int = eqx.field(static=True, default=1000)
    refine_tolerance: float = eqx.field(static=True, default=2e-4)

    def __check_init__(self) -> None:
        if self.refine_steps < 0 or self.refine_batch < 1 or not self.refine_tolerance >= 0:
            raise ValueError(
                "refine_steps and refine_tolerance must be 0 or more and refine_batch 1 or more, not "
                f"{self.refine_steps}, {self.refine_tolerance} and {self.refine_batch}."
            )

    def init(self, key: Array, data: Measured) -> EnergyState:
        del key
        view = View.of(data, self.whiten, self.ridge, self.shapes, self.log_above)
        seen = view.of_units(data.rates, jnp.arange(len(data.rates)))
        return EnergyState(view, seen, measured_spread(view, data))

    def update(self, state: EnergyState, generate: Draw, data: Measured, key: Array) -> EnergyState:
        del generate, data, key
        return state

    def loss(self, generated: Generated, state: EnergyState, data: Measured, key: Array) -> Array:
        """Estimate the distance; the terms are those of the class, each over the pairs that it names."""
        del data, key
        weight = generated.weight
        seen = state.view.of_patterns(generated.rates)

        def cross(unit: Array, pattern: Array) -> Array:
            return weighted_mean(_distance(unit, seen[pattern]), weight)

        def within(curves: Array) -> Array:
            return weighted_mean(_distance(curves[:, None], curves[None]), _distinct_pairs(weight, generated.cells))

        to_data = jax.vmap(cross)(state.seen, state.view.pattern).mean()
        among_generated = jnp.dot(state.view.share, jax.lax.map(within, seen))
        return 2 * to_data - among_generated - state.spread

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(self.learning_rate, b1=self.b1, b2=self.b2)

    def refinement(self) -> Refinement:
        return Refinement(self.refine_steps, self.refine_batch, self.refine_tolerance)


def _distance(a: Array, b: Array) -> Array:
    """Euclidean distance along the last axis, with a zero gradient where it is zero (two silent cells)."""
    squared = jnp.sum((a - b) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(squared, jnp.finfo(squared.dtype).tiny))


def _distinct_pairs(weight: Array, cells: int) -> Array:
    """Weights of all pairs of curves of different realisations, each of so many cells."""
    realisation = np.arange(len(weight)) // cells
    return weight[:, None] * weight[None] * (realisation[:, None] != realisation)


def measured_spread(view: View, data: Measured) -> Array:
    """E|x - x'|: unit i against every other unit that was measured wherever i was, through i's mask."""

    def of_unit(unit: Array) -> tuple[Array, Array]:
        reaches = jnp.all(data.observed | ~data.observed[unit], axis=1).at[unit].set(False)
        seen = view.of_units(data.rates, jnp.full(len(data.rates), unit))
        return weighted_mean(_distance(seen, seen[unit]), reaches.astype(seen.dtype)), reaches.any()

    spread, known = jax.lax.map(of_unit, jnp.arange(len(data.rates)))
    return weighted_mean(spread, known.astype(spread.dtype))
