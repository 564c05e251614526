"""What stabilising an operating point yields."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tuneful.descents import Outcome
from tuneful.display import card
from tuneful.stability.checks import Check, checks_table
from tuneful.stability.operating_descent import OperatingState

EXPLANATION = {
    Outcome.REACHED: "reached the target in every condition",
    Outcome.MAX_STEPS: "not reached: the maximum of steps was taken; go on with `state`, or raise `max_steps`",
    Outcome.STALLED: "not reached: no step lowers the smoothed abscissa, or excitation cannot grow further; allow "
    "more synapses, or ask for a higher target",
    Outcome.NO_GRADIENT: "not reached: eps is too small for rounding; use a larger one",
    Outcome.NO_STATE: "not reached: the network does not settle from rest even without excitation, or is above the "
    "ceiling; use weaker input or a higher ceiling",
    Outcome.NOT_FROM_REST: "not reached: the steady state that was followed is stable, but from rest the network "
    "does not settle, not even at far lower abscissae; use weaker input or weights, or a larger eps",
    Outcome.INTERRUPTED: "not reached: interrupted; go on with `state`",
}


@dataclass(frozen=True, eq=False)
class StabilizedOperatingPoint:
    """A network with a stable operating point, or the best one on the way.

    weights
        (N, N), float64.
    excitatory
        (N,), bool.
    outcome
        Why the descent ended: reached, max_steps, stalled, no_gradient, no_state, not_from_rest or interrupted.
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
    state
        Where the descent stands: pass it to `stabilize_operating_point` to go on.
    """

    weights: Float[np.ndarray, "n n"]
    excitatory: Bool[np.ndarray, " n"]
    outcome: Outcome
    abscissae: Float[np.ndarray, " conditions"]
    rates: Float[np.ndarray, "conditions n"]
    strength: float
    steps: int
    history: Float[np.ndarray, " steps+1"]
    strengths: Float[np.ndarray, " steps+1"]
    checks: tuple[Check, ...]
    state: OperatingState

    def __repr__(self) -> str:
        conditions = f"{len(self.rates)} condition{'s' * (len(self.rates) > 1)}"
        return (
            f"<StabilizedOperatingPoint of {len(self.weights)} cells in {conditions}: {self.outcome} after "
            f"{self.steps} steps, abscissa {self.abscissa:.4g}/ms, strength {self.strength:.4g}>"
        )

    def _repr_html_(self) -> str:
        """What notebooks show: how it ended, and the checks."""
        sentence = f"{self.outcome} after {self.steps} steps, abscissa {self.abscissa:.4g}/ms"
        return card(f"Operating point of {len(self.weights)} cells", sentence, checks_table(self.checks))

    @property
    def reached(self) -> bool:
        """Whether the abscissa is at or below the target in every condition, at full strength."""
        return self.outcome is Outcome.REACHED

    @property
    def abscissa(self) -> float:
        """The largest of all conditions, 1/ms; NaN if there is no state."""
        return float(self.abscissae.max()) if len(self.abscissae) else float("nan")

    @property
    def explanation(self) -> str:
        """The outcome in words, with what to try."""
        return EXPLANATION[self.outcome]
