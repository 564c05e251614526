"""Profiles: how much the loss rises when one entry of a parameter is held elsewhere, and the rest follows.

An entry is held as it is read (`Coordinates.read`): one that a fit measures from others moves with these.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.held_minimum import minimum_within
from tuneful.analysis.intervals import Intervals, quantile
from tuneful.analysis.local_problem import LocalProblem
from tuneful.analysis.minimum import Minimum
from tuneful.fitting.linearised import Linearised
from tuneful.fitting.trust_region import inverse
from tuneful.fitting.uncertainty import deviations, how_identified

FARTHEST = float(np.log(10))  # from the answer, as it is read: a factor of ten of a positive entry
NEAREST = 0.02  # first distances, as far as one expects to be at an end, and growing from there
GROWTH = (0.5, 1.0, 1.5)
ENTRY, SIDE, APART, RISE, SETTLED, POINT = range(6)  # columns of a row, the last and all after it


@dataclass(frozen=True)
class Place:
    """Where an entry is held: so far from the answer, above (1) or below (-1)."""

    entry: int
    side: int
    apart: float


def allowed_rise(coordinates: Coordinates, minimum: Minimum, level: float) -> Float[np.ndarray, " n"]:
    r"""Compute the rise of the loss at the ends of an interval, z^2 / 2 V_kk / (H^-1)_kk, of what is read.

    A loss rises by t^2 / (2 (H^-1)_kk) where entry k is held at a distance t; at t = z V_kk^(1/2) by this. For the
    likelihood, where V = H^-1, it is the usual quantile of chi-square. Where the curvature is not resolved in some
    direction, the metric stands for it.
    """
    read = coordinates.read(minimum.point)
    spread, variance = (read @ matrix @ read.T for matrix in minimum.robust_spread)
    return quantile(level) ** 2 / 2 * np.diag(variance) / np.diag(spread)


def next_place(
    coordinates: Coordinates, minimum: Minimum, rows: Float[np.ndarray, "points _"], level: float
) -> Place | None:
    """Choose where to look next: on each side of each entry outwards, until the loss has risen."""
    rise, read = allowed_rise(coordinates, minimum, level), coordinates.read(minimum.point)
    expected = quantile(level) * deviations(read @ minimum.covariance @ read.T)
    for entry in range(len(minimum.point)):
        for side in (-1, 1):
            own = _on(rows, entry, side)
            if not len(own) or (own[-1, SETTLED] and own[-1, RISE] < rise[entry] and own[-1, APART] < FARTHEST):
                return Place(entry, side, _distance(float(expected[entry]), len(own)))
    return None


def look_at(
    local: LocalProblem, minimum: Minimum, rows: Float[np.ndarray, "points _"], place: Place
) -> Float[np.ndarray, " _"]:
    """Hold the entry there and minimise over the rest, from where it was last; a new row."""
    coordinates, k = local.coordinates, place.entry
    rest = np.arange(len(minimum.point)) != k
    held = coordinates.read_values(minimum.point)[k] + place.side * place.apart
    own = _on(rows, place.entry, place.side)
    own = own[own[:, SETTLED] > 0]
    begin = own[-1, POINT:] if len(own) else minimum.point
    direction = coordinates.read(begin)[k]
    along = inverse(minimum.around.metric) @ direction
    along *= (held - coordinates.read_values(begin)[k]) / (direction @ along)

    def whole(values: np.ndarray) -> np.ndarray:
        point = begin.copy()
        point[rest] = values
        point[k] += held - coordinates.read_values(point)[k]
        return point

    about = whole, lambda found, at: _restricted(found, k, coordinates.read(at)[k])
    candidate = minimum_within(local, *about, (begin + along)[rest], begin[rest])
    apart = float(candidate.around.loss - minimum.around.loss) if candidate.is_known else 0.0
    told = [k, place.side, place.apart, apart, candidate.is_known]
    return np.array([*told, *whole(candidate.point)], float)


def profile_intervals(
    local: LocalProblem, minimum: Minimum, rows: Float[np.ndarray, "points _"], level: float
) -> Intervals:
    """Find where the rise of the loss is what is allowed; a side on which it never is stays open.

    Roots of rises are interpolated, which are straight lines where the loss is quadratic.
    """
    coordinates = local.coordinates
    n, rise = len(minimum.point), allowed_rise(coordinates, minimum, level)
    lowest = min(0.0, rows[:, RISE].min(initial=0.0))  # a profile may have found a better minimum
    own, ends = coordinates.own(minimum.point), np.full((2, n), np.nan)
    here = coordinates.read_values(minimum.point)
    distances = np.full((2, n), np.nan)
    for entry in range(n):
        for i, side in enumerate((-1, 1)):
            end = _crossing(minimum, _on(rows, entry, side), rise[entry] + lowest, lowest)
            if end is not None:
                ends[i, entry] = coordinates.own(end)[entry]
                distances[i, entry] = abs(coordinates.read_values(end)[entry] - here[entry])
    low, high = np.fmin(ends[0], own), np.fmax(ends[1], own)
    low, high = np.where(np.isnan(ends[0]), np.nan, low), np.where(np.isnan(ends[1]), np.nan, high)
    deviation = distances.mean(axis=0) / quantile(level)
    words = ["no" if np.isnan(d) else how_identified(d) for d in deviation]
    return Intervals("profile", level, low, high, deviation, words)


def _crossing(minimum: Minimum, own: np.ndarray, allowed: float, lowest: float) -> np.ndarray | None:
    """The point at which a profile crosses the allowed rise; None if it does not."""
    before_point, before = minimum.point, np.sqrt(-lowest)
    for row in own[own[:, SETTLED] > 0]:
        now, wanted = np.sqrt(max(row[RISE] - lowest, 0)), np.sqrt(allowed - lowest)
        if now >= wanted:
            share = (wanted - before) / max(now - before, np.finfo(float).tiny)
            return before_point + np.clip(share, 0, 1) * (row[POINT:] - before_point)
        before_point, before = row[POINT:], now
    return None


def _on(rows: np.ndarray, entry: int, side: int) -> np.ndarray:
    return rows[(rows[:, ENTRY] == entry) & (rows[:, SIDE] == side)]


def _distance(expected: float, number: int) -> float:
    """How far the point of that number is: growing from half of where one expects the end."""
    first = np.clip(expected, NEAREST, FARTHEST / 2)
    growth = GROWTH[number] if number < len(GROWTH) else GROWTH[-1] ** (number - 1)
    return float(min(first * growth, FARTHEST))


def _restricted(found: Linearised, k: int, direction: np.ndarray) -> Linearised:
    """The loss as a function of all parameters but one, which moves with them so that it is read the same."""
    within = np.delete(np.eye(len(direction)), k, axis=1)
    within[k] = -np.delete(direction, k)
    matrices = (within.T @ matrix @ within for matrix in (found.metric, found.noise, found.sampling))
    return Linearised(found.loss, within.T @ found.gradient, *matrices)
