"""The panels of the page of a stabilised circuit: what is painted, under which title."""

from functools import partial

import numpy as np

from tuneful import plot
from tuneful.numbers import count, number
from tuneful.plot.evoked import Evoked
from tuneful.plot.matrices import (
    SQUARE,
    SQUARE_AXES,
    Spectrum,
    edge_of_plane,
    eigenvalues_of,
    robust_limit,
    whole_plane,
)
from tuneful.plot.sheets import Panel
from tuneful.plot.style import START
from tuneful.report.pictures import Pictures, overview
from tuneful.report.soc.content import SocContent
from tuneful.report.wording import capitalised

OVERVIEW = ("spectra", "abscissa", "energies", "activity", "transients")
MOST_OF_A_KIND = 3
SHOWN_ACTIVITY = 2  # preferred initial states of which single cells are shown


def panels(content: SocContent) -> dict[str, list[Panel]]:
    """All that is shown, by the names of plots; of an unstable circuit no transients, which do not end."""
    found = {"spectra": _spectra(content), "weights": _matrices(content), "abscissa": course(content)}
    if content.result["scalars"]["largest_energy"] is None:
        return found | {"energies": [], "activity": [], "transients": []}
    evoked = Evoked.of(content.weights, content.excitatory)
    shown = range(min(SHOWN_ACTIVITY, len(content.weights)))
    energies, norms = (partial(paint, evoked) for paint in (plot.energies, plot.transients))
    note = (
        f"largest {number(evoked.energies[0])}, {int((evoked.energies > 1).sum())} of {len(evoked.energies)} above 1"
    )
    said = "Energies of the evoked transients", "Norm of the activity after several initial states"
    return found | {
        "energies": [Panel("Evoked energies", note, energies, said[0])],
        "activity": [_activity(evoked, i) for i in shown],
        "transients": [Panel("Norm of all activity", "", norms, said[1])],
    }


def _spectra(content: SocContent) -> list[Panel]:
    """Before and after on the same axes, then the edge of the spectrum."""
    target, after = content.result.get("target"), eigenvalues_of(content.weights)
    before = None if content.before is None else eigenvalues_of(content.before)
    limits = whole_plane(after) if before is None else whole_plane(before, after)
    shown = []
    if before is not None:
        paint = partial(plot.spectrum, before, target, limits=limits, colour=START)
        shown.append(Panel("Before", about_spectrum(before), paint, "Eigenvalues: before"))
    paint = partial(plot.spectrum, after, target, limits=limits)
    title = "Circuit" if before is None else "After"
    shown.append(Panel(title, about_spectrum(after), paint, "Eigenvalues: after"))
    edge = partial(plot.spectrum, after, target, limits=edge_of_plane(after))
    return [*shown, Panel("At the edge", "the same, enlarged", edge, "Eigenvalues: at the edge")]


def about_spectrum(eigenvalues: Spectrum) -> str:
    """The note of a spectrum."""
    return f"abscissa {number(float(eigenvalues.real.max()))}"


def course(content: SocContent) -> list[Panel]:
    """The descent, where there was one."""
    if content.history is None or not len(content.history):
        return []
    note = count(len(content.history) - 1, "step")
    paint = partial(plot.abscissa, content.history, float(content.result["target"]))
    return [Panel("Spectral abscissa", note, paint, "Spectral abscissa over steps", right=0.82)]


def _matrices(content: SocContent) -> list[Panel]:
    """Before and after in the same colours."""
    shown = {"Circuit": content.weights}
    if content.before is not None:
        shown = {"Before": content.before, "After": content.weights}
    limit = robust_limit(content.weights)
    look = {"size": SQUARE, "margins": SQUARE_AXES}
    return [
        Panel(name, _about(w), partial(plot.weights, w, content.excitatory, limit=limit), f"Weights: {name}", **look)
        for name, w in shown.items()
    ]


def _about(weights: np.ndarray) -> str:
    return f"{number(int(np.count_nonzero(weights)), 6)} synapses, {number(weights.min())} to {number(weights.max())}"


def _activity(evoked: Evoked, state: int) -> Panel:
    """The cells of each type that move most."""
    title, note = f"preferred initial state {state + 1}", f"evoked energy {number(evoked.energies[state])}"
    return Panel(capitalised(title), note, partial(plot.activity, evoked, state), f"Activity after {title}")


def pictures(content: SocContent) -> Pictures:
    """The same as pictures, with an overview."""
    found = {name: partial(list, own) for name, own in panels(content).items()}
    return {"overview": partial(overview, found, dict.fromkeys(OVERVIEW, MOST_OF_A_KIND))} | found
