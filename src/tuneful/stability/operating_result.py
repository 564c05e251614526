"""What stabilising an operating point yields."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tuneful.stability.checks import Check

Reason = Literal["reached", "max_steps", "stalled", "no_gradient", "no_state", "not_from_rest", "interrupted"]
EXPLANATION: dict[Reason, str] = {
    "reached": "reached the target in every condition",
    "max_steps": "not reached: the maximum of steps was taken; go on from `weights`, or raise `max_steps`",
    "stalled": "not reached: no step lowers the smoothed abscissa, or excitation cannot grow further; allow more "
    "synapses, or ask for a higher target",
    "no_gradient": "not reached: eps is too small for rounding; use a larger one",
    "no_state": "not reached: the network does not settle from rest even without excitation, or is above the "
    "ceiling; use weaker input or a higher ceiling",
    "not_from_rest": "not reached: the steady state that was followed is stable, but from rest the network does "
    "not settle, not even at far lower abscissae; use weaker input or weights, or a larger eps",
    "interrupted": "not reached: interrupted; go on from `weights`",
}


@dataclass(frozen=True, eq=False)
class StabilizedOperatingPoint:
    """A network with a stable operating point, or the best one on the way.

    weights
        (N, N), float64.
    excitatory
        (N,), bool.
    reason
        Why the descent ended: "reached", "max_steps", "stalled", "no_gradient", "no_state", "not_from_rest" or
        "interrupted".
    abscissae
        Spectral abscissa of the Jacobian in every condition, 1/ms; empty if there is no state.
    rates
        (conditions, N), Hz: the operating points.
    strength
        Of excitation in `weights`, relative to the network that was given: 1 unless the target was not reached.
    steps
        Steps taken.
    history, strengths
        The largest abscissa, and the strength of excitation, after 0, 1, ..., steps steps.
    checks
        Made on the weights after the descent, among them that the dynamics reach this state from rest.
    """

    weights: np.ndarray
    excitatory: np.ndarray
    reason: Reason
    abscissae: np.ndarray
    rates: np.ndarray
    strength: float
    steps: int
    history: np.ndarray
    strengths: np.ndarray
    checks: tuple[Check, ...]

    @property
    def reached(self) -> bool:
        """Whether the abscissa is at or below the target in every condition, at full strength."""
        return self.reason == "reached"

    @property
    def abscissa(self) -> float:
        """The largest of all conditions, 1/ms; NaN if there is no state."""
        return float(self.abscissae.max()) if len(self.abscissae) else float("nan")

    @property
    def explanation(self) -> str:
        """The reason in words, with what to try."""
        return EXPLANATION[self.reason]
