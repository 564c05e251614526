"""Why a descent ended: the one vocabulary of results, logs, pages and exit codes."""

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """Why a descent ended. The value is the word in files; `message` says it in a sentence."""

    REACHED = "reached"
    CONVERGED = "converged"
    MAX_STEPS = "max_steps"
    STALLED = "stalled"
    LOST = "lost"
    NOT_FINITE = "not_finite"
    NO_GRADIENT = "no_gradient"
    NO_STATE = "no_state"
    NOT_FROM_REST = "not_from_rest"
    INTERRUPTED = "interrupted"

    @property
    def message(self) -> str:
        """What happened, in words."""
        return MESSAGES[self]

    @property
    def is_success(self) -> bool:
        """Whether the descent arrived where it was to go."""
        return self in (Outcome.REACHED, Outcome.CONVERGED)

    @property
    def is_broken(self) -> bool:
        """Whether it ended because no further step could be taken, however many more were allowed."""
        return self not in (Outcome.REACHED, Outcome.CONVERGED, Outcome.MAX_STEPS, Outcome.INTERRUPTED)


MESSAGES = {
    Outcome.REACHED: "the target was reached",
    Outcome.CONVERGED: "nothing changed any more",
    Outcome.MAX_STEPS: "the maximum of steps was taken",
    Outcome.STALLED: "there was no progress",
    Outcome.LOST: "steps could not be taken, as too many realisations did not settle or gradients were not finite",
    Outcome.NOT_FINITE: "the next value would not have been a number",
    Outcome.NO_GRADIENT: "the gradient was lost in rounding",
    Outcome.NO_STATE: "there is no steady state to begin with",
    Outcome.NOT_FROM_REST: "the network does not settle from rest",
    Outcome.INTERRUPTED: "it was interrupted",
}


@dataclass(frozen=True)
class Ending:
    """An outcome, and what is to be said of it in this case (by default its message)."""

    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        return self.detail or self.outcome.message


class Ended(Exception):
    """Raised by `step` where, instead of a step, the end is found.

    `state` is where the descent stands then; None if nothing changed.
    """

    def __init__(self, outcome: Outcome, detail: str = "", state: object = None):
        super().__init__(detail or outcome.message)
        self.ending = Ending(outcome, detail)
        self.state = state
