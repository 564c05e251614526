"""What must be said beside intervals: whether there is a minimum, and on what they are conditional."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool

from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.minimum import Minimum
from tuneful.fitting.candidates import Candidate
from tuneful.fitting.certificate import named_direction
from tuneful.fitting.problem import Problem
from tuneful.fitting.refinement import MINIMUM
from tuneful.fitting.uncertainty import HARDLY, KNOWN, assumed
from tuneful.objectives import Moments

FAR = 0.5  # standard errors: a fit that was farther from the minimum had not arrived
MUCH = 0.1  # share of a variance that comes from simulation
FEW = 20  # clusters
MANY = 0.3  # landmarks a unit: with a quarter, the bias is below half a standard error (docs/results/intervals.md)


def still_falling(candidate: Candidate, minimum: Minimum) -> Bool[np.ndarray, " n"]:
    """Which entries the loss still falls with, by more than half a standard error, where no minimum was reached."""
    if not candidate.promises(MINIMUM):
        return np.zeros(len(minimum.point), bool)
    left = np.abs(candidate.trial - candidate.point)
    return left > FAR * np.sqrt(np.maximum(np.diag(minimum.covariance), np.finfo(float).tiny))


def not_resolved(coordinates: Coordinates, minimum: Minimum) -> Bool[np.ndarray, " n"]:
    """Which entries have a part in directions that are not resolved, so that only an assumption bounds them."""
    return assumed(coordinates.read(minimum.point) @ minimum.left_open) >= KNOWN


def remarks(
    coordinates: Coordinates, minimum: Minimum, falling: Bool[np.ndarray, " n"], curves: int, clusters: int
) -> list[str]:
    """Sentences on the minimum and on the sample."""
    said = list(_about_minimum(coordinates, minimum, falling))
    if minimum.simulation_share > MUCH:
        said.append(
            f"Up to {minimum.simulation_share:.0%} of a variance comes from the {curves:,} simulated curves and not "
            "from the data: more of them (--curves) would make intervals shorter."
        )
    if (loose := not_resolved(coordinates, minimum)).any():
        names = ", ".join(name for name, is_loose in zip(coordinates.entries, loose, strict=True) if is_loose)
        said.append(
            "The sample does not resolve how the loss bends along every direction: it does not bound "
            f"{names}. More units resolve more, and so do more --curves."
        )
    if clusters < FEW:
        said.append(f"There are {clusters} clusters: errors that are estimated from so few are themselves uncertain.")
    return said


def conditions(problem: Problem) -> Iterator[str]:
    """Sentences on what the intervals are conditional on."""
    fixed = [name for name in problem.circuit.parameters() if name not in problem.fitted]
    if fixed:
        yield f"Intervals are those for given {', '.join(fixed)}, which the fit holds fixed."
    if isinstance(problem.objective, Moments):
        fewest = min(len(part.rates) for part in problem.data.parts)
        landmarks = min(problem.objective.landmarks, fewest)
        if landmarks > MANY * fewest:
            yield (
                f"The objective moments takes {landmarks} landmarks, and its weights, from the {fewest} units "
                "themselves: estimates then have a bias that intervals know nothing of. Take fewer landmarks, or "
                "another objective."
            )
    if problem.penalties:
        names = ", ".join(penalty.label for penalty in problem.penalties)
        yield f"Penalties ({names}) take part in the estimate as they do in the fit, and make intervals shorter."


def _about_minimum(coordinates: Coordinates, minimum: Minimum, falling: np.ndarray) -> Iterator[str]:
    moved = minimum.point - coordinates.answer
    if falling.any():
        names = [coordinates.entries[i] for i in np.flatnonzero(falling)]
        yield (
            f"No minimum was reached: the loss still falls with {', '.join(names)}, whose intervals are open. Fit "
            "for longer, or hold some of them fixed."
        )
        return
    deviation = np.sqrt(np.maximum(np.diag(minimum.covariance), np.finfo(float).tiny))
    apart = np.where(deviation < HARDLY, moved / deviation, 0)  # entry by entry: valleys are curved across stiff axes
    if np.abs(apart).max() > FAR:
        direction = np.where(np.abs(apart) > FAR, apart, 0)
        yield (
            f"The answer of the fit was up to {np.abs(apart).max():.1f} standard errors from the minimum; values "
            f"here are at the minimum ({named_direction(direction, coordinates.entries)})."
        )
