"""The minimum of a loss among some of the points: where an entry is held, or a restriction is obeyed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tuneful.fitting.candidates import Candidate
from tuneful.fitting.linearised import Linearised

if TYPE_CHECKING:
    from tuneful.analysis.local_problem import LocalProblem

LOOKS = 6  # at the loss
PROMISE = 0.05  # share of the feigned gain below which the minimum is reached


def minimum_within(
    local: LocalProblem,
    whole: Callable[[np.ndarray], np.ndarray],
    within: Callable[[Linearised, np.ndarray], Linearised],
    begin: np.ndarray,
    back: np.ndarray,
) -> Candidate:
    """Take Gauss-Newton steps in coordinates of the points that are allowed.

    Parameters
    ----------
    local
        What is looked at.
    whole
        From such coordinates to all parameters.
    within
        From the loss in all parameters, and these, to that in such coordinates.
    begin, back
        Where to begin; and a place to try, half-way first, should networks not settle there.
    """
    candidate = Candidate.at(begin)
    for _ in range(LOOKS):
        at = whole(candidate.trial)
        found, record = local.look(at)
        candidate = candidate.after(within(found, at), bool(record.taken))
        if candidate.is_stuck or (candidate.is_known and not candidate.promises(PROMISE)):
            break
        if not candidate.is_known:
            candidate = candidate.drawn_towards(back) if candidate.failed < 2 else Candidate.at(back)
    return candidate
