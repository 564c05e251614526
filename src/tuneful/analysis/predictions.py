"""Predictions with bands: anything that is computed of a circuit, over draws of what the data leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import jax
import numpy as np

from tuneful.descents import AbstractDescent, Ending, Keeper, Observer, Outcome, end_of
from tuneful.display import card
from tuneful.networks.arguments import shown
from tuneful.plain import plain

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.circuits import AbstractCircuit

OTHER_KEYS = 8  # at which the answer is looked at again: what another sample of realisations would say
SHAPELESS = "A prediction must be a number, an array of numbers, or several of these by name"
NAMELESS = "value"  # of what a function returns without a name

# From a circuit and a random key to numbers, arrays, or several of them by name.
Function = Callable[["AbstractCircuit", "Array"], Any]


@final
@dataclass(frozen=True, eq=False)
class Predictions:
    """What a circuit predicts, by name: values of any shape, NaN where there is none.

    values
        At the estimate.
    draws
        At every draw of the parameters, (draws, ...), all with the random numbers of `values`.
    others
        At the estimate with other random numbers, (keys, ...).
    truth
        At the true parameters, with the random numbers of `values`; empty if they are not known.
    level
        Of the bands.
    """

    values: Mapping[str, np.ndarray]
    draws: Mapping[str, np.ndarray]
    others: Mapping[str, np.ndarray]
    truth: Mapping[str, np.ndarray]
    level: float

    def band(self, name: str) -> np.ndarray:
        """Lower end, median and upper end over the draws that have a value."""
        ends = (1 - self.level) / 2, 0.5, (1 + self.level) / 2
        return over_known(self.draws[name], lambda known: np.quantile(known, ends), 3)

    def simulation_error(self, name: str) -> np.ndarray:
        """By how much values, and whole bands, would move with other realisations: one standard error."""
        whole = np.concatenate([self.values[name][None], self.others[name]])
        return over_known(whole, lambda known: [known.std(ddof=1) if len(known) > 1 else np.nan], 1)[0]

    def lost(self, name: str) -> np.ndarray:
        """How many draws have no value."""
        return (~np.isfinite(self.draws[name])).sum(axis=0)

    def table(self) -> dict[str, dict[str, Any]]:
        """By name: value, low, median, high, simulation_error, lost and truth, lists of the shape of the value."""
        return plain({name: self._row(name) for name in self.values})

    def _row(self, name: str) -> dict[str, Any]:
        low, median, high = self.band(name)
        return {
            "value": self.values[name], "low": low, "median": median, "high": high,
            "simulation_error": self.simulation_error(name), "lost": self.lost(name), "truth": self.truth.get(name),
        }  # fmt: skip

    def __repr__(self) -> str:
        n = len(next(iter(self.draws.values()), ()))
        return f"<Predictions of {', '.join(self.values)} with {100 * self.level:g} % bands over {n} draws>"

    def _repr_html_(self) -> str:
        rows = [(name, *(row[key] for key in ("value", "low", "high"))) for name, row in self.table().items()]
        return card("Predictions", repr(self).strip("<>"), (("", "value", "low", "high"), rows))


def over_known(
    values: np.ndarray, summary: Callable[[np.ndarray], Sequence[float] | np.ndarray], size: int
) -> np.ndarray:
    """Summarise the first axis by `size` numbers, without what is not finite; NaN where nothing is.

    >>> over_known(np.array([[1.0, np.nan], [3.0, np.nan]]), lambda known: [known.mean()], 1).tolist()
    [[2.0, nan]]
    """
    columns = values.reshape(len(values), -1).T
    known = [column[np.isfinite(column)] for column in columns]
    found = [summary(own) if len(own) else np.full(size, np.nan) for own in known]
    return np.array(found).reshape(-1, size).T.reshape(size, *values.shape[1:])


def predict(
    function: Function,
    estimate: AbstractCircuit,
    draws: Sequence[AbstractCircuit],
    key: Array,
    *,
    truth: AbstractCircuit | None = None,
    level: float = 0.9,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> Predictions:
    """Evaluate a function of the circuit at the estimate, at draws of its parameters, and at the truth.

    All with one key, so that what differs between draws are the parameters; and at the estimate with others, whose
    scatter says what the simulation leaves open.

    Parameters
    ----------
    function
        From a circuit and a random key to a number, an array, or several by name; of the same shapes for all.
    estimate, draws, truth
        The circuit at the parameters of each; no truth if it is not known.
    key
        Of the evaluations that are compared.
    level
        Of the bands.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    ValueError
        If the function returns something else than numbers, or other shapes at other parameters.
    KeyboardInterrupt
        If an observer asked to stop.
    """
    descent = PredictionDescent(function, estimate, draws, key, truth)
    return descent.predictions(end_of(descent, keeper=keeper, observers=observers), level)


@final
class PredictionDescent(AbstractDescent[np.ndarray, str]):
    """One evaluation of the function a step; the state has a row of all its numbers for each, (evaluations, n)."""

    def __init__(
        self,
        function: Function,
        estimate: AbstractCircuit,
        draws: Sequence[AbstractCircuit],
        key: Array,
        truth: AbstractCircuit | None,
    ):
        self._function = function
        others = [(estimate, jax.random.fold_in(key, i)) for i in range(OTHER_KEYS)]
        known = [] if truth is None else [(truth, key)]
        self._todo = [*others, *known, *((circuit, key) for circuit in draws)]
        self._n_known = len(known)
        self._values = numbers_by_name(function(estimate, key))

    def init(self) -> np.ndarray:
        return np.zeros((0, sum(map(np.size, self._values.values()))))

    def step(self, state: np.ndarray) -> tuple[np.ndarray, str]:
        """Evaluate the function at what is next; a row of numbers is added."""
        found = numbers_by_name(self._function(*self._todo[len(state)]))
        shapes, expected = ({name: v.shape for name, v in values.items()} for values in (found, self._values))
        if shapes != expected:
            raise ValueError(f"The function returned {shapes} at a draw, and {expected} at the estimate.")
        row = np.concatenate([np.ravel(found[name]) for name in self._values])
        number, draws = len(state) + 1 - OTHER_KEYS - self._n_known, len(self._todo) - OTHER_KEYS - self._n_known
        said = f"draw {number} of {draws}" if number > 0 else "the estimate, with other random numbers"
        return np.vstack([state, row]), said

    def steps(self, state: np.ndarray) -> int:
        return len(state)

    def ending(self, state: np.ndarray) -> Ending | None:
        return Ending(Outcome.REACHED, "all draws are known") if len(state) == len(self._todo) else None

    def pack(self, state: np.ndarray) -> Any:
        return state

    def unpack(self, arrays: Any) -> np.ndarray:
        return np.asarray(arrays)

    def predictions(self, state: np.ndarray, level: float) -> Predictions:
        """What all evaluations say."""
        begin, end = OTHER_KEYS, OTHER_KEYS + self._n_known
        others, truth, draws = (self._by_name(rows) for rows in np.split(state, [begin, end]))
        known = {name: rows[0] for name, rows in truth.items()} if self._n_known else {}
        return Predictions(self._values, draws, others, known, level)

    def _by_name(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([np.size(value) for value in self._values.values()])[:-1]
        parts = zip(self._values.items(), np.split(rows, ends, axis=1), strict=True)
        return {name: part.reshape(len(rows), *value.shape) for (name, value), part in parts}


def numbers_by_name(found: Any) -> dict[str, np.ndarray]:
    """What a function returned, as arrays of numbers by name.

    Raises
    ------
    ValueError
        If it is something else, or nothing.

    >>> {name: value.tolist() for name, value in numbers_by_name(3).items()}
    {'value': 3.0}
    """
    named = found if isinstance(found, Mapping) else {NAMELESS: found}
    try:
        values = {str(name): np.asarray(value) for name, value in named.items()}
    except ValueError as error:
        raise ValueError(f"{SHAPELESS}.") from error
    if not values or any(value.dtype.kind not in "biuf" for value in values.values()):
        raise ValueError(f"{SHAPELESS}, not {shown(found)}.")
    return {name: value.astype(float) for name, value in values.items()}


def mean_slopes(
    points: Float[np.ndarray, "draws n"], values: Float[np.ndarray, " draws"]
) -> tuple[Float[np.ndarray, " n"], float]:
    """Find how a prediction changes with n parameters, on the mean over draws, and how much of its variance that is.

    Slopes of least squares: those of the delta method where the prediction is linear over the draws, and of normal
    draws the mean of its gradient in any case, by Stein's identity. Draws without a value are left out.

    Raises
    ------
    ValueError
        For fewer than twice as many draws as slopes, or a prediction that does not vary.

    >>> points = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> slopes, share = mean_slopes(points, 2 * points[:, 0] + 5)
    >>> slopes.round(6).tolist(), round(share, 6)
    ([2.0], 1.0)
    """
    known = np.isfinite(values)
    points, values = points[known], values[known]
    n = points.shape[1]
    if len(points) < 2 * (n + 1):
        raise ValueError(f"{len(points)} draws have a value, and slopes in {n} parameters need {2 * (n + 1)}.")
    centred, rest = points - points.mean(axis=0), values - values.mean()
    whole = float(rest @ rest)
    if not whole > 0:
        raise ValueError("it is the same at all draws, so that nothing is to be learnt of it.")
    slopes = np.linalg.lstsq(centred, rest)[0]
    left = rest - centred @ slopes
    return slopes, 1 - float(left @ left) / whole
