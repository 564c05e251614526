"""One of several starts of a refinement, and how far it has come."""

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from tuneful.fitting.certificate import squared_length
from tuneful.fitting.linearised import Linearised
from tuneful.fitting.trust_region import feigned_gain, shift_within, trust_region_step

# Of steps in unconstrained parameters: logarithms of positive ones.
FIRST_RADIUS, LARGEST_RADIUS, LEAST_RADIUS = 0.5, 1.0, 0.1
DECREASE = 0.1  # part of the promised decrease that must come true
TRUSTED, DOUBTED = 0.6, 0.25  # parts from which on steps may get longer, and below which they get shorter
SHORTER = 0.3  # how much, after one that was not taken
PATIENCE = 6  # steps in a row that were not taken


class Candidate(eqx.Module):
    """A point that moves towards a minimum; before its first evaluation the loss is infinite.

    point
        Unconstrained parameters, where the loss of this sample is lowest so far.
    around
        The loss there, linearised.
    radius
        How far the linearised loss is trusted.
    failed
        Trials in a row that were not taken.
    """

    point: Float[np.ndarray, " n"]
    around: Linearised
    radius: Float[np.ndarray, ""]
    failed: Int[np.ndarray, ""]

    @classmethod
    def at(cls, point: np.ndarray, radius: float = FIRST_RADIUS) -> "Candidate":
        """One that has not been looked at yet."""
        return cls(np.asarray(point, float), Linearised.unknown(len(point)), np.array(float(radius)), np.array(0))

    @property
    def is_known(self) -> bool:
        """Whether its loss is."""
        return self.around.is_known

    def again(self) -> "Candidate":
        """This one before another sample is looked at."""
        return Candidate.at(self.point, max(float(self.radius), LEAST_RADIUS))

    @property
    def is_stuck(self) -> bool:
        """Whether no step is taken any more."""
        return bool(self.failed >= PATIENCE)

    @property
    def trial(self) -> np.ndarray:
        """Where to look next, (n,): at the point itself as long as nothing is known of it."""
        return self.point + self._step() if self.is_known else self.point

    def after(self, found: Linearised, is_valid: bool) -> "Candidate":
        """Use what was found at the trial: go there, or trust less."""
        if not self.is_known:
            return self._arrived(self.point, found, float(self.radius)) if is_valid else self._failed(self.radius)
        step = self._step()
        promised, length = self._promised(step), float(np.linalg.norm(step))
        kept = float(self.around.loss - found.loss) / promised if is_valid and promised > 0 else -np.inf
        if not kept >= DECREASE:
            return self._failed(SHORTER * length)
        if kept > TRUSTED:
            return self._arrived(self.point + step, found, min(2 * float(self.radius), LARGEST_RADIUS))
        return self._arrived(self.point + step, found, length / 2 if kept < DOUBTED else float(self.radius))

    def drawn_towards(self, point: np.ndarray) -> "Candidate":
        """Half-way between here and a point where something is known."""
        return self.shifted((point - self.point) / 2)

    def shifted(self, by: np.ndarray) -> "Candidate":
        """Elsewhere, as one of which nothing is known yet."""
        return eqx.tree_at(lambda candidate: candidate.point, self, self.point + by)

    def promises(self, share: float) -> bool:
        """Whether the next step gains more than a share of what sampling errors of the gradient feign to gain."""
        return self._promised(self._step()) > share * self.feigned

    def slides(self, share: float) -> bool:
        """Whether the squared gradient, in sampling errors, is more than a share of what these make of it on average.

        What they feign to gain is a sum over directions: noise along one of them may hide a slope along the others,
        unless an objective weighs all as their errors ask.
        """
        gradient = self.around.gradient
        return squared_length(gradient, self.around.noise) > share * len(gradient)

    @property
    def feigned(self) -> float:
        """What a step of this kind would seem to gain at the minimum of the distance itself."""
        shift = shift_within(self.around.gradient, self.around.metric, float(self.radius))
        return feigned_gain(self.around.metric, self.around.noise, shift)

    def is_near(self, other: "Candidate") -> bool:
        """Whether the loss of this sample does not tell the two points apart."""
        apart = self.point - other.point
        return bool(apart @ other.around.metric @ apart / 2 <= 2 * other.feigned)

    def _step(self) -> np.ndarray:
        return trust_region_step(self.around.gradient, self.around.metric, float(self.radius))

    def _promised(self, step: np.ndarray) -> float:
        """By how much the loss should fall."""
        return -float(self.around.gradient @ step + step @ self.around.metric @ step / 2)

    def _arrived(self, point: np.ndarray, found: Linearised, radius: float) -> "Candidate":
        return Candidate(point, found, np.array(radius), np.array(0))

    def _failed(self, radius: float | np.ndarray) -> "Candidate":
        changed = np.array(float(radius)), np.array(self.failed + 1)
        return eqx.tree_at(lambda candidate: (candidate.radius, candidate.failed), self, changed)
