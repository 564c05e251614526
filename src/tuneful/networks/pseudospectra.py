r"""Pseudospectra of a weight matrix: how far its eigenvalues move under perturbations [Trefethen & Embree 2005].

z is an eigenvalue of W + E for some E with ||E||_2 <= eps iff sigma_min(z - W) <= eps. For normal W this is the
distance from z to the nearest eigenvalue; the less normal W is, the smaller it becomes.

With one complex Schur form W = U T U^H, sigma_min(z - W) = sigma_min(z - T), and sigma_min^-2 is the largest
eigenvalue of (z - T)^-1 (z - T)^-H, found by Lanczos iteration: two triangular solves a step [Trefethen 1999].
Triangles of different z differ on the diagonal only. Many z are therefore solved for at once by substitution in
blocks of rows, so that nearly all operations are products of a block of T with a matrix that has one column a z.
"""

from typing import Any

import numpy as np
from scipy.linalg import schur

from tuneful.networks.arguments import check_numbers, real_array, shown
from tuneful.networks.random_weights import SMALLEST, as_square_matrix

BLOCK = 25  # rows: 16 to 32 were equally fast
CHUNK = 500  # points at once: the vectors of a chunk stay in the cache
STRIDE = 3  # Lanczos steps between two tests of convergence
MAX_ITERATIONS = 50  # of the criss-cross method; 3 to 5 are usual


def pseudospectrum(weights: np.ndarray, points: np.ndarray, tolerance: float = 0.01) -> np.ndarray:
    r"""Smallest singular value of z - W at every point z: the pseudospectrum of level eps is where it is <= eps.

    Parameters
    ----------
    weights
        W, (N, N), real.
    points
        Complex, of any shape. On the line z = 1 + i w, 1 / sigma_min is the gain of dx/dt = (W - 1) x for its best
        input of frequency w. Values at conjugate points are equal: half of the plane is enough.
    tolerance
        On the residual of sigma_min^-2, relative to it: some singular value is then within half of it, and in
        practice sigma_min is within its square. Values are too large if anything, but for rounding, which blurs
        them below about 1e-16 ||W||: they can be 0.

    Returns
    -------
    sigma_min(z - W), of the shape of the points.

    Raises
    ------
    ValueError
        If W is not square and finite, a point is not finite, or the tolerance is not in (0, 1).

    >>> chain = np.array([[0.0, 4.0], [0.0, 0.0]])
    >>> pseudospectrum(chain, np.array([[1.0, 2j]])).round(4)
    array([[0.2361, 0.8284]])
    """
    z = _points(points)
    check_numbers(tolerance=tolerance)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, not {tolerance}.")
    triangle = np.asarray(schur(as_square_matrix(weights), output="complex", check_finite=False)[0])
    flat = z.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [_smallest(triangle, flat[k : k + CHUNK], tolerance) for k in range(0, len(flat), CHUNK)]
    return np.concatenate([np.empty(0), *parts]).reshape(z.shape)


def kreiss_bound(points: np.ndarray, sigma: np.ndarray) -> float:
    r"""A lower bound on the peak of ||exp(At)||, A = W - 1: max Re(z - 1) / sigma_min(z - W) [Kreiss 1962].

    Parameters
    ----------
    points, sigma
        Complex z, and the result of `pseudospectrum` there. The finer the points right of Re z = 1, the sharper the
        bound; points elsewhere do not count. The norm at t = 0 makes 1 a bound too.

    >>> points = np.array([2.0, 3.0])
    >>> round(kreiss_bound(points, pseudospectrum(np.array([[0.0, 8.0], [0.0, 0.0]]), points)), 3)
    2.118
    """
    growth, values = np.real(_points(points)) - 1, real_array("sigma", sigma)
    if growth.shape != values.shape:
        raise ValueError(f"points and sigma have the shapes {growth.shape} and {values.shape}: one value a point.")
    with np.errstate(divide="ignore", over="ignore"):  # an eigenvalue right of the axis: no bound
        ratios = np.divide(growth, values, out=np.zeros(values.shape), where=growth > 0)
    return float(max(1.0, ratios.max(initial=1.0)))


