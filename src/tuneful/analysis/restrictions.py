"""Tests of restrictions, such as that parameters are equal: by how much the loss rises where they are obeyed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from scipy.linalg import null_space

from tuneful.analysis.coordinates import COMMA, Coordinates
from tuneful.analysis.held_minimum import minimum_within
from tuneful.analysis.minimum import Minimum
from tuneful.circuits.parameters import Free
from tuneful.curves.comparison import is_rejected
from tuneful.errors import UserError
from tuneful.fitting.linearised import Linearised

if TYPE_CHECKING:
    from jaxtyping import Float

    from tuneful.analysis.local_problem import LocalProblem

RISE, KNOWN, POINT = range(3)  # columns of a row, the last and all after it
SAMPLES = 100_000  # of a weighted sum of chi-squares


@dataclass(frozen=True, eq=False)
class Restriction:
    """R eta = c on n unconstrained parameters, in words and in k independent rows."""

    words: str
    rows: Float[np.ndarray, "k n"]
    values: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, text: str, coordinates: Coordinates) -> Restriction:
        """Read ``dJ_EE = dJ_EI, sigma_EE = 0.5``: entries or whole parameters, equal to each other or to a number.

        Raises
        ------
        UserError
            For parameters that are not fitted or cannot be equal, values out of range, and what says nothing new.

        >>> from tuneful.circuits import SSN
        >>> found = Restriction.of("J_EE = J_EI", Coordinates(SSN(), ("J",)))
        >>> found.rows.tolist(), found.values.tolist()
        ([[1.0, -1.0, 0.0, 0.0]], [0.0])
        """
        found = [pair for part in COMMA.split(text) for pair in _equations(text, part, coordinates)]
        rows = np.array([row for row, _ in found])
        if np.linalg.matrix_rank(rows) < len(rows):
            raise UserError(f"--test {text!r}: some of these equations follow from the others, or contradict them.")
        return cls(text, rows, np.array([value for _, value in found]))

    def nearest(self, point: np.ndarray, spread: np.ndarray) -> Float[np.ndarray, " n"]:
        """The point that obeys it where a quadratic loss of this inverse curvature, lowest at `point`, is lowest."""
        across = spread @ self.rows.T
        return point - across @ np.linalg.solve(self.rows @ across, self.rows @ point - self.values)

    def weights(self, spread: np.ndarray, covariance: np.ndarray) -> Float[np.ndarray, " k"]:
        """Eigenvalues of (R H^-1 R^T)^-1 R V R^T, for the inverse curvature H^-1 and the covariance V."""
        rows = self.rows
        return np.linalg.eigvals(np.linalg.solve(rows @ spread @ rows.T, rows @ covariance @ rows.T)).real


def restricted_minimum(local: LocalProblem, minimum: Minimum, restriction: Restriction) -> Float[np.ndarray, " 2+n"]:
    """Minimise the loss among the parameters that obey a restriction; a row: the rise, whether known, and where."""
    spread, _ = minimum.robust_spread
    basis = null_space(restriction.rows)
    origin = restriction.nearest(minimum.point, spread)
    if not basis.shape[1]:  # nothing is left to be minimised over
        found, record = local.look(origin)
        return np.array([found.loss - minimum.around.loss, bool(record.taken), *origin], float)

    def within(found: Linearised, _: np.ndarray) -> Linearised:
        matrices = (basis.T @ matrix @ basis for matrix in (found.metric, found.noise, found.sampling))
        return Linearised(found.loss, basis.T @ found.gradient, *matrices)

    near = restriction.nearest(minimum.point, np.eye(len(origin)))
    begin, back = np.zeros(basis.shape[1]), basis.T @ (near - origin)
    found = minimum_within(local, lambda u: origin + basis @ u, within, begin, back)
    rise = float(found.around.loss - minimum.around.loss) if found.is_known else math.nan
    return np.array([rise, found.is_known, *(origin + basis @ found.point)], float)


def p_value(rise: float, weights: Sequence[float] | np.ndarray) -> float:
    r"""The chance of a rise as large as this where the restriction holds.

    The rise is then half a sum of independent chi-squares with one degree of freedom, weighted [Vuong 1989, sec. 3]:
    for the likelihood, weights are one, and it is Wilks' theorem. Of several, it is estimated from 100,000 draws.

    >>> round(p_value(1.92, [1.0]), 3), round(p_value(2.996, [1.0, 1.0]), 2)
    (0.05, 0.05)
    """
    known = np.maximum(np.asarray(weights, float), 0)
    if not rise > 0:
        return 1.0
    if len(known) == 1:
        return math.erfc(math.sqrt(rise / known[0])) if known[0] > 0 else 0.0
    sums = np.random.default_rng(0).chisquare(1, (SAMPLES, len(known))) @ known / 2
    return float((1 + np.sum(sums >= rise)) / (1 + SAMPLES))


def answer_to(
    restriction: Restriction, row: Float[np.ndarray, " 2+n"], minimum: Minimum, coordinates: Coordinates
) -> dict[str, Any]:
    """What a test says: the rise, its p-value, the restricted values, and a verdict in words."""
    spread, covariance = minimum.robust_spread
    if not row[KNOWN]:
        said = f"{restriction.words}: networks do not settle there, which cannot be tested."
        return {"restriction": restriction.words, "rise": None, "p_value": None, "parameters": None, "verdict": said}
    p = p_value(row[RISE], restriction.weights(spread, covariance))
    against = "speak against it" if is_rejected(p) else "do not speak against it"
    return {
        "restriction": restriction.words,
        "equations": len(restriction.rows),
        "rise": float(row[RISE]),
        "p_value": p,
        "parameters": coordinates.shaped(coordinates.own(row[POINT:])),
        "verdict": f"{restriction.words}: the data {against} (p = {p:.2g}).",
    }


def _equations(text: str, part: str, coordinates: Coordinates) -> list[tuple[np.ndarray, float]]:
    """Rows and values of one equation; a parameter with several entries makes one each."""
    sides = [side.strip() for side in part.split("=")]
    if len(sides) != 2 or not all(sides):
        raise UserError(f"--test {text!r}: write NAME = NAME or NAME = NUMBER, with commas between several.")
    left = coordinates.called(sides[0], f"--test {text!r}")
    n = np.eye(len(coordinates.entries))
    try:
        number = float(sides[1])
    except ValueError:
        right = coordinates.called(sides[1], f"--test {text!r}")
        if len(left) != len(right):
            raise UserError(f"--test {text!r}: the sides have {len(left)} and {len(right)} entries.") from None
        if any(_scale(coordinates, i) != _scale(coordinates, j) for i, j in zip(left, right, strict=True)):
            raise UserError(f"--test {text!r}: {sides[0]} and {sides[1]} are of different kinds.") from None
        return [(n[i] - n[j], 0.0) for i, j in zip(left, right, strict=True)]
    return [(n[i], _unconstrained(text, coordinates, i, number)) for i in left]


def _scale(coordinates: Coordinates, entry: int) -> float:
    """0 for a logarithm, else the size of a unit; a kind that is neither is no equal of anything."""
    if coordinates.is_logarithm[entry]:
        return 0.0
    about = _about(coordinates, entry)
    return about.constraint.scale if isinstance(about.constraint, Free) and about.reference is None else math.nan


def _unconstrained(text: str, coordinates: Coordinates, entry: int, number: float) -> float:
    about = _about(coordinates, entry)
    value = jnp.asarray(number, float)
    if math.isnan(_scale(coordinates, entry)):
        raise UserError(f"--test {text!r}: {coordinates.entries[entry]} depends on others and cannot be set alone.")
    if not bool(about.constraint.allows(value)):
        raise UserError(f"--test {text!r}: {number:g} is out of the range of {coordinates.entries[entry]}.")
    return float(about.constraint.to_unconstrained(value))


def _about(coordinates: Coordinates, entry: int) -> Any:
    """What is known of the parameter that an entry is of."""
    shaped = coordinates.shaped(coordinates.answer)
    owners = [name for name, values in shaped.items() for _ in range(np.size(values))]
    return coordinates.parameters[owners[entry]]
