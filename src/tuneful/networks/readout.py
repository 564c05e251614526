"""A fixed linear readout of a network: what muscles would see."""

from typing import Any, NamedTuple

import numpy as np

from tuneful.networks.arguments import LARGEST, check_numbers, real_array


class Readout(NamedTuple):
    """The map from rates to an output, y = r w + b.

    weights
        w, (N,) for one output or (N, outputs); zero for cells that are not read.
    offset
        b, a scalar or (outputs,).
    """

    weights: Any
    offset: Any

    def __call__(self, rates: Any) -> Any:
        """The output, (times,) or (times, outputs), at rates (times, N); NumPy or JAX."""
        offset = self.offset[None] if np.ndim(self.offset) else self.offset  # one row a time
        return rates @ self.weights + offset


def fit_readout(
    rates: np.ndarray, target: np.ndarray, cells: np.ndarray | None = None, noise: float = 0.1
) -> Readout:
    r"""Readout whose output is closest to a target, by regularised least squares.

    It minimises sum_t |(r_t + eta) w + b - y_t|^2 in the mean over independent noise eta of variance noise^2 in all
    rates. This is ridge regression: the penalty is T noise^2 |w|^2 for T times. Without it, hundreds of cells fit
    any target by differences that the slightest noise destroys.

    Parameters
    ----------
    rates
        r, (T, N), Hz, for instance `rate_transients(...).rates`.
    target
        y, (T,) or (T, outputs).
    cells
        (N,), bool: those that are read, all by default. [Stroud et al. 2018] read the excitatory ones.
    noise
        Standard deviation in Hz that the readout has to bear; 0 for plain least squares (of least norm).

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, no cell is read, or the noise is negative.

    >>> readout = fit_readout(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), noise=0)
    >>> readout.weights.round(12), round(float(readout.offset), 12)
    (array([2.]), 1.0)
    """
    check_numbers(noise=noise)
    r, y = real_array("rates", rates), real_array("target", target)
    if r.ndim != 2 or y.ndim not in (1, 2) or len(y) != len(r) or not len(r):
        raise ValueError(
            f"rates (T, N) and target (T,) or (T, outputs) do not fit: they are {r.shape} and {y.shape}."
        )
    if not (np.isfinite(r).all() and np.isfinite(y).all()):
        raise ValueError("rates and target must be finite.")
    if not 0 <= noise < LARGEST:
        raise ValueError(f"noise must be 0 or more, not {noise}.")
    read = np.ones(r.shape[1], bool) if cells is None else np.asarray(cells)
    if read.dtype != bool or read.shape != r.shape[1:] or not read.any():
        raise ValueError(f"cells must be {r.shape[1]} truth values, not all of them False.")
    weights = np.zeros(r.shape[1:] + y.shape[1:])
    weights[read] = _ridge(r[:, read] - r[:, read].mean(axis=0), y - y.mean(axis=0), np.sqrt(len(r)) * noise)
    return Readout(weights, y.mean(axis=0) - r.mean(axis=0) @ weights)


def _ridge(a: np.ndarray, y: np.ndarray, weight: float) -> np.ndarray:
    """Minimise |a w - y|^2 + weight^2 |w|^2 as one problem of least squares, which does not square the condition."""
    count = a.shape[1]
    rows = np.vstack([a, weight * np.eye(count)])
    return np.linalg.lstsq(rows, np.concatenate([y, np.zeros((count, *y.shape[1:]))]), rcond=None)[0]
