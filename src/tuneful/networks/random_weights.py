"""Random networks of excitatory and inhibitory cells: the starting point of a stability-optimised circuit.

Weights are float64 NumPy arrays and the draws come from a NumPy generator, not from a JAX key: spectra and Lyapunov
equations of these networks are computed in LAPACK, and nothing is differentiated through the draw. The seed is always
passed.
"""

import math
import numbers
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float

from tuneful.networks.arguments import check_counts, check_numbers

Distribution = Literal["constant", "lognormal"]
MOST_CELLS = 16_000  # their matrix has 2 GiB
MOST_SPREAD = 10.0  # of the logarithm: of wider ones, one weight is all
SMALLEST = 1e-100  # largest weight: squares and products of smaller ones are lost


@dataclass(frozen=True, eq=False)
class RandomNetwork:
    """A weight matrix that obeys Dale's law, and the type of its cells.

    weights
        (N, N), float64; rows are post-synaptic, columns pre-synaptic. No unit: input per activity.
    excitatory
        (N,), bool. Columns of excitatory cells are >= 0, all others <= 0.
    """

    weights: Float[np.ndarray, "n n"]
    excitatory: Bool[np.ndarray, " n"]

    def __repr__(self) -> str:
        return f"<RandomNetwork of {len(self.weights)} cells, {int(self.excitatory.sum())} excitatory>"


def excitatory_weight(
    n: int, density: float, radius: float, gamma: float, excitatory_fraction: float, spread: float = 0.0
) -> float:
    """Weight of an excitatory connection for which the spectrum fills a disc of the given radius.

    w0 / sqrt(N) with w0 = R / sqrt((p c - p^2) (q + (1 - q) gamma^2)), p the density, q the excitatory fraction and
    c = exp(spread^2) the mean square of a weight over its squared mean: N times the mean variance of an entry is R^2
    [Rajan & Abbott 2006]. With c = 1 and q = 1/2 it is the w0 of Hennequin, Vogels & Gerstner 2014.

    >>> round(excitatory_weight(200, density=0.1, radius=10, gamma=3, excitatory_fraction=0.5), 4)
    1.0541
    """
    variance = density * math.exp(spread**2) - density**2
    columns = excitatory_fraction + (1 - excitatory_fraction) * gamma**2
    return radius / math.sqrt(n * variance * columns)


def random_network(
    n: int,
    seed: int | np.random.Generator,
    *,
    density: float = 0.1,
    radius: float = 10.0,
    gamma: float = 3.0,
    excitatory_fraction: float = 0.5,
    distribution: Distribution = "constant",
    spread: float = 1.0,
    allowed: np.ndarray | None = None,
) -> RandomNetwork:
    """Draw a sparse random network whose inhibitory weights are gamma times the excitatory ones.

    The construction of Hennequin, Vogels & Gerstner (2014): exactly round(p M) of the M allowed places hold a
    connection, all sets of places being equally likely. The first round(q N) cells are excitatory.

    Parameters
    ----------
    n
        Number of cells N.
    seed
        An integer or a NumPy generator; the same seed gives the same network.
    density
        p, the fraction of allowed places that hold a connection, in (0, 1).
    radius
        R, the radius of the disc of eigenvalues: about the spectral abscissa of the network.
    gamma
        Inhibitory over excitatory weight.
    excitatory_fraction
        q in (0, 1).
    distribution
        "constant": all weights of a type are equal. "lognormal": they are multiplied by exp(spread x - spread^2 / 2)
        with x standard normal, which has mean 1; the radius stays R.
    spread
        Standard deviation of the logarithm of the weights; used by "lognormal" only.
    allowed
        (N, N), bool: where connections may be; by default everywhere but on the diagonal. `radius` is exact in the
        mean for the default only.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the mask has another shape.

    >>> network = random_network(200, seed=1)
    >>> int((network.weights != 0).sum()), int(network.excitatory.sum())
    (3980, 100)
    """
    check_numbers(density=density, radius=radius, gamma=gamma, excitatory_fraction=excitatory_fraction, spread=spread)
    check_counts(least=2, n=n)
    if not isinstance(seed, np.random.Generator):
        check_counts(seed=seed)
    _check(n, density, radius, gamma, excitatory_fraction)
    if distribution not in ("constant", "lognormal"):
        raise ValueError(f"distribution must be 'constant' or 'lognormal', not {distribution!r}.")
    if not 0 <= spread <= MOST_SPREAD:
        raise ValueError(f"spread must be 0 to {MOST_SPREAD:g}, not {spread:g}.")
    rng = np.random.default_rng(seed)
    places = np.flatnonzero(_allowed_places(n, allowed))
    chosen = rng.permutation(places)[: round(density * len(places))]
    if not len(chosen):
        raise ValueError(f"No connection: density {density:g} of {len(places)} allowed places rounds to none.")
    sigma = spread if distribution == "lognormal" else 0.0
    excitatory = np.arange(n) < round(excitatory_fraction * n)
    weight = excitatory_weight(n, density, radius, gamma, float(excitatory.mean()), sigma)
    weights = np.zeros(n * n)
    weights[chosen] = weight
    if sigma:
        weights[chosen] *= rng.lognormal(-(sigma**2) / 2, sigma, len(chosen))
    weights = weights.reshape(n, n) * np.where(excitatory, 1.0, -gamma)
    return RandomNetwork(weights, excitatory)


