"""Figures of a stabilised circuit: spectra, abscissa over steps, weights, energies and transients."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from tuneful.report.figures import (
    END,
    ENTRIES,
    INK,
    MUTED,
    ROLES,
    RULE,
    Level,
    draw,
    draw_levels,
    drawn_points,
    label_axes,
    name_levels,
    padded,
    step_axis,
)

Spectrum = npt.NDArray[np.complex128]

SQUARE = (4.4, 4.4)  # inches
SQUARE_AXES = (0.12, 0.11, 0.86, 0.86)  # of it
WIDTH_BY_HEIGHT = 1.44  # of the axes in a panel of the usual size
EXCITATION, INHIBITION = ENTRIES[:2]
NORM_ROLES = ("end", "entry-4", "start", "muted")  # colours of initial states; the last is the random one
PIXELS = {"excites": "#d0452c", "inhibits": "#2f7fd6"}  # seen on light and dark pages: images have no variables
STABLE = 1.0  # abscissa below which activity decays
MOST_PIXELS = 400  # of a side of a matrix: more cannot be seen and would bloat the page
LEAST_SHOWN = 1e-12  # of the largest: what is smaller is as good as zero to the eye
EDGE = 2.5  # how far from the line of stability the panel of the edge reaches to the left


def spectrum_figure(
    eigenvalues: Spectrum, target: float | None, limits: Sequence[float], title: str, role: str = "end"
) -> Markup:
    """Eigenvalues in the complex plane, with the line of stability and that of the target."""
    left, right, top = limits

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=RULE, linewidth=0.7, zorder=0)
        _vertical_lines(axes, target)
        inside = eigenvalues[(eigenvalues.real >= left) & (abs(eigenvalues.imag) <= top)]
        axes.plot(inside.real, inside.imag, "o", color=ROLES[role], markersize=2, markeredgewidth=0, alpha=0.75)
        axes.set_xlim(left, right)
        axes.set_ylim(-top, top)
        label_axes(axes, "real part", "imaginary part")

    return draw(paint, f"Eigenvalues: {title}")


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


def _vertical_lines(axes: Axes, target: float | None) -> None:
    axes.axvline(STABLE, color=INK, linewidth=1, linestyle="--", zorder=1)
    if target is not None:
        axes.axvline(target, color=MUTED, linewidth=1, linestyle=":", zorder=1)


def abscissa_figure(history: np.ndarray, target: float) -> Markup:
    """Spectral abscissa after every step; logarithmic if it can be, since it falls over orders of magnitude."""
    kept = drawn_points(len(history))
    levels = [Level(STABLE, "stable", INK, "--"), Level(target, "target", MUTED, ":")]

    def paint(axes: Axes) -> None:
        """The abscissae that are kept, with the two levels."""
        axes.plot(kept, history[kept], color=END, marker="o" if len(kept) < 3 else None, markersize=3)
        step_axis(axes, kept)
        shown = np.array([*history[kept], STABLE, target])
        if shown.min() > LEAST_SHOWN * shown.max():
            axes.set_yscale("log")
            axes.set_ylim(*np.exp(padded(np.log(shown))))
            few_decades = shown.max() / shown.min() <= 1e3
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.set_ylim(*padded(shown))
        label_axes(axes, "step", "spectral abscissa")
        draw_levels(axes, levels)
        name_levels(axes, levels)

    return draw(paint, "Spectral abscissa over steps", right=0.82)


def robust_limit(weights: np.ndarray) -> float:
    """A strength beyond which colours are full: the 95th percentile of all points of the image that are not zero."""
    shown = _reduced(weights)
    strengths = abs(shown[shown != 0])
    return max(float(np.percentile(strengths, 95)), LEAST_SHOWN * float(strengths.max())) if len(strengths) else 1.0


def matrix_figure(weights: np.ndarray, excitatory: np.ndarray, limit: float, title: str) -> Markup:
    """Weights in the order of types: red excites, blue inhibits, nothing is transparent, on any background."""
    order = np.argsort(~excitatory, kind="stable")
    n, n_e = len(weights), int(excitatory.sum())
    image = _coloured(_reduced(weights[np.ix_(order, order)]) / limit)

    def paint(axes: Axes) -> None:
        """The image, with lines between the types."""
        axes.set_position(SQUARE_AXES)
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

    return draw(paint, f"Weights: {title}", size=SQUARE)


def block_size(n: int) -> int:
    """How many cells share a point of the image, along each side."""
    return -(-n // MOST_PIXELS)


def _reduced(weights: np.ndarray) -> np.ndarray:
    """Means over square blocks, so that no side has more than `MOST_PIXELS`; the last blocks may be smaller."""
    block = block_size(len(weights))
    if block == 1:
        return weights
    starts = np.arange(0, len(weights), block)
    sums = np.add.reduceat(np.add.reduceat(weights, starts, axis=0), starts, axis=1)
    sizes = np.diff(starts, append=len(weights))
    return sums / np.outer(sizes, sizes)


def _coloured(strength: np.ndarray) -> np.ndarray:
    """(n, n, 4): the colour of the sign, as opaque as the weight is strong."""
    image = np.empty((*strength.shape, 4))
    image[..., :3] = np.where(strength[..., None] > 0, _rgb(PIXELS["excites"]), _rgb(PIXELS["inhibits"]))
    image[..., 3] = np.clip(abs(strength), 0, 1)
    return image


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def energies_figure(energies: np.ndarray) -> Markup:
    """Evoked energies in descending order; 1 is what a network without connections has."""
    levels = [Level(1.0, "no network", MUTED, ":")]
    ranks = np.arange(1, len(energies) + 1)
    kept = drawn_points(len(energies))

    def paint(axes: Axes) -> None:
        axes.plot(ranks[kept], energies[kept], color=END)
        axes.plot(ranks[kept[:40]], energies[kept[:40]], "o", color=END, markersize=2.4, markeredgewidth=0)
        step_axis(axes, ranks)
        axes.set_ylim(0, 1.06 * energies[0])
        label_axes(axes, "initial state (rank)", "evoked energy")
        draw_levels(axes, levels)

    return draw(paint, "Energies of the evoked transients")


def activity_figure(times: np.ndarray, activity: np.ndarray, excitatory: np.ndarray, title: str) -> Markup:
    """Activity of a few cells, (T, cells), in the colours of their types."""

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=RULE, linewidth=0.7, zorder=0)
        for trace, is_excitatory in zip(activity.T, excitatory, strict=True):
            axes.plot(times, trace, color=EXCITATION if is_excitatory else INHIBITION, linewidth=1.1)
        axes.set_xlim(times[0], times[-1])
        axes.set_ylim(*padded(activity))
        label_axes(axes, "time (τ)", "activity")

    return draw(paint, f"Activity after {title}")


def norms_figure(times: np.ndarray, norms: np.ndarray) -> Markup:
    """Norm of the activity, (T, k), after k initial states of norm 1; without connections it falls as exp(−t)."""

    def paint(axes: Axes) -> None:
        axes.plot(times, np.exp(-times), color=INK, linewidth=0.9, linestyle="--")
        for trace, role in zip(norms.T, (*NORM_ROLES[: norms.shape[1] - 1], NORM_ROLES[-1]), strict=True):
            axes.plot(times, trace, color=ROLES[role])
        axes.set_xlim(times[0], times[-1])
        axes.set_ylim(0, 1.06 * max(1.0, float(norms.max())))
        label_axes(axes, "time (τ)", "norm of activity")

    return draw(paint, "Norm of the activity after several initial states")
