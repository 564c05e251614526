"""When a stochastic descent is finished, and what its answer is."""

import dataclasses

import numpy as np

from tuneful.descents import Ending, Outcome

STILL = 20  # steps without any change, after which there is none to come


@dataclasses.dataclass(frozen=True)
class Stopping:
    """A maximum of steps, and a rule of convergence on the path of the unconstrained parameters.

    The descent ends in a random walk around the optimum. Two successive windows of steps are compared: the fit has
    converged when the mean of no parameter moved by more than `tolerance` between them (0.05 is 5 % of a positive
    parameter). The estimate is the mean over the last window, which averages the walk out [Polyak & Juditsky 1992].
    """

    max_steps: int = 600
    window: int = 100
    tolerance: float = 0.05
    max_failed: int = 20

    def ending(self, path: np.ndarray, failed: int) -> Ending | None:
        """Tell why to stop after the steps in `path` (steps, values), or None to go on."""
        steps = len(path)
        if failed >= self.max_failed:
            return Ending(
                Outcome.LOST,
                f"stopped: {failed} steps in a row could not be taken, because a gradient was not finite, or more "
                "realisations than max_lost did not settle or saturated; the parameters are the last good ones. "
                "Start from smaller weights, or lower the learning rate.",
            )
        if steps >= STILL and not np.ptp(path[-STILL:], axis=0).any():
            return Ending(
                Outcome.NO_GRADIENT,
                f"stopped: no parameter moved in {STILL} steps, as the loss has no slope where the fit is: the "
                "circuit may be silent there. Start where its curves respond to stimuli, or raise the learning rate.",
            )
        if steps >= 2 * self.window and self.drift(path) <= self.tolerance:
            words = f"converged: no parameter drifted by more than {self.tolerance:g} over {self.window} steps"
            return Ending(Outcome.CONVERGED, words)
        if steps >= self.max_steps:
            return Ending(Outcome.MAX_STEPS, f"reached the maximum of {self.max_steps} steps")
        return None

    def drift(self, path: np.ndarray) -> float:
        """Largest difference between the means of the last two windows."""
        last, before = path[-self.window :], path[-2 * self.window : -self.window]
        return float(np.abs(last.mean(0) - before.mean(0)).max())

    def estimate(self, path: np.ndarray) -> np.ndarray:
        """Mean over the last window, or over the last half of a shorter path: (values,)."""
        length = max(1, min(self.window, len(path) // 2))
        return path[-length:].mean(0)