def pseudospectral_abscissa(weights: np.ndarray, eps: float) -> float:
    r"""Largest spectral abscissa of W + E over complex E with ||E||_2 <= eps: max Re z where sigma_min(z - W) <= eps.

    By the criss-cross method [Burke, Lewis & Overton 2003]: from a point of the pseudospectrum go right as far as it
    reaches, find where the vertical line there crosses it, go right again from the middle of each piece, and so on;
    the order of convergence is two. On a horizontal or vertical line, sigma_min = eps where a matrix of size 2N has
    real or imaginary eigenvalues. For 200 cells this takes seconds.

    Parameters
    ----------
    weights
        W, (N, N), real.
    eps
        Positive. Activity stays stable under all perturbations of that size if the result is below 1.

    Raises
    ------
    ValueError
        If W is not square and finite, or eps is not positive.

    >>> chain = np.array([[0.0, 4.0], [0.0, 0.0]])
    >>> round(pseudospectral_abscissa(chain, 0.5), 9)  # sqrt(eps^2 + 4 eps)
    1.5
    """
    w = as_square_matrix(weights)
    check_numbers(eps=eps)
    if not SMALLEST <= eps <= 1 / SMALLEST:
        raise ValueError(f"eps must be positive, {SMALLEST:g} to {1 / SMALLEST:g}, not {eps}.")
    eigenvalues = np.linalg.eigvals(w)
    rightmost = eigenvalues[eigenvalues.real.argmax()]
    # Eigenvalues that touch an axis come in pairs: rounding of order 1e-16 moves them off by its root.
    off_axis = 1e-7 * float(np.linalg.norm(w, 2) + eps)
    x, heights = rightmost.real, np.array([rightmost.imag])
    for _ in range(MAX_ITERATIONS):
        reached = max((_reach(w, eps, y, off_axis) for y in heights), default=x)
        if reached - x <= 1e-3 * off_axis:
            break
        x, heights = reached, _pieces(w, eps, reached, off_axis)
    return float(max(x, reached))


def _points(points: Any) -> np.ndarray:
    """Finite complex numbers, or a `ValueError`."""
    try:
        z = np.asarray(points, np.complex128)
    except (TypeError, ValueError):
        raise ValueError(f"points must be complex numbers, not {shown(points)}.") from None
    if not (np.abs(z) <= 1 / SMALLEST).all():
        raise ValueError(f"{int((~(np.abs(z) <= 1 / SMALLEST)).sum())} of the points are not finite, or too large.")
    return z


def _reach(w: np.ndarray, eps: float, y: float, off_axis: float) -> float:
    """Largest x with an eps among the singular values of x + iy - W = A: x is real and an eigenvalue.

    A v = eps u and A^H u = eps v, written as an eigenvalue problem for x and (u, v).
    """
    i = np.eye(len(w))
    values = np.linalg.eigvals(np.block([[w.T + 1j * y * i, eps * i], [eps * i, w - 1j * y * i]]))
    return float(values.real[np.abs(values.imag) < off_axis].max(initial=-np.inf))


def _pieces(w: np.ndarray, eps: float, x: float, off_axis: float) -> np.ndarray:
    """Middles, at y >= 0, of the pieces of the line Re z = x inside the pseudospectrum: iy is now the eigenvalue."""
    i = np.eye(len(w))
    values = np.linalg.eigvals(np.block([[x * i - w.T, -eps * i], [eps * i, w - x * i]]))
    crossings = np.sort(values.imag[np.abs(values.real) < off_axis])
    middles = (crossings[1:] + crossings[:-1]) / 2
    middles = middles[middles > -off_axis]  # the other half is its mirror image
    return middles[pseudospectrum(w, x + 1j * middles, 1e-6) < eps]


