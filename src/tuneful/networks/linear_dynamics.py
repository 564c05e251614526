"""Transients of the linear dynamics: what activity does after it was set to an initial state."""

import numpy as np
from scipy.linalg import expm

SAME = 1e-12  # of the last time: steps of a regular grid differ by rounding


def linear_transients(weights: np.ndarray, states: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Activity x(t) = exp(A t) a after initial states a, with A = W - 1 [Hennequin et al. 2014].

    Exact at every time: the propagator is computed once for a regular grid, and once for every different step else.
    The circuit need not be stable.

    Parameters
    ----------
    weights
        W, (N, N), rows post-synaptic.
    states
        Initial states a, (N,) or, one a column as `preferred_states` has them, (N, k).
    times
        (T,), in units of the time constant tau; not negative, not decreasing.

    Returns
    -------
    (T, N) or (T, N, k), in the unit of the states.

    Raises
    ------
    ValueError
        If the shapes do not fit, or times are negative or decrease.

    >>> linear_transients(np.array([[0.0, 4.0], [0.0, 0.0]]), np.array([0.0, 1.0]), np.array([0.0, 1.0])).round(4)
    array([[0.    , 1.    ],
           [1.4715, 0.3679]])
    """
    states, times = np.asarray(states, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if states.ndim not in (1, 2) or len(states) != len(weights):
        raise ValueError(f"States have shape ({len(weights)},) or ({len(weights)}, k), not {states.shape}.")
    steps = np.diff(times, prepend=0.0)
    if times.ndim != 1 or not (steps >= 0).all():
        raise ValueError("times must be numbers in order, none of them negative.")
    activity, now, known, propagator = np.empty((len(times), *states.shape)), states, 0.0, np.eye(len(weights))
    for i, step in enumerate(steps):
        if abs(step - known) > SAME * times[-1]:
            known, propagator = step, expm((weights - np.eye(len(weights))) * step)
        now = propagator @ now
        activity[i] = now
    return activity


def effective_matrix(weights: np.ndarray, time_constants: np.ndarray) -> np.ndarray:
    """M = 1 + T^-1 (W - 1): equal to W if all time constants are 1.

    >>> effective_matrix(np.array([[0.0, -2.0], [1.0, 0.0]]), np.array([1.0, 0.5]))
    array([[ 0., -2.],
           [ 2., -1.]])
    """
    identity = np.eye(len(weights))
    return identity + (weights - identity) / time_constants[:, None]