def random_networks(count: int, n: int, seed: int, **options: Any) -> list[RandomNetwork]:
    """Draw `count` independent networks; options as for `random_network`.

    Network i depends on the seed and on i alone, not on how many are drawn.

    >>> first, second = random_networks(2, n=50, seed=0)
    >>> bool((first.weights == second.weights).all())
    False
    """
    return [random_network(n, np.random.default_rng([seed, i]), **options) for i in range(count)]


def cell_types(weights: np.ndarray) -> np.ndarray:
    """Read the type of every cell off the signs of its column: (N,) bool, True for excitatory.

    Raises
    ------
    ValueError
        If the matrix is not square, not finite, or a column has both signs or none (give the types yourself then).

    >>> cell_types(np.array([[0.0, -2.0], [1.0, 0.0]]))
    array([ True, False])
    """
    weights = as_square_matrix(weights)
    positive, negative = np.any(weights > 0, axis=0), np.any(weights < 0, axis=0)
    is_transposed = not (np.any(weights > 0, axis=1) & np.any(weights < 0, axis=1)).any()
    hint = "; each row has one, so rows look presynaptic: transpose the matrix" if is_transposed else ""
    why = f"has both signs: a cell is excitatory or inhibitory (Dale's law){hint}"
    _refuse_columns(positive & negative, why)
    _refuse_columns(~(positive | negative), "has no connection, so its type is unknown: pass `excitatory`")
    return positive


def user_network(weights: np.ndarray, excitatory: np.ndarray | None = None) -> RandomNetwork:
    """Check a matrix of your own against Dale's law.

    Parameters
    ----------
    weights
        (N, N), rows post-synaptic.
    excitatory
        (N,), bool; by default read off the signs of the columns.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, or a column has the sign of the other type.

    >>> user_network(np.array([[0.0, -2.0], [1.0, 0.0]]), excitatory=np.array([True, False])).excitatory
    array([ True, False])
    """
    weights = as_square_matrix(weights)
    if excitatory is None:
        return RandomNetwork(weights, cell_types(weights))
    types = np.asarray(excitatory)
    if types.shape != weights.shape[:1] or types.dtype != bool:
        raise ValueError(
            f"excitatory must be {len(weights)} truth values, one a column, not {types.dtype} of shape {types.shape}."
        )
    _refuse_columns(types & np.any(weights < 0, axis=0), "is excitatory and has a negative weight")
    _refuse_columns(~types & np.any(weights > 0, axis=0), "is inhibitory and has a positive weight")
    return RandomNetwork(weights, types)


