"""What stabilising a network yields: its weights, how it went, and checks made afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float

from tuneful.descents import Outcome
from tuneful.display import card
from tuneful.stability.checks import Check, checks_table
from tuneful.stability.descent import DescentState

EXPLANATION = {
    Outcome.REACHED: "reached the target",
    Outcome.MAX_STEPS: "not reached: the maximum of steps was taken; go on with `state`, or raise `max_steps`",
    Outcome.STALLED: "not reached: no progress in `patience` steps; raise the density or gamma, allow more synapses, "
    "or ask for a higher target",
    Outcome.NO_GRADIENT: "not reached: the shift is too close to the spectrum for rounding; use a larger offset or "
    "eps",
    Outcome.INTERRUPTED: "not reached: interrupted; go on with `state`",
}


LEFT = "stable as it is: left unchanged; leave_stable=False brings it into the constraints, too"


@dataclass(frozen=True, eq=False)
class StabilizedCircuit:
    """A stabilised network, or the best one on the way.

    weights
        (N, N), float64. The circuit with the lowest abscissa if the target was not reached.
    excitatory
        (N,), bool.
    outcome
        Why the descent ended: reached, max_steps, stalled, no_gradient or interrupted.
    abscissa
        Of the weights, in float64.
    steps
        Steps taken in all, earlier runs of a resumed descent included.
    history
        Abscissa after 0, 1, ..., steps steps.
    checks
        Made on the weights after the descent.
    state
        Where the descent stands: pass it to `stabilize` to go on.
    unchanged
        Whether the network was stable as it is, and was left so.
    """

    weights: Float[np.ndarray, "n n"]
    excitatory: Bool[np.ndarray, " n"]
    outcome: Outcome
    abscissa: float
    steps: int
    history: Float[np.ndarray, " steps+1"]
    checks: tuple[Check, ...]
    state: DescentState
    unchanged: bool = False

    def __repr__(self) -> str:
        failed = [check.name for check in self.checks if not check.holds]
        checks = f"not as asked: {', '.join(failed)}" if failed else "all checks hold"
        return (
            f"<StabilizedCircuit of {len(self.weights)} cells: {self.outcome} after {self.steps} steps, "
            f"abscissa {self.abscissa:.4g}, {checks}>"
        )

    def _repr_html_(self) -> str:
        """What notebooks show: how it ended, and the checks."""
        sentence = f"{self.outcome} after {self.steps} steps, abscissa {self.abscissa:.4g}"
        return card(f"Circuit of {len(self.weights)} cells", sentence, checks_table(self.checks))

    @property
    def reached(self) -> bool:
        """Whether the abscissa is at or below the target."""
        return self.outcome is Outcome.REACHED

    @property
    def explanation(self) -> str:
        """The outcome in words, with what to try."""
        return LEFT if self.unchanged else EXPLANATION[self.outcome]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as plain arrays, for `numpy.savez` and the like; see `from_arrays`."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _PLAIN} | {"reason": np.array(self.outcome.value)}
        arrays |= {f"state_{name}": array for name, array in self.state.to_arrays().items()}
        for f in fields(Check):
            arrays[f"check_{f.name}"] = np.array([getattr(check, f.name) for check in self.checks])
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuild a result from `to_arrays`, bit for bit."""
        plain = {name: _unpacked(arrays[name]) for name in _PLAIN if name in arrays}
        state = {name.removeprefix("state_"): arrays[name] for name in arrays if name.startswith("state_")}
        columns = [np.asarray(arrays[f"check_{f.name}"]).tolist() for f in fields(Check)]
        checks = tuple(Check(*row) for row in zip(*columns, strict=True))
        outcome = Outcome(np.asarray(arrays["reason"]).item())
        return cls(**plain, outcome=outcome, checks=checks, state=DescentState.from_arrays(state))


_PLAIN = tuple(f.name for f in fields(StabilizedCircuit) if f.name not in ("outcome", "checks", "state"))


def _unpacked(array: np.ndarray) -> Any:
    """A scalar that was wrapped into an array, or the array."""
    array = np.asarray(array)
    return array if array.ndim else array.item()
