r"""The peak of the transients: the largest norm of any state that began with norm 1, sup_t ||exp(At)||_2, A = W - 1.

Where it lies is not known beforehand: a slow mode or a long chain reaches it after thousands of time constants. Three
bounds find it for certain, to within `TOLERANCE`, on intervals that double [0, h], [h, 2h], [2h, 4h], ...:

-   When to stop: ||exp(A(kT + s))|| <= ||exp(AT)||^k ||exp(As)||, so that nothing after T exceeds what was before it
    once ||exp(AT)|| <= 1. A stable A gets there.
-   What can be left out: an interval of length h from a holds at most ||exp(Aa)|| sup_{s <= h} ||exp(As)||, and the
    second factor is known, as shorter times come first.
-   What lies between: |exp(At) v|^2 has the second derivative 2 x^T (A^2 + A^T A) x >= -kappa |x|^2, x = exp(At) v,
    with -kappa twice the smallest eigenvalue of the symmetric part of A^2 + A^T A (kappa = 0 if that is positive). On
    an interval of length h with norms a and b at its ends the norm is therefore at most
    max(a, b) / sqrt(1 - kappa h^2 / 8).

Intervals are halved until one of the last two holds. Modes that have died out are left out: in an ordered Schur form
[T1 X; 0 T2] of A the lower rows decay by themselves, and below `DEAD` only the slow block T1 is followed, whose kappa
is that of the slow modes. On transients and their bounds see [Trefethen & Embree 2005, chapters 14 and 15].
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigvalsh, expm, schur
from scipy.optimize import minimize_scalar

from tuneful.networks.random_weights import as_square_matrix
from tuneful.solvers.spectrum import spectral_abscissa

TOLERANCE = 0.005  # relative: nothing exceeds the peak that was found by more
DEAD = 1e-9  # norm of what is left of modes that are not followed any more
LONGEST = 1e16  # tau: slower modes cannot be told from unstable ones
EFFORT = 4e9  # multiplications before the search goes on without certainty: seconds
LEAST_PRODUCTS = 200  # of full matrices, however large: a typical search takes about 100
OVERHEAD = 4e5  # multiplications in the time that the shortest product takes
COARSE = 3  # halvings of an interval once the effort is spent


class Peak(NamedTuple):
    """The largest norm of the transients.

    norm
        Of the best state, relative to its initial norm; at least 1.
    time
        When it is reached, in tau.
    until
        Up to this time, in tau, nothing exceeds the norm by more than `TOLERANCE`: infinite unless the search was
        too long.
    """

    norm: float
    time: float
    until: float


def peak_amplification(weights: np.ndarray) -> Peak:
    """Find the largest norm that any initial state of norm 1 reaches, max_t ||exp(At)||_2 with A = W - 1, and when.

    Parameters
    ----------
    weights
        W, (N, N), rows post-synaptic.

    Raises
    ------
    ValueError
        If W is not square and finite, or not stable: the norm then grows without end; or if it is beyond all numbers.

    >>> peak_amplification(np.zeros((2, 2)))
    Peak(norm=1.0, time=0.0, until=inf)
    >>> chain = peak_amplification(np.array([[0.0, 8.0], [0.0, 0.0]]))
    >>> round(chain.norm, 4), round(chain.time, 4), chain.until
    (2.9898, 0.9682, inf)
    """
    w = as_square_matrix(weights)
    if (abscissa := spectral_abscissa(w)) >= 1:
        raise ValueError(f"The spectral abscissa is {abscissa:g}: transients have a peak only if it is below 1.")
    with np.errstate(over="ignore", invalid="ignore"):
        return _Search(w - np.eye(len(w))).run()


class _Flow:
    """dx/dt = A x: its propagators over unit 2^j, and the curvature of squared norms."""

    def __init__(self, matrix: np.ndarray, longest: float | None = None):
        """The unit is `longest` 2^-j, short enough for the curvature to matter little."""
        squared = matrix @ matrix + matrix.T @ matrix
        least = np.linalg.eigvalsh(squared + squared.T)[0] / 2
        self.matrix, self.curvature = matrix, 2 * max(0.0, -float(least))
        # A little less than the tolerance, for rounding.
        resolved = math.sqrt(7.9 * (1 - (1 + TOLERANCE) ** -2) / max(self.curvature, spectral_norm(matrix) ** 2 / 8))
        longest = resolved if longest is None else longest
        self.unit = longest * 2.0 ** -max(0, math.ceil(math.log2(longest / resolved)))
        self._propagators = [expm(matrix * self.unit)]

    def over(self, level: int) -> np.ndarray:
        """exp(A unit 2^level)."""
        while len(self._propagators) <= level:
            self._propagators.append(self._propagators[-1] @ self._propagators[-1])
        return self._propagators[level]

    def between(self, ends: float, length: float) -> float:
        """Most that the norm can be between two times at which it is at most `ends`."""
        room = 1 - self.curvature * length**2 / 8
        return ends / math.sqrt(room) if room > 0 else math.inf


class _Search:
    """What is known of the norm so far, and the flow of the modes that are still alive."""

    def __init__(self, matrix: np.ndarray):
        self._flow, self._start = _Flow(matrix), np.eye(len(matrix))
        self._eigenvalues = np.linalg.eigvals(matrix)
        self._first = self._flow.unit
        self._effort = max(EFFORT, LEAST_PRODUCTS * float(len(matrix)) ** 3)
        self._best, self._time, self._until = 1.0, 0.0, math.inf
        self._at_best = (self._flow, self._start)
        self._growth: list[float] = []  # on [0, unit 2^k], in units of the first flow

    def run(self) -> Peak:
        """Search one stretch after the other, each as long as all before it, until the norm stays below its peak."""
        time, left = 0.0, 1.0
        while time < LONGEST:
            length = time or self._first
            level = round(math.log2(length / self._flow.unit))
            end, right = self._step(self._start, level, time + length)
            self._look(level, time, self._start, left, right)
            self._growth.append(self._best * (1 + TOLERANCE))
            if right <= 1:
                return self._refined()
            time, left, self._start = time + length, right, end
            self._leave_out_the_dead(time)
        self._until = min(self._until, time)
        return self._refined()

    def _step(self, start: np.ndarray, level: int, time: float) -> tuple[np.ndarray, float]:
        """The state after unit 2^level, and its norm; remember the largest."""
        end = self._flow.over(level) @ start
        self._effort -= OVERHEAD + start.size * len(start)
        norm = spectral_norm(end)
        if not norm < math.inf:
            raise ValueError(f"The norm of the transients exceeds 1e308 at {time:g} tau: start from weaker weights.")
        if norm > self._best:
            self._best, self._time, self._at_best = norm, time, (self._flow, end)
        return end, norm

    def _look(self, level: int, time: float, start: np.ndarray, left: float, right: float, depth: int = 0) -> None:
        """Search [time, time + unit 2^level], at whose ends the norms are known."""
        length, ends = self._flow.unit * 2.0**level, max(left, right)
        bound = min(left * self._most(length), self._flow.between(ends, length))
        if level == 0 or bound <= self._best * (1 + TOLERANCE):
            return
        if self._effort < 0 and depth >= COARSE:
            self._until = min(self._until, time)
            return
        half = length / 2
        middle, norm = self._step(start, level - 1, time + half)
        halves = [(time, start, left, norm), (time + half, middle, norm, right)]
        for begin, state, a, b in sorted(halves, key=lambda half: -max(half[2:])):
            self._look(level - 1, begin, state, a, b, depth + 1)

    def _most(self, length: float) -> float:
        """Bound of the norm on [0, length], from shorter times."""
        if not self._growth:
            return math.inf
        doublings = math.ceil(math.log2(length / self._first) - 1e-9)
        return self._growth[max(0, doublings)] if doublings < len(self._growth) else math.inf

    def _leave_out_the_dead(self, time: float) -> None:
        """Go on with the slow modes alone, where half of all have died out."""
        slow = math.log(DEAD / 100) / time
        alive = int((self._eigenvalues.real > slow).sum())
        if not 0 < alive <= len(self._start) / 2:
            return
        try:
            form: Any = schur(self._flow.matrix, sort=lambda re, im: re > slow)
        except np.linalg.LinAlgError:
            return  # eigenvalues so close to the border that they cannot be parted
        triangle, basis, alive = form
        start = basis.T @ self._start
        if alive and spectral_norm(start[alive:]) <= DEAD:
            self._flow = _Flow(triangle[:alive, :alive], time)
            compressed: Any = np.linalg.qr(start[:alive].T, mode="r")
            self._start = compressed.T  # the same norms with fewer columns
            self._eigenvalues = self._eigenvalues[self._eigenvalues.real > slow]

    def _refined(self) -> Peak:
        """The local maximum at the best time of all that were tried."""
        flow, state = self._at_best
        norm, time, reach, is_inside = self._best, self._time, flow.unit, False
        while not is_inside and reach < math.inf:
            found: Any = minimize_scalar(
                lambda step, state=state: -spectral_norm(expm(flow.matrix * step) @ state),
                bounds=(max(-reach, -time), reach),
                method="bounded",
                options={"xatol": 1e-5 * reach},
            )
            if -found.fun <= norm:
                break
            norm, time, is_inside = float(-found.fun), time + float(found.x), abs(found.x) < 0.99 * reach
            state, reach = expm(flow.matrix * found.x) @ state, 2 * reach
        return Peak(norm, time, self._until)


def spectral_norm(matrix: np.ndarray) -> float:
    """Largest singular value, from the one eigenvalue that is needed: several times faster than all of them.

    >>> spectral_norm(np.array([[3.0, 0.0], [4.0, 0.0]]))
    5.0
    """
    scale = float(np.abs(matrix).max())
    if not 0 < scale < math.inf:
        return scale
    scaled = (matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T) / scale
    last = scaled.shape[1] - 1
    try:
        return scale * float(np.sqrt(eigvalsh(scaled.T @ scaled, subset_by_index=(last, last))[0]))
    except np.linalg.LinAlgError:  # the search for one eigenvalue fails on some matrices that are nearly diagonal
        return scale * float(np.linalg.norm(scaled, 2))
