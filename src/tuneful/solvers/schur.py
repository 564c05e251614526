r"""One real Schur form, and everything that it gives: abscissa, Gramians and smoothed abscissa (NumPy, on a CPU).

W = U T U^T with U orthogonal and T quasi-triangular: eigenvalues stand on the diagonal, and W - s has the form
U (T - s) U^T for every shift s. Both Lyapunov equations of every shift then cost two triangular solves each
[Bartels & Stewart 1972], which are done here by recursion on blocks [Jonsson & Kågström 2002], so that nearly all
operations are matrix products:

    T = [T1 X; 0 T2],  Y = [Y1 Z; Z^T Y2],  T Y + Y T^T = F  <=>
        T2 Y2 + Y2 T2^T = F2,                     T1 Z + Z T2^T = F12 - X Y2,
        T1 Y1 + Y1 T1^T = F1 - X Z^T - (X Z^T)^T.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Float
from scipy.linalg import get_lapack_funcs, schur

from tuneful.solvers.root import bracketed_newton

# Blocks up to this size go to LAPACK's unblocked solver; 24 to 64 were equally fast for N = 200 to 1000.
LEAF = 32


@dataclass(frozen=True, eq=False)
class SchurForm:
    """The real Schur form W = U T U^T of a square matrix; float32 and float64 are kept as they are.

    triangle
        T, (N, N), quasi upper triangular.
    basis
        U, (N, N), orthogonal.
    """

    triangle: Float[np.ndarray, "n n"]
    basis: Float[np.ndarray, "n n"]

    @classmethod
    def of(cls, matrix: np.ndarray) -> Self:
        """Compute the form of a finite square matrix.

        >>> SchurForm.of(np.array([[0.0, 1.0], [-1.0, 0.0]])).abscissa
        0.0
        """
        triangle_and_basis: Any = schur(matrix, output="real", check_finite=False)
        return cls(*triangle_and_basis)

    @cached_property
    def abscissa(self) -> float:
        """Spectral abscissa max Re(lambda): LAPACK writes the real part of a conjugate pair twice on the diagonal."""
        return float(np.diag(self.triangle).max())

    def gramians(
        self, shift: float, inputs: np.ndarray | None = None, outputs: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve (W - s) P + P (W - s)^T = -B B^T and (W - s)^T Q + Q (W - s) = -C^T C.

        Parameters
        ----------
        shift
            s, above the abscissa.
        inputs, outputs
            B of shape (N, m) and C of shape (k, N); the identity by default.

        Returns
        -------
        P and Q, the controllability and observability Gramians, (N, N).

        >>> P, Q = SchurForm.of(-np.eye(2)).gramians(0.0)
        >>> P
        array([[0.5, 0. ],
               [0. , 0.5]])
        """
        u = self.basis
        reached, seen = self._gramians_in_basis(shift, *self._weights_in_basis(inputs, outputs))
        return u @ reached @ u.T, u @ seen @ u.T

    def gradient(self, shift: float, columns: Any = slice(None)) -> np.ndarray:
        """QP / trace(QP) at a given shift, some columns of it: the gradient of the smoothed abscissa at that shift.

        Returns
        -------
        (N, selected columns).
        """
        reached, seen = self._gramians_in_basis(shift, None, None)
        scaled = (seen @ reached) / np.vdot(seen, reached)
        return self.basis @ (scaled @ self.basis[columns].T)

    def smoothed_abscissa(
        self,
        eps: float,
        inputs: np.ndarray | None = None,
        outputs: np.ndarray | None = None,
        tolerance: float = 1e-12,
        max_iterations: int = 100,
    ) -> tuple[float, np.ndarray]:
        r"""Smoothed spectral abscissa s and its gradient ds/dW [Vanbiervliet et al. 2009].

        s > abscissa is the shift at which phi(s) = trace(C P(s) C^T) = 1/eps, P and Q as in `gramians`; it falls to
        the abscissa as eps falls to 0. Differentiating phi in W and s,

            dphi = trace(C^T C dP) = 2 <QP, dW - ds>,  so  ds/dW = QP / trace(QP)  and  dphi/ds = -2 trace(QP).

        The root finder works on 1/phi - eps, which increases and is nearly straight (phi = N / (2 (s - lambda)) if
        all eigenvalues are equal and W is normal).

        Parameters
        ----------
        eps
            Positive.
        inputs, outputs
            B of shape (N, m) and C of shape (k, N); the identity by default.
        tolerance
            On s, relative to 1 + |s|.
        max_iterations
            Of the root finder; 5 to 10 are usual, and bisection alone ends within 60.

        Returns
        -------
        s, and its gradient, (N, N).

        Raises
        ------
        ValueError
            If eps is not positive.
        ArithmeticError
            If no root is found: B or C do not reach the system, or eps is below rounding.

        >>> s, gradient = SchurForm.of(-np.eye(2)).smoothed_abscissa(0.1)
        >>> round(s, 12), gradient.round(12)
        (-0.9, array([[0.5, 0. ],
               [0. , 0.5]]))
        """
        if not eps > 0:
            raise ValueError(f"eps must be positive, not {eps}.")
        weights = self._weights_in_basis(inputs, outputs)
        low, high = self.abscissa, np.inf
        shift = low + eps * len(self.basis) / 2
        for _ in range(max_iterations):
            reached, seen = self._gramians_in_basis(shift, *weights)
            phi = np.trace(reached) if weights[1] is None else np.vdot(weights[1], reached)
            overlap = np.vdot(seen, reached)
            # Within rounding of the abscissa solutions lose their sign: that side is known.
            gap, slope = (1 / phi - eps, 2 * overlap / phi**2) if phi > 0 < overlap else (-eps, np.nan)
            if abs(gap / slope) <= tolerance * (1 + abs(shift)):
                return float(shift - gap / slope), self.basis @ (seen @ reached / overlap) @ self.basis.T
            shift, low, high = bracketed_newton(shift, low, high, gap, slope)
        raise ArithmeticError(
            f"No smoothed abscissa for eps = {eps:g} near the abscissa {self.abscissa:g}: either B or C do not see "
            "the network, or eps is too small for the precision. Try a larger eps."
        )

    def _weights_in_basis(
        self, inputs: np.ndarray | None, outputs: np.ndarray | None
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """U^T B B^T U and U^T C^T C U; None stands for the identity."""
        b = None if inputs is None else self.basis.T @ inputs
        c = None if outputs is None else outputs @ self.basis
        return None if b is None else b @ b.T, None if c is None else c.T @ c

    def _gramians_in_basis(
        self, shift: float, excited: np.ndarray | None, observed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """U^T P U and U^T Q U. Reversing the order of the basis turns T^T into an upper triangle again."""
        t = self.triangle.copy(order="F")
        np.fill_diagonal(t, t.diagonal() - t.dtype.type(shift))
        identity = np.eye(len(t), dtype=t.dtype)
        flipped = t.T[::-1, ::-1].copy(order="F")
        reached = solve_lyapunov(t, -(identity if excited is None else excited))
        seen = solve_lyapunov(flipped, -(identity if observed is None else observed[::-1, ::-1]))
        return reached, seen[::-1, ::-1]


def solve_lyapunov(t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Solve T Y + Y T^T = F for symmetric F and quasi upper triangular T.

    >>> solve_lyapunov(-np.eye(1), -np.ones((1, 1)))
    array([[0.5]])
    """
    if len(t) <= LEAF:
        return solve_sylvester(t, t, f)
    k = _split(t)
    y = np.empty_like(f)
    y[k:, k:] = solve_lyapunov(t[k:, k:], f[k:, k:])
    y[:k, k:] = solve_sylvester(t[:k, :k], t[k:, k:], f[:k, k:] - t[:k, k:] @ y[k:, k:])
    y[k:, :k] = y[:k, k:].T
    known = t[:k, k:] @ y[k:, :k]
    y[:k, :k] = solve_lyapunov(t[:k, :k], f[:k, :k] - known - known.T)
    return y


def solve_sylvester(a: np.ndarray, b: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Solve A X + X B^T = F for quasi upper triangular A and B, halving the longer side.

    >>> solve_sylvester(-np.eye(1), -np.eye(1), -np.ones((1, 1)))
    array([[0.5]])
    """
    if max(f.shape) <= LEAF:
        (trsyl,) = get_lapack_funcs(("trsyl",), (a, b, f))
        x, scale, _ = trsyl(a, b, f, tranb="T")
        return x / a.dtype.type(scale)
    x = np.empty_like(f)
    if f.shape[0] >= f.shape[1]:
        k = _split(a)
        x[k:] = solve_sylvester(a[k:, k:], b, f[k:])
        x[:k] = solve_sylvester(a[:k, :k], b, f[:k] - a[:k, k:] @ x[k:])
    else:
        k = _split(b)
        x[:, k:] = solve_sylvester(a, b[k:, k:], f[:, k:])
        x[:, :k] = solve_sylvester(a, b[:k, :k], f[:, :k] - x[:, k:] @ b[:k, k:].T)
    return x


def _split(t: np.ndarray) -> int:
    """The middle, moved by one where it would cut a 2 x 2 block of complex eigenvalues."""
    k = len(t) // 2
    return k + 1 if t[k, k - 1] else k
