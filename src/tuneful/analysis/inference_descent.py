"""An inference as a descent: to the minimum, then what is known around it, replicates, and profiles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import jax
import numpy as np

from tuneful.analysis.clusters import summed
from tuneful.analysis.inference_settings import InferenceSettings
from tuneful.analysis.minimum import Minimum
from tuneful.analysis.profiles import POINT, look_at, next_place
from tuneful.analysis.restrictions import POINT as TESTED
from tuneful.analysis.restrictions import Restriction, restricted_minimum
from tuneful.analysis.weighted_bootstrap import Replicates, refitted
from tuneful.descents import AbstractDescent, Ended, Ending, Outcome
from tuneful.fitting.candidates import Candidate

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float, Int

    from tuneful.analysis.local_problem import LocalProblem

ARRIVED = 0.02  # share of the feigned gain below which the minimum of the sample is reached
STEP = 0.05  # of differences of gradients, unconstrained


@dataclass(frozen=True, eq=False)
class InferenceState:
    """Where an inference of n parameters stands.

    candidate
        On its way to the minimum.
    looks
        How many it took.
    scores
        What every unit does to the gradient where the candidate is; none before the first look.
    bends
        Rows of the curvature, as far as they are known, by differences of gradients.
    replicates
        Minima for weighted units.
    profiles
        Rows of `tuneful.analysis.profiles`.
    tested
        Rows of `tuneful.analysis.restrictions`.
    """

    candidate: Candidate
    looks: int
    scores: Float[np.ndarray, "units n"]
    bends: Float[np.ndarray, "rows n"]
    replicates: Float[np.ndarray, "replicates n"]
    profiles: Float[np.ndarray, "points _"]
    tested: Float[np.ndarray, "tests _"]

    @classmethod
    def start(cls, point: np.ndarray) -> InferenceState:
        """Before the first look, at the answer of a fit."""
        n = len(point)
        none = np.zeros((0, n))
        return cls(Candidate.at(point), 0, none, none, none, np.zeros((0, POINT + n)), np.zeros((0, TESTED + n)))


@final
class InferenceDescent(AbstractDescent[InferenceState, str]):
    """One look, replicate or point of a profile a step; the record of a step says which.

    Parameters
    ----------
    local
        What is looked at.
    settings
        What is asked for.
    clusters
        Of the measured units, see `clusters_of`.
    key
        Decides what replicates draw.
    """

    def __init__(
        self, local: LocalProblem, settings: InferenceSettings, clusters: Int[np.ndarray, " units"], key: Array
    ):
        self.local, self.settings, self._clusters, self._key = local, settings, clusters, key
        self.restrictions = [Restriction.of(text, local.coordinates) for text in settings.test]
        wants = "bootstrap" in settings.method and settings.refits
        self._replicates = settings.replicates_of(learns=False) if wants else 0

    def init(self) -> InferenceState:
        return InferenceState.start(self.local.coordinates.answer)

    def step(self, state: InferenceState) -> tuple[InferenceState, str]:
        """Do the next piece: the minimum first, then curvature, replicates, tests and profiles."""
        if not self._has_arrived(state):
            return self._polished(state)
        if len(state.bends) < self._bends(state):
            return replace(state, bends=np.vstack([state.bends, self._bend(state)])), "curvature"
        if len(state.replicates) < self._replicates:
            return self._refitted(state)
        minimum = self.minimum(state)
        if len(state.tested) < len(self.restrictions):
            restriction = self.restrictions[len(state.tested)]
            row = restricted_minimum(self.local, minimum, restriction)
            return replace(state, tested=np.vstack([state.tested, row])), f"test of {restriction.words}"
        place = next_place(self.local.coordinates, minimum, state.profiles, self.settings.level)
        assert place is not None
        row = look_at(self.local, minimum, state.profiles, place)
        name = self.local.coordinates.entries[place.entry]
        said = f"profile of {name} {'upwards' if place.side > 0 else 'downwards'}"
        return replace(state, profiles=np.vstack([state.profiles, row])), said

    def steps(self, state: InferenceState) -> int:
        return state.looks + sum(map(len, (state.bends, state.replicates, state.profiles, state.tested)))

    def ending(self, state: InferenceState) -> Ending | None:
        if not self._has_arrived(state) or len(state.bends) < self._bends(state):
            return None
        if len(state.replicates) < self._replicates or len(state.tested) < len(self.restrictions):
            return None
        if "profile" in self.settings.method and next_place(
            self.local.coordinates, self.minimum(state), state.profiles, self.settings.level
        ):
            return None
        return Ending(Outcome.REACHED, "all that was asked for is known")

    def pack(self, state: InferenceState) -> Any:
        rows = state.scores, state.bends, state.replicates, state.profiles, state.tested
        return state.candidate, np.asarray(state.looks), *rows

    def unpack(self, arrays: Any) -> InferenceState:
        candidate, looks, *rest = jax.tree.map(np.asarray, arrays)
        return InferenceState(candidate, int(looks), *rest)

    def minimum(self, state: InferenceState) -> Minimum:
        """What is known at the minimum."""
        point, around = state.candidate.point, state.candidate.around
        bent = (state.bends + state.bends.T) / 2 if self._bends(state) else around.sampling[0]
        return Minimum(point, around, bent, summed(state.scores, self._clusters))

    def _has_arrived(self, state: InferenceState) -> bool:
        candidate = state.candidate
        is_last = candidate.is_stuck or state.looks >= self.settings.polish
        return candidate.is_known and (is_last or not candidate.promises(ARRIVED))

    def _polished(self, state: InferenceState) -> tuple[InferenceState, str]:
        """Look where the next step leads, with all tangents: of a part of them, flat directions hear noise only."""
        found, scores, record = self.local.look_by_unit(state.candidate.trial)
        candidate = state.candidate.after(found, bool(record.taken))
        if not candidate.is_known:
            lost = float(record.rejected + record.saturated)
            raise Ended(
                Outcome.LOST,
                f"At the answer of the fit {lost:.0%} of the realisations do not settle, or the loss is not finite: "
                "there is no minimum to tell intervals of.",
            )
        scores = scores if candidate.around is found else state.scores
        said = f"to the minimum, loss {found.loss:.4g}"
        return replace(state, candidate=candidate, looks=state.looks + 1, scores=scores), said

    def _bends(self, state: InferenceState) -> int:
        """How many rows of the curvature are to be found by differences."""
        is_known = self.settings.curvature == "known" and np.isfinite(state.candidate.around.sampling[0]).all()
        return 0 if is_known else len(state.candidate.point)

    def _bend(self, state: InferenceState) -> np.ndarray:
        """The next row, by a central difference; one-sided where there is nothing to be seen on one side."""
        shift, here = np.zeros(len(state.candidate.point)), state.candidate.point
        shift[len(state.bends)] = STEP
        (above, up), (below, down) = (self.local.look(here + sign * shift) for sign in (1, -1))
        upper, lower = (
            (found.gradient, STEP) if bool(record.taken) else (state.candidate.around.gradient, 0.0)
            for found, record in ((above, up), (below, down))
        )
        return (upper[0] - lower[0]) / max(upper[1] + lower[1], STEP)

    def _refitted(self, state: InferenceState) -> tuple[InferenceState, str]:
        number = len(state.replicates)
        minimum = self.minimum(state)
        replicate = Replicates.drawn(minimum, self._key, 1, first=number)
        found = refitted(self.local, minimum, self._clusters, replicate, self.settings.refits)
        said = f"replicate {number + 1} of {self._replicates}"
        return replace(state, replicates=np.vstack([state.replicates, found])), said
