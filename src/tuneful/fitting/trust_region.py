"""Steps of a minimisation whose curvature is known: as far as a model of the loss is trusted."""

import numpy as np

FLATTEST = 1e-7  # of the largest curvature: along directions flatter than this, it counts as this
LEAST = 1e-100  # curvature of a model without any, so that steps remain numbers


def trust_region_step(gradient: np.ndarray, metric: np.ndarray, radius: float) -> np.ndarray:
    r"""Minimise the model g.s + s.Hs / 2 of a change of the loss over steps s no longer than `radius`.

    The minimum is s = -(H + shift)^-1 g with the least shift that makes s short enough [Moré & Sorensen 1983]: flat
    directions are held back before steep ones, as in the method of Levenberg and Marquardt.

    Parameters
    ----------
    gradient
        g, (n,).
    metric
        H, (n, n), symmetric; what is not positive in it counts as flat.
    radius
        The largest Euclidean length of s.

    Returns
    -------
    np.ndarray
        s, (n,).

    >>> trust_region_step(np.array([2.0, 0.0]), np.diag([4.0, 1.0]), 1.0).tolist()
    [-0.5, 0.0]
    >>> trust_region_step(np.array([2.0, 0.0]), np.diag([4.0, 1.0]), 0.25).round(6).tolist()
    [-0.25, 0.0]
    """
    curvature, axes = spectrum(metric)
    return -axes @ (axes.T @ gradient / (curvature + shift_within(gradient, metric, radius)))


def shift_within(gradient: np.ndarray, metric: np.ndarray, radius: float) -> float:
    """The shift of a `trust_region_step`; 0 if the whole step is within its radius."""
    from scipy.optimize import root_scalar  # slow to import, and a fit without refinement needs none of it

    curvature, axes = spectrum(metric)
    slope = axes.T @ gradient

    def length(shift: float) -> float:
        return float(np.linalg.norm(slope / (curvature + shift)))

    if length(0.0) <= radius:
        return 0.0
    # There the step is shorter, whatever the curvature, and by more than rounding.
    end = (1 + 1e-9) * float(np.linalg.norm(slope)) / radius
    found = root_scalar(lambda s: length(s) - radius, bracket=(0.0, end))
    return float(found.root)


def feigned_gain(metric: np.ndarray, noise: np.ndarray, shift: float) -> float:
    """What steps with this shift promise on average where only noise, of covariance (n, n), makes a gradient.

    >>> feigned_gain(np.eye(2), np.eye(2), 0.0)  # tr H^-1 S / 2
    1.0
    """
    curvature, axes = spectrum(metric)
    variance = np.einsum("ka,kl,la->a", axes, noise, axes)
    shifted = curvature + shift
    return float(np.sum(variance * (1 - curvature / (2 * shifted)) / shifted))


def newton_step(gradient: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """The step to where the model is lowest, -H^-1 g, however long, (n,)."""
    curvature, axes = spectrum(metric)
    return -axes @ (axes.T @ gradient / curvature)


def inverse(metric: np.ndarray) -> np.ndarray:
    """H^-1, (n, n), with the curvature of flat directions bounded from below."""
    curvature, axes = spectrum(metric)
    return axes / curvature @ axes.T


def spectrum(metric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures in ascending order, (n,), none below the flattest, and their directions, one a column, (n, n)."""
    curvature, axes = np.linalg.eigh(metric)
    return np.maximum(curvature, max(FLATTEST * curvature[-1], LEAST)), axes
