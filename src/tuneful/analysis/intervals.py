"""Intervals of parameters in their own units, and which of their sides the data leave open."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

from tuneful.analysis.coordinates import Coordinates
from tuneful.fitting.uncertainty import deviations, how_identified

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Intervals:
    """One interval for each of n entries of parameters; NaN: open on that side.

    method
        "sandwich", "bootstrap" or "profile".
    low, high
        In own units.
    deviation
        Standard deviation of the entry as it is read (`Coordinates.read`): of the logarithm of a positive one.
    identified
        "yes" where that is below .25, "weakly" below 1, else "no".
    """

    method: str
    level: float
    low: Float[np.ndarray, " n"]
    high: Float[np.ndarray, " n"]
    deviation: Float[np.ndarray, " n"]
    identified: Sequence[str]

    def opened(self, where: Bool[np.ndarray, " n"]) -> "Intervals":
        """These without sides at some entries, which are not identified then: they would only pretend."""
        low, high = (np.where(where, np.nan, side) for side in (self.low, self.high))
        words = ["no" if is_open else word for is_open, word in zip(where, self.identified, strict=True)]
        return Intervals(self.method, self.level, low, high, self.deviation, words)

    def open_where_not_identified(self) -> "Intervals":
        """These without the sides of what is not identified: a deviation does not tell which side is open."""
        return self.opened(np.array([word == "no" for word in self.identified]))

    @property
    def not_bounded(self) -> list[str]:
        """What a profile says of open sides, "" where there is none; other methods do not know which side is open."""
        words = {(True, True): "on either side", (True, False): "below", (False, True): "above", (False, False): ""}
        sides = zip(np.isnan(self.low).tolist(), np.isnan(self.high).tolist(), strict=True)
        said = [words[side] if self.method == "profile" else "" for side in sides]
        return [f"not bounded {side} by these data" if side else "" for side in said]


def quantile(level: float) -> float:
    """z: a normal variable is within z deviations of its mean with this probability.

    >>> round(quantile(0.9), 3)
    1.645
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def wald(
    coordinates: Coordinates, point: Float[np.ndarray, " n"], covariance: Float[np.ndarray, "n n"], level: float
) -> Intervals:
    """Compute estimate -+ z standard errors: of the logarithm of a positive entry, of all else in own units.

    Open on both sides where an entry is not identified: the quadratic form does not tell which side is.
    """
    z, read = quantile(level), coordinates.read(point)
    deviation = deviations(read @ covariance @ read.T)
    own, slopes = coordinates.own(point), coordinates.slopes(point)
    logarithm, apart = np.array(coordinates.is_logarithm), z * deviations(slopes @ covariance @ slopes.T)
    factor = np.exp(np.minimum(z * deviation, np.log(LARGEST)))
    low = np.where(logarithm, own / factor, own - apart)
    high = np.where(logarithm, own * factor, own + apart)
    found = Intervals("sandwich", level, low, high, deviation, [how_identified(d) for d in deviation])
    return found.open_where_not_identified()


def percentiles(coordinates: Coordinates, draws: Float[np.ndarray, "draws n"], level: float) -> Intervals:
    """Compute percentile intervals of draws of the unconstrained entries; open where these are not identified."""
    own = np.clip(coordinates.own(draws), -LARGEST, LARGEST)  # a quantile between infinite draws is no number
    low, high = np.quantile(own, [(1 - level) / 2, (1 + level) / 2], axis=0)
    deviation = coordinates.read_values(draws).std(axis=0, ddof=1)
    found = Intervals("bootstrap", level, low, high, deviation, [how_identified(d) for d in deviation])
    return found.open_where_not_identified()
