"""What the data say of combinations of parameters, stiff and sloppy ones, and what trades against what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.minimum import correlation
from tuneful.fitting.uncertainty import HARDLY, KNOWN

PART = 0.3  # of the largest power: smaller ones are not named
TRADES = 0.5  # absolute correlation from which on a trade is named


@dataclass(frozen=True, eq=False)
class Combination:
    """An eigenvector of the information, the inverse of the covariance of unconstrained parameters.

    powers
        Its components, of unit length: the combination is the product of these powers of positive parameters.
    deviation
        Standard deviation along it, of the logarithm of that product.
    words
        Both, in words.
    """

    powers: Float[np.ndarray, " n"]
    deviation: float
    words: str


def combinations(covariance: Float[np.ndarray, "n n"], coordinates: Coordinates) -> list[Combination]:
    """List all eigenvectors of the information, stiff ones first."""
    variances, axes = np.linalg.eigh(covariance)
    found = []
    for variance, axis in zip(np.maximum(variances, 0), axes.T, strict=True):
        powers = axis * np.sign(axis[np.argmax(np.abs(axis))])
        deviation = float(np.sqrt(variance))
        words = f"{product(powers, coordinates.entries, coordinates.is_logarithm)} is {known_to(deviation)}"
        found.append(Combination(powers, deviation, words))
    return found


def product(powers: Float[np.ndarray, " n"], names: Sequence[str], is_logarithm: Sequence[bool]) -> str:
    """The largest parts of a combination, as a product of powers, or as a sum where some may be negative.

    >>> product(np.array([0.7, -0.6, 0.1]), ["J_EI", "dJ_IE", "sigma"], [True, True, True])
    'J_EI^0.7 / dJ_IE^0.6'
    >>> product(np.array([0.8, 0.6]), ["J", "shift"], [True, False])
    '0.8 log J + 0.6 shift'
    >>> product(np.array([0.1, 1.0]), ["J", "shift"], [True, False])
    'shift'
    """
    largest = np.abs(powers).max()
    parts = [int(i) for i in np.argsort(-np.abs(powers)) if abs(powers[i]) > PART * largest]
    if not all(is_logarithm[i] for i in parts):
        terms = [f"{abs(powers[i]):.2g} {'log ' * is_logarithm[i]}{names[i]}".removeprefix("1 ") for i in parts]
        signs = ["-" if powers[i] < 0 else "+" for i in parts]
        return " ".join(
            [
                *("-" for _ in range(signs[0] == "-")),
                terms[0],
                *(w for pair in zip(signs[1:], terms[1:], strict=True) for w in pair),
            ]
        )
    above, below = ([i for i in parts if sign * powers[i] > 0] for sign in (1, -1))
    over = " ".join(_power(names[i], powers[i]) for i in above) or "1"
    under = " ".join(_power(names[i], -powers[i]) for i in below)
    return over if not under else f"{over} / {under}" if len(below) == 1 else f"{over} / ({under})"


def known_to(deviation: float) -> str:
    """How well a logarithm of this standard deviation is known, in words.

    >>> known_to(0.042), known_to(0.5), known_to(2.0)
    ('known to 4.2 %', 'known to a factor of 1.6', 'open: it may be wrong by a factor of 7.4')
    """
    if deviation < KNOWN:
        return f"known to {100 * deviation:.2g} %"
    factor = f"a factor of {np.exp(min(deviation, 20.0)):.2g}"
    return f"known to {factor}" if deviation < HARDLY else f"open: it may be wrong by {factor}"


def reasons(covariance: Float[np.ndarray, "n n"], identified: Sequence[str], names: Sequence[str]) -> list[str]:
    """Say of every entry that is not identified why: what it trades against, or how little is known of it alone.

    With the others held, its standard deviation would be (V^-1)_kk^(-1/2): where that is small, others go along.
    """
    correlated = correlation(covariance)
    values, axes = np.linalg.eigh(covariance)
    information = axes / np.maximum(values, np.finfo(float).tiny) @ axes.T
    alone = 1 / np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return ["" if word == "yes" else _reason(k, alone[k], correlated[k], names) for k, word in enumerate(identified)]


def _reason(k: int, alone: float, correlated: np.ndarray, names: Sequence[str]) -> str:
    others = [int(i) for i in np.argsort(-np.abs(correlated)) if i != k and abs(correlated[i]) >= TRADES][:3]
    if alone >= KNOWN:
        return f"even with all others held it would be {known_to(alone)}"
    if not others:
        return f"several others together make up for it: with these held it would be {known_to(alone)}"
    with_signs = [f"{names[i]} (correlation {correlated[i]:+.2f})" for i in others]
    listed = with_signs[0] if len(others) == 1 else f"{', '.join(with_signs[:-1])} and {with_signs[-1]}"
    return f"trades against {listed}: with all others held it would be {known_to(alone)}"


def _power(name: str, power: float) -> str:
    text = f"{power:.2g}"
    return name if text == "1" else f"{name}^{text}"
