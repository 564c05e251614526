"""What tuning curves can say about the parameters of the circuit that they come from."""

import jax
import numpy as np
from jaxtyping import Float

from tuneful.objectives import Measured, Moments
from tuneful.objectives.base import Generated

LOOK = Moments(log_above=0.1, ridge=0.01)  # small rates and directions of small variance count as well


def information(
    generated: Generated, tangents: Float[jax.Array, "curves conditions n"], look: Moments = LOOK
) -> Float[np.ndarray, "n n"]:
    r"""Estimate how much one curve says about n parameters, from curves at a point and their derivatives there.

    The information that the moments m of `look` have, J^T C^-1 J with J = dm / dtheta and C their covariance over
    curves: a lower bound of the Fisher information, and close to it for mean distances to many curves (a continuum
    of moments [Carrasco & Florens 2000]). The covariance of an efficient estimate from N curves is the inverse of N
    times it, the Cramér-Rao bound. J^T C^-1 J is estimated from pairs of different realisations, without bias for
    given C: directions of which the curves say nothing may come out slightly negative.

    Parameters
    ----------
    generated, tangents
        As `tuneful.fitting.linearised.realised_at` gives them.
    look
        How curves are seen, and from how many of them distances are taken.

    Returns
    -------
    np.ndarray
        (n, n), symmetric, per curve.

    Raises
    ------
    ValueError
        If fewer than two realisations were accepted.
    """
    if int((generated.realisation_weight > 0).sum()) < 2:
        raise ValueError("The information needs two realisations that settle: choose other parameters, or draw more.")
    key = jax.random.key(0)  # moments take no random numbers
    data = Measured.from_rates(np.asarray(generated.rates)[np.asarray(generated.weight) > 0])
    state = look.init(key, data)
    while float(state.damping) > 1.001 * look.damping:
        state = look.sharpened(state, lambda: generated, data)
    return np.asarray(look.sampling(generated, tangents, state, data, key).curvature, float) / 2


def bound(per_curve: Float[np.ndarray, "n n"], curves: int, prior: float = 1.0) -> Float[np.ndarray, "n n"]:
    """Covariance of n parameters that so many curves leave, if they were known to `prior` before.

    Of unconstrained parameters, logarithms of positive ones: with the default, one whose standard error stays near 1
    is not identified, as it may be wrong by a factor of e. Without a prior, the Cramér-Rao bound.

    >>> bound(np.diag([1.0, 0.0]), curves=99).round(2).tolist()
    [[0.01, 0.0], [0.0, 1.0]]
    """
    values, axes = np.linalg.eigh(per_curve)
    return axes / (curves * np.maximum(values, 0) + prior**-2) @ axes.T


def standard_errors(per_curve: Float[np.ndarray, "n n"], curves: int, prior: float = 1.0) -> Float[np.ndarray, " n"]:
    """Standard errors of n parameters, the square roots of the diagonal of their `bound`.

    >>> standard_errors(np.diag([1.0, 0.0]), curves=99).round(2).tolist()
    [0.1, 1.0]
    """
    return np.sqrt(np.diag(bound(per_curve, curves, prior)))