def as_square_matrix(weights: Any) -> np.ndarray:
    """Convert to a float64 matrix, or raise a `ValueError` that says why it is none.

    Sparse matrices of SciPy, data frames and nested lists are matrices, too.

    >>> as_square_matrix(np.eye(2)).dtype
    dtype('float64')
    """
    try:
        shape = tuple(weights.shape) if hasattr(weights, "shape") else np.shape(weights)
    except ValueError:
        raise ValueError("A weight matrix has rows of equal length, one for every cell.") from None
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"A weight matrix has shape (cells, cells), not {shape}.")
    if shape[0] > MOST_CELLS:
        raise ValueError(f"A matrix of {shape[0]} cells is too large: at most {MOST_CELLS} are possible.")
    matrix = as_real(weights)
    if not np.isfinite(matrix).all():
        raise ValueError(f"The weight matrix has {int((~np.isfinite(matrix)).sum())} entries that are not finite.")
    largest = np.abs(matrix).max()
    if largest and not SMALLEST <= largest <= 1 / SMALLEST:
        raise ValueError(
            f"The largest weight is {largest:.3g}, outside of {SMALLEST:g} to {1 / SMALLEST:g}: in another unit of "
            "activity it would be nearer to 1."
        )
    return matrix


def as_real(values: Any) -> np.ndarray:
    """Convert to a float64 array, or raise a `ValueError` if these are not real numbers.

    >>> as_real(np.array([1 + 0j]))
    Traceback (most recent call last):
    ValueError: Weights are real numbers, not complex ones: their imaginary parts are all zero, so take the real part.
    """
    if np.ma.is_masked(values):
        raise ValueError("Weights have masked entries: fill them (`.filled(0)`) first.")
    dense: Any = values.toarray() if scipy.sparse.issparse(values) else np.asarray(values)
    if dense.dtype.kind == "c":
        many = int(np.count_nonzero(dense.imag))
        part = (
            f"{many} imaginary parts are not zero"
            if many
            else "their imaginary parts are all zero, so take the real part"
        )
        raise ValueError(f"Weights are real numbers, not complex ones: {part}.")
    if dense.dtype.kind == "O" and all(isinstance(value, numbers.Real) for value in dense.flat):
        dense = dense.astype(np.float64)
    if dense.dtype.kind not in "biuf":
        raise ValueError(f"Weights are real numbers, not values of type {dense.dtype}: save or pass them as floats.")
    return np.array(dense, dtype=np.float64)


def _refuse_columns(wrong: Any, why: str) -> None:
    columns = np.flatnonzero(wrong)
    if len(columns):
        more = f" (and {len(columns) - 1} others)" if len(columns) > 1 else ""
        raise ValueError(f"Column {columns[0]}{more} {why}.")


def _check(n: int, density: float, radius: float, gamma: float, excitatory_fraction: float) -> None:
    if n > MOST_CELLS:
        raise ValueError(f"A network has 2 to {MOST_CELLS} cells, not {n}.")
    if not 0 < density < 1:
        raise ValueError(f"density must be between 0 and 1, not {density:g}.")
    if not (SMALLEST <= radius <= 1 / SMALLEST and SMALLEST <= gamma <= 1 / SMALLEST):
        raise ValueError(
            f"radius and gamma must be positive, {SMALLEST:g} to {1 / SMALLEST:g}, not {radius:g} and {gamma:g}."
        )
    if not 0 < round(excitatory_fraction * n) < n:
        raise ValueError(
            f"excitatory_fraction = {excitatory_fraction:g} of {n} cells leaves one type without a cell."
        )


def _allowed_places(n: int, allowed: np.ndarray | None) -> np.ndarray:
    return ~np.eye(n, dtype=bool) if allowed is None else as_mask(allowed, n)


def as_mask(allowed: np.ndarray, n: int) -> np.ndarray:
    """Check that `allowed` says of every pair of n cells whether it may be connected: (n, n), bool.

    >>> as_mask(np.ones((2, 3)), 2)
    Traceback (most recent call last):
    ValueError: allowed must be truth values of shape (2, 2), not float64 of shape (2, 3).
    """
    mask = np.asarray(allowed)
    if mask.shape != (n, n) or mask.dtype != bool:
        raise ValueError(f"allowed must be truth values of shape {(n, n)}, not {mask.dtype} of shape {mask.shape}.")
    return mask
