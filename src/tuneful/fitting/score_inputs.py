"""What the network of a score is shown: whitened curves of every label, as the critic sees them, and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from tuneful.errors import UserError
from tuneful.objectives.base import Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.network_inputs import network_input

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float, Int

    from tuneful.fitting.problem import Problem

LOG_ABOVE = 0.1  # Hz: small rates count as well
RIDGE = 0.01  # of the mean variance, as do directions of small variance
AT_ONCE = 4096  # curves that are looked at at once


@dataclass(frozen=True, eq=False)
class ScoreInputs:
    """How curves of every label are shown.

    parts, feature_maps
        The measured units of each label, and how they are looked at.
    labels
        As `Problem.labels`.
    """

    parts: tuple[Measured, ...]
    feature_maps: tuple[FeatureMap, ...]
    labels: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Look at curves as the objective does where it takes logarithms or gains out, else in logarithms.

        Raises
        ------
        UserError
            Where the objective compares curves over the mean of all curves, which is different at every draw.
        """
        asked = problem.objective
        relative = getattr(asked, "relative", None)
        if relative == "label":
            raise UserError(
                "A score sees one curve at a time, and the objective sees curves over the mean of all "
                '(relative = "label"): fit relative to each "curve", or without.'
            )
        log_above = getattr(asked, "log_above", None) or LOG_ABOVE
        parts = tuple(problem.data.parts)
        maps = [FeatureMap.of(part, True, RIDGE, log_above=log_above, relative=relative) for part in parts]
        return cls(parts, tuple(maps), problem.labels)

    @property
    def size(self) -> int:
        """Of an input."""
        nothing = jnp.zeros((1, self.parts[0].rates.shape[1]), self.parts[0].rates.dtype)
        return self.of_curves(nothing, jnp.zeros(1, jnp.int32), 0).shape[1]

    def cells(self, label: int, cells: int) -> Int[np.ndarray, " some"]:
        """Which recorded cells are of a label, of so many."""
        return np.flatnonzero(np.array(self.labels) == label) if self.labels else np.arange(cells)

    def dealt(self, label: int, curves: int, key: Array) -> Int[Array, " curves"]:
        """Units of a label for so many curves, in random order and each as often as any other."""
        units = len(self.parts[label].rates)
        order = jax.random.permutation(jax.random.fold_in(key, label), units)
        return order[jnp.arange(curves) % units]

    def of_curves(self, rates: Array, units: Array, label: int) -> Float[Array, "curves inputs"]:
        """Show curves through the missing conditions of units, some at a time."""
        pieces = range(0, max(len(rates), 1), AT_ONCE)
        return jnp.concatenate([self._shown(rates[i : i + AT_ONCE], units[i : i + AT_ONCE], label) for i in pieces])

    def _shown(self, rates: Array, units: Array, label: int) -> Array:
        several = len(self.parts)
        told = tuple(np.eye(several)[label].tolist()) if several > 1 else ()
        tells_missing = any(not bool(part.observed.all()) for part in self.parts)
        return _shown(rates, units, self.parts[label], self.feature_maps[label], tells_missing, told)


@eqx.filter_jit
def _shown(
    rates: Array, units: Array, data: Measured, feature_map: FeatureMap, tells_missing: bool, label: tuple[float, ...]
) -> Array:
    about = {"tells_missing": tells_missing, "label": label, "tells_silence": True}
    return network_input(rates, units, data, feature_map, whiten=True, **about)
