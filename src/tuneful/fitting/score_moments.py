"""What a learned score says: how its mean changes with the parameters, how it scatters, and so how much it knows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Float, Int

BLOCKS = 20  # of realisations: what is estimated is corrected by leaving out one after the other, and its error told
NEGLIGIBLE = 1e-10  # variance of a combination of scores, over the largest, below which it counts as constant


@dataclass(frozen=True, eq=False)
class ScoreMoments:
    r"""Scores u of n parameters of the curves of one label.

    A score is a statistic like any other: its mean says G^T V^-1 G of the parameters [Godambe 1960], with
    G = d E[u] / d eta and V the covariance of u at one point. That is no more than the Fisher information, and all of
    it if u is the score itself. With parameters eta ~ N(eta_0, s^2 1) drawn for every realisation, Stein's identity
    E[u (eta - eta_0)^T] / s^2 = E[d E[u | eta] / d eta] gives G without any derivative: as the slope of u in eta.

    around
        Sums of w w^T over curves, w = (1, eta - eta_0, u), block by block.
    there
        The same of w = (1, u) over curves of realisations at eta_0.
    """

    around: Float[np.ndarray, "blocks k k"]
    there: Float[np.ndarray, "blocks m m"]

    @classmethod
    def of(
        cls,
        scores: Float[np.ndarray, "curves n"],
        shifts: Float[np.ndarray, "curves n"],
        blocks: Int[np.ndarray, " curves"],
        scores_there: Float[np.ndarray, "more n"],
        blocks_there: Int[np.ndarray, " more"],
    ) -> Self:
        """Sum over curves of these blocks; shifts are eta - eta_0. All curves of a realisation are of one block."""
        return cls(_summed(np.hstack([shifts, scores]), blocks), _summed(scores_there, blocks_there))

    @property
    def n(self) -> int:
        """How many parameters."""
        return self.there.shape[1] - 1

    @property
    def replicates(self) -> list[ScoreMoments]:
        """Without one block after the other."""
        return [ScoreMoments(*(np.delete(a, b, axis=0) for a in (self.around, self.there))) for b in range(BLOCKS)]

    @property
    def mean(self) -> Float[np.ndarray, " n"]:
        """Of u at eta_0: zero for the score itself, but not for one that was learned around there."""
        return _mean(self.there.sum(axis=0))

    @cached_property
    def gain(self) -> Float[np.ndarray, "n n"]:
        """G."""
        whole = _covariance(self.around.sum(axis=0))
        return np.linalg.solve(whole[: self.n, : self.n], whole[: self.n, self.n :]).T

    @cached_property
    def covariance(self) -> Float[np.ndarray, "n n"]:
        """V."""
        return _covariance(self.there.sum(axis=0))

    @cached_property
    def precision(self) -> Float[np.ndarray, "n n"]:
        """V^-1, where u varies."""
        values, axes = np.linalg.eigh(self.covariance)
        varies = values > NEGLIGIBLE * max(values[-1], np.finfo(float).tiny)
        return axes[:, varies] / values[varies] @ axes[:, varies].T

    @property
    def sensitivity(self) -> Float[np.ndarray, "n n"]:
        """G^T V^-1 G, positive semi-definite; too large by what the sampling of G adds."""
        return self.gain.T @ self.precision @ self.gain

    @property
    def smoothed(self) -> Float[np.ndarray, "n n"]:
        """E[u (eta - eta_0)^T] / s^2, symmetric: the information of curves whose parameters scatter by s.

        Where curves fix parameters better than s it is less than theirs, at most 1 / s^2.
        """
        return (self.gain + self.gain.T) / 2


def _summed(rows: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Sums of w w^T, w = (1, row), over the rows of each block."""
    whole = np.hstack([np.ones((len(rows), 1)), rows])
    return np.stack([whole[blocks == block].T @ whole[blocks == block] for block in range(BLOCKS)])


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[0, 1:] / sums[0, 0]


def _covariance(sums: np.ndarray) -> np.ndarray:
    """Of rows whose w w^T, w = (1, row), have these sums."""
    mean, count = _mean(sums), sums[0, 0]
    return (sums[1:, 1:] - count * np.outer(mean, mean)) / (count - 1)
