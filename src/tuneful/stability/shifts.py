"""At which shift the gradient of stability is taken.

The spectral abscissa has no useful gradient: it is the derivative of one eigenvalue, and many crowd at the edge. The
gradient of the smoothed abscissa, QP / trace(QP), weighs all of them; how far right of the abscissa its shift s lies
says how many it sees.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.solvers.schur import SchurForm


@dataclass(frozen=True)
class Margin:
    """s = max(factor alpha, alpha + offset), the shortcut of Hennequin et al. 2014: eps moves with the abscissa.

    >>> Margin().shift(10.0), round(Margin().shift(0.1), 12)
    (15.0, 0.3)
    """

    factor: float = 1.5
    offset: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a shift that could lie on the spectrum."""
        if not (self.factor >= 1 and self.offset > 0):
            raise ValueError(f"Margin needs factor >= 1 and offset > 0, not {self.factor:g} and {self.offset:g}.")

    def shift(self, abscissa: float) -> float:
        """Shift s for a spectral abscissa."""
        return max(self.factor * abscissa, abscissa + self.offset)

    def precision(self, radius: float) -> type:
        """Single precision if the shift stays clear of a spectrum of this radius; rounding is 1e-7 of it."""
        return np.float32 if self.offset >= 0.01 * radius else np.float64

    def gradient(self, form: SchurForm, step: int, columns: Any) -> np.ndarray:
        """Gradient QP / trace(QP) in some columns of the matrix."""
        return form.gradient(self.shift(form.abscissa), columns)


@dataclass(frozen=True)
class Smoothing:
    """s such that trace P(s) = 1/eps [Vanbiervliet et al. 2009], with eps = max(eps shrink^step, least).

    With shrink = 1, eps is fixed and every step descends the same function of the weights. The default of `least`
    is a hundredth of the first eps.

    >>> Smoothing(eps=0.1, shrink=0.5).eps_at(1)
    0.05
    """

    eps: float = 0.05
    shrink: float = 1.0
    least: float | None = None

    def __post_init__(self) -> None:
        """Refuse values for which there is no smoothed abscissa."""
        if not (self.eps > 0 and 0 < self.shrink <= 1 and (self.least is None or self.least > 0)):
            raise ValueError("Smoothing needs eps > 0, 0 < shrink <= 1 and, if given, least > 0.")

    def eps_at(self, step: int) -> float:
        """Value of eps at a step."""
        return max(self.eps * self.shrink**step, self.eps / 100 if self.least is None else self.least)

    def precision(self, radius: float) -> type:
        """Double precision: the equations come close to singular ones as eps shrinks."""
        return np.float64

    def gradient(self, form: SchurForm, step: int, columns: Any) -> np.ndarray:
        """Gradient of the smoothed abscissa in some columns of the matrix."""
        return form.smoothed_abscissa(self.eps_at(step))[1][:, columns]
