"""What stabilising a network yields: its weights, how it went, and checks made afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from tuneful.stability.checks import Check
from tuneful.stability.descent import DescentState

Reason = Literal["reached", "max_steps", "stalled", "no_gradient", "interrupted"]
EXPLANATION: dict[Reason, str] = {
    "reached": "reached the target",
    "max_steps": "not reached: the maximum of steps was taken; go on with `state`, or raise `max_steps`",
    "stalled": "not reached: no progress in `patience` steps; raise the density or gamma, allow more synapses, or "
    "ask for a higher target",
    "no_gradient": "not reached: the shift is too close to the spectrum for rounding; use a larger offset or eps",
    "interrupted": "not reached: interrupted; go on with `state`",
}


@dataclass(frozen=True, eq=False)
class StabilizedCircuit:
    """A stabilised network, or the best one on the way.

    weights
        (N, N), float64. The circuit with the lowest abscissa if the target was not reached.
    excitatory
        (N,), bool.
    reason
        Why the descent ended: "reached", "max_steps", "stalled", "no_gradient" or "interrupted".
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
    """

    weights: np.ndarray
    excitatory: np.ndarray
    reason: Reason
    abscissa: float
    steps: int
    history: np.ndarray
    checks: tuple[Check, ...]
    state: DescentState

    @property
    def reached(self) -> bool:
        """Whether the abscissa is at or below the target."""
        return self.reason == "reached"

    @property
    def explanation(self) -> str:
        """The reason in words, with what to try."""
        return EXPLANATION[self.reason]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as plain arrays, for `numpy.savez` and the like; see `from_arrays`."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _PLAIN}
        arrays |= {f"state_{f.name}": np.asarray(getattr(self.state, f.name)) for f in fields(DescentState)}
        for f in fields(Check):
            arrays[f"check_{f.name}"] = np.array([getattr(check, f.name) for check in self.checks])
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuild a result from `to_arrays`, bit for bit."""
        plain = {name: _unpacked(arrays[name]) for name in _PLAIN}
        state = DescentState(**{f.name: _unpacked(arrays[f"state_{f.name}"]) for f in fields(DescentState)})
        columns = [np.asarray(arrays[f"check_{f.name}"]).tolist() for f in fields(Check)]
        checks = tuple(Check(*row) for row in zip(*columns, strict=True))
        return cls(**plain, checks=checks, state=state)


_PLAIN = tuple(f.name for f in fields(StabilizedCircuit) if f.name not in ("checks", "state"))


def _unpacked(array: np.ndarray) -> Any:
    """A scalar that was wrapped into an array, or the array."""
    array = np.asarray(array)
    return array if array.ndim else array.item()
