"""Gratings of some orientation and contrast, shown to cells on a ring of preferred orientations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from tuneful.circuits.geometry import Ring
from tuneful.circuits.parameters import as_float_array
from tuneful.circuits.stimuli import Design, Values, about_blanks, about_contrasts, refuse_negative


@final
@dataclass(frozen=True)
class Gratings:
    """Stimuli of an orientation: a cell that prefers another by d receives A exp(-d^2 / (2 w^2)).

    A is the contrast, d the shorter way around the ring, w the tuning width of the input [Rubin et al. 2015]. With a
    contrast of 0 the condition is a blank. Orientations and contrasts are one value a condition, or one for all.

    >>> gratings = Gratings(orientations=(0.0, 170.0), contrasts=(20.0,))
    >>> gratings.at(Ring(n_sites=4, period=180.0), 30.0).astype(int).tolist()
    [[20, 6, 0, 6], [18, 3, 0, 10]]
    """

    orientations: Values
    contrasts: Values

    @property
    def design(self) -> Design:
        """The features of the stimuli."""
        return Design({"orientation": self.orientations, "contrast": self.contrasts}, "orientation")

    def check(self, circuit: str) -> None:
        """Refuse conditions of different lengths; `circuit` is whose they are.

        Raises
        ------
        ValueError
            If it is not clear which value belongs to which condition.
        """
        self.design.check(circuit)

    @property
    def blank(self) -> np.ndarray:
        """Where nothing is shown, (conditions,)."""
        return self.design.table["contrast"] == 0

    def at(self, ring: Ring, width: Any) -> Float[Array, "conditions sites"]:
        """The input to every site of a ring in every condition."""
        orientation, contrast = self.design.table.values()
        squared = as_float_array(ring.distances(orientation) ** 2)
        return as_float_array(contrast)[:, None] * jnp.exp(-squared / (2 * jnp.asarray(width) ** 2))

    def doubts(self, period: float, dark: np.ndarray) -> list[str]:
        """Sentences on stimuli that a ring of this period can answer, and that are seldom meant.

        `dark` is where nothing happens.

        Raises
        ------
        ValueError
            For contrasts below 0.
        """
        contrast = self.design.table["contrast"]
        refuse_negative(contrast)
        return [*about_contrasts(contrast, ~self.blank), *self._about_periods(period), *about_blanks(dark)]

    def _about_periods(self, period: float) -> Iterator[str]:
        orientations = np.unique(self.design.table["orientation"])
        once, first = np.unique(orientations % period, return_index=True)
        if len(once) < len(orientations):
            again = next(o for i, o in enumerate(orientations) if i not in first)
            same = orientations[first][once == again % period][0]
            yield (
                f"Orientations {same:g} and {again:g} are the same on a ring of period {period:g}: directions, which "
                "come back after 360 degrees, need period = 360."
            )