def _smallest(triangle: np.ndarray, z: np.ndarray, tolerance: float) -> np.ndarray:
    """sigma_min(z - T) by Lanczos iteration on (z - T)^-1 (z - T)^-H, for all z side by side.

    The residual of a Ritz pair (theta, V y) is beta |last entry of y|. Points that have converged are left out.
    """
    n, result, rest = len(triangle), np.empty(len(z)), np.arange(len(z))
    flipped = np.conj(triangle.T[::-1, ::-1])  # T^H, upper triangular in the reversed order of rows
    pivots = _inverse_pivots(triangle, z)
    v, before = np.repeat(_start(n)[:, None], len(z), axis=1), np.zeros((n, len(z)), complex)
    alphas, betas = np.empty((0, len(z))), np.zeros((1, len(z)))
    for k in range(1, 2 * n + 1):
        half = solve_triangles(flipped, pivots[::-1].conj(), v[::-1])[::-1]
        w = solve_triangles(triangle, pivots, half) - betas[-1] * before
        alphas = np.vstack([alphas, np.einsum("ij,ij->j", v.conj(), w).real])
        w -= alphas[-1] * v
        betas = np.vstack([betas, np.linalg.norm(w, axis=0)])
        before, v = v, w / np.maximum(betas[-1], np.finfo(float).tiny)
        if k % STRIDE and k < n:
            continue
        is_finite = np.isfinite(alphas).all(axis=0) & np.isfinite(betas).all(axis=0)
        largest, residual = _ritz(np.where(is_finite, alphas, 0), np.where(is_finite, betas, 0))
        # What overflows exceeds 1e150 (its squares are summed): sigma, below 1e-75, is zero to rounding.
        result[rest] = np.divide(1, np.sqrt(largest), out=np.zeros(len(rest)), where=is_finite)
        going_on = is_finite & (residual > tolerance * largest)
        if not going_on.any():
            break
        rest, pivots, v, before = rest[going_on], pivots[:, going_on], v[:, going_on], before[:, going_on]
        alphas, betas = alphas[:, going_on], betas[:, going_on]
    return result


def _start(n: int) -> np.ndarray:
    """Any vector with a share of all directions will do; this one is the same in every run."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=n) + 1j * rng.normal(size=n)
    return v / np.linalg.norm(v)


def _ritz(alphas: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalue of the tridiagonal matrix of every point, and the norm of its residual."""
    k, count = alphas.shape
    tridiagonal, i = np.zeros((count, k, k)), np.arange(k)
    tridiagonal[:, i, i] = alphas.T
    tridiagonal[:, i[1:], i[:-1]] = betas[1:k].T  # the lower triangle is the one that is read
    values, vectors = np.linalg.eigh(tridiagonal)
    return values[:, -1], betas[k] * np.abs(vectors[:, -1, -1])


def solve_triangles(t: np.ndarray, inverse_pivots: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Solve (z_j - T) x_j = b_j for all columns j: T (n, n) upper triangular, b (n, m).

    `inverse_pivots`, (n, m), are 1 / (z_j - T_ii).

    >>> solve_triangles(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 0.5]] * 2), np.ones((2, 2))).real
    array([[2.  , 0.75],
           [1.  , 0.5 ]])
    """
    x = np.array(b, np.complex128)
    for stop in range(len(t), 0, -BLOCK):
        start = max(stop - BLOCK, 0)
        x[start:stop] += t[start:stop, stop:] @ x[stop:]
        for i in range(stop - 1, start - 1, -1):
            x[i] += t[i, i + 1 : stop] @ x[i + 1 : stop]
            x[i] *= inverse_pivots[i]
    return x


def _inverse_pivots(t: np.ndarray, z: np.ndarray) -> np.ndarray:
    """At an eigenvalue the pivot is zero: one of the size of rounding gives a sigma of that size."""
    pivots = z - t.diagonal()[:, None]
    pivots[pivots == 0] = np.finfo(float).eps * max(np.abs(t).max(), np.finfo(float).tiny / np.finfo(float).eps)
    return 1 / pivots
