"""One weight matrix: its eigenvalues in the complex plane, and the weights themselves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from tuneful.errors import UserError
from tuneful.networks.random_weights import as_square_matrix
from tuneful.plot.courses import LEAST_SHOWN, STABLE
from tuneful.plot.style import END, INK, MUTED, RULE, label_axes, padded, panel

Spectrum = npt.NDArray[np.complex128]

SQUARE = (4.4, 4.4)  # inches
SQUARE_AXES = (0.12, 0.11, 0.86, 0.86)  # of it
SQUARE_ALONE = (2.75, 2.75)  # in a figure of its own
WIDTH_BY_HEIGHT = 1.44  # of the axes in a panel of the usual size
PIXELS = {"excites": "#d0452c", "inhibits": "#2f7fd6"}  # seen on light and dark pages: images have no variables
MOST_PIXELS = 400  # of a side of a matrix: more cannot be seen and would bloat the page
EDGE = 2.5  # how far from the line of stability the panel of the edge reaches to the left


def matrix_of(circuit: Any) -> np.ndarray:
    """The weights (N, N) of a network or a stabilised circuit, or a matrix itself.

    Raises
    ------
    UserError
        If it is no square matrix of numbers.
    """
    try:
        return as_square_matrix(np.asarray(getattr(circuit, "weights", circuit), float))
    except (TypeError, ValueError) as error:
        raise UserError(f"Weights are a square matrix of numbers, or a circuit that has one: {error}") from error


def types_of(circuit: Any, excitatory: Any = None) -> np.ndarray:
    """Which cells excite (N,): as given, as the circuit has it, or those whose weights sum to no less than zero."""
    known = getattr(circuit, "excitatory", None) if excitatory is None else excitatory
    return matrix_of(circuit).sum(axis=0) >= 0 if known is None else np.asarray(known, bool)


def eigenvalues_of(circuit: Any) -> Spectrum:
    """Eigenvalues (N,) of the weights of a circuit; numbers in a row are eigenvalues themselves."""
    known = np.asarray(getattr(circuit, "weights", circuit))
    return (known if known.ndim == 1 else np.linalg.eigvals(matrix_of(circuit))).astype(np.complex128)


def spectrum(
    circuit: Any,
    target: float | None = None,
    *,
    limits: Sequence[float] | None = None,
    colour: str = END,
    ax: Axes | None = None,
) -> Axes:
    """Plot eigenvalues in the complex plane, with the line of stability and that of the target.

    Parameters
    ----------
    circuit
        A network or a stabilised circuit, weights (N, N), or eigenvalues (N,).
    target
        A spectral abscissa, dotted.
    limits
        Left, right and top of the plane; by default `whole_plane`.
    colour
        Of the eigenvalues.
    ax
        Where to paint; by default in a new figure.

    >>> from matplotlib.figure import Figure
    >>> spectrum([[0.0, -1.0], [1.0, 0.0]], ax=Figure().add_subplot()).get_xlabel()
    'real part'
    """
    found = eigenvalues_of(circuit)
    left, right, top = whole_plane(found) if limits is None else limits
    with panel(ax) as axes:
        axes.axhline(0, color=RULE, linewidth=0.7, zorder=0)
        axes.axvline(STABLE, color=INK, linewidth=1, linestyle="--", zorder=1, label="stable to the left")
        if target is not None:
            axes.axvline(target, color=MUTED, linewidth=1, linestyle=":", zorder=1, label="target")
        inside = found[(found.real >= left) & (abs(found.imag) <= top)]
        axes.plot(inside.real, inside.imag, "o", color=colour, markersize=2, markeredgewidth=0, alpha=0.75)
        axes.set_xlim(left, right)
        axes.set_ylim(-top, top)
        label_axes(axes, "real part", "imaginary part")
    return axes


def whole_plane(*spectra: Spectrum) -> tuple[float, float, float]:
    """Limits (left, right, top) that hold all eigenvalues of several spectra, and in which a disc is round."""
    together = np.concatenate(spectra)
    left, right = padded([*together.real, STABLE])
    top = 1.08 * float(abs(together.imag).max())
    missing = max(2 * top * WIDTH_BY_HEIGHT - (right - left), 0.0)
    return left - missing / 2, right + missing / 2, max(top, (right - left) / WIDTH_BY_HEIGHT / 2)


def edge_of_plane(eigenvalues: Spectrum) -> tuple[float, float, float]:
    """Limits of the strip beside the line of stability, where the eigenvalues crowd."""
    left = STABLE - EDGE
    near = eigenvalues[eigenvalues.real >= left]
    top = 1.08 * float(abs(near.imag).max(initial=0))
    return left, STABLE + 0.2 * EDGE, max(top, 0.5)


def weights(circuit: Any, excitatory: Any = None, *, limit: float | None = None, ax: Axes | None = None) -> Axes:
    """Plot weights in the order of types: red excites, blue inhibits, nothing is transparent, on any background.

    Parameters
    ----------
    circuit
        A network or a stabilised circuit, or weights (N, N), rows post-synaptic.
    excitatory
        Which cells excite (N,); by default as the circuit has it, or by the sums of their weights.
    limit
        A strength beyond which colours are full; by default `robust_limit`.
    ax
        Where to paint; by default in a new figure.
    """
    matrix, types = matrix_of(circuit), types_of(circuit, excitatory)
    order = np.argsort(~types, kind="stable")
    n, n_e = len(matrix), int(types.sum())
    image = _coloured(reduced(matrix[np.ix_(order, order)]) / (robust_limit(matrix) if limit is None else limit))
    with panel(ax, SQUARE_ALONE) as axes:
        axes.imshow(image, extent=(0, n, n, 0), interpolation="none", aspect="equal")
        for spine in axes.spines.values():
            spine.set_visible(True)
        if 0 < n_e < n:
            axes.axvline(n_e, color=MUTED, linewidth=0.5)
            axes.axhline(n_e, color=MUTED, linewidth=0.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator([n_e / 2, (n_e + n) / 2]))
        axes.set_xticklabels(["E", "I"])
        axes.set_yticklabels(["E", "I"])
        axes.tick_params(length=0)
        axes.set_xlabel("from", labelpad=2)
        axes.set_ylabel("onto", labelpad=5)
    return axes


def robust_limit(matrix: np.ndarray) -> float:
    """A strength beyond which colours are full: the 95th percentile of all points of the image that are not zero."""
    shown = reduced(matrix)
    strengths = abs(shown[shown != 0])
    return max(float(np.percentile(strengths, 95)), LEAST_SHOWN * float(strengths.max())) if len(strengths) else 1.0


def block_size(n: int) -> int:
    """How many cells share a point of the image, along each side."""
    return -(-n // MOST_PIXELS)


def reduced(matrix: np.ndarray) -> np.ndarray:
    """Means over square blocks, so that no side has more than `MOST_PIXELS`; the last blocks may be smaller."""
    block = block_size(len(matrix))
    if block == 1:
        return matrix
    starts = np.arange(0, len(matrix), block)
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    sizes = np.diff(starts, append=len(matrix))
    return sums / np.outer(sizes, sizes)


def _coloured(strength: np.ndarray) -> np.ndarray:
    """(n, n, 4): the colour of the sign, as opaque as the weight is strong."""
    image = np.empty((*strength.shape, 4))
    image[..., :3] = np.where(strength[..., None] > 0, _rgb(PIXELS["excites"]), _rgb(PIXELS["inhibits"]))
    image[..., 3] = np.clip(abs(strength), 0, 1)
    return image


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
