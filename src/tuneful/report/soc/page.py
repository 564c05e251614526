"""The page of a stabilised circuit, or of any weight matrix: what its template shows."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.files import write_atomically
from tuneful.networks.linear_dynamics import linear_transients
from tuneful.networks.scalars import preferred_states
from tuneful.plain import plain
from tuneful.report.document import render_template
from tuneful.report.numbers import DASH, count, number
from tuneful.report.soc import figures
from tuneful.report.soc.wording import SCALARS, answer, facts, has_published_settings
from tuneful.report.wording import apart, capitalised, flattened, good

DURATION, STEPS = 5.0, 100  # of the example transients, in tau
SHOWN_STATES = 3  # preferred initial states whose norm is shown, beside a random one
SHOWN_CELLS = 4  # of each type
HOLDS, VIOLATED = good("holds"), apart("violated")
Panel = dict[str, Any]


@dataclass(frozen=True, eq=False)
class SocContent:
    """Everything that the page shows.

    result
        The content of result.json; of a bare weight matrix only ``n``, ``n_excitatory``, ``scalars``, ``warnings``,
        ``source``, ``command`` and ``versions``.
    weights, excitatory
        The circuit, (N, N) and (N,) bool.
    before
        The network that was stabilised, or None if that is not known.
    history
        Abscissa after 0, 1, ... steps, or None.
    """

    result: dict[str, Any]
    weights: np.ndarray
    excitatory: np.ndarray
    before: np.ndarray | None = None
    history: np.ndarray | None = None


def write_soc_report(content: SocContent, path: str | os.PathLike[str]) -> None:
    """Write the page, all of it or nothing.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_atomically(path, render_soc(content))


def render_soc(content: SocContent) -> str:
    """The page as one HTML document that needs nothing else; its numbers are in the element ``tuneful-result``."""
    result = content.result
    view = {
        "answer": answer(result),
        "facts": facts(result),
        "versions": ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        "warnings": result["warnings"],
        "spectra": _spectra(content),
        "target": result.get("target"),
        "course": _course(content),
        "matrices": _matrices(content),
        "limit": number(figures.robust_limit(content.weights)),
        "pixels": figures.PIXELS,
        "block": figures.block_size(len(content.weights)),
        "checks": [_check(check) for check in result.get("checks", [])],
        "scalars": _scalars(result),
        "applies": has_published_settings(result),
        "command": result["command"],
        "settings": flattened(result.get("settings", {})),
        "numbers": plain(result),
    }
    return render_template("soc/page.html.jinja", view | _transients(content))


def _spectra(content: SocContent) -> list[Panel]:
    """Before and after on the same axes, then the edge of the spectrum."""
    target, after = content.result.get("target"), _eigenvalues(content.weights)
    before = None if content.before is None else _eigenvalues(content.before)
    limits = figures.whole_plane(after) if before is None else figures.whole_plane(before, after)
    panels = []
    if before is not None:
        panels.append(
            _panel("Before", _abscissa(before), figures.spectrum_figure(before, target, limits, "before", "start"))
        )
    panels.append(
        _panel(
            "Circuit" if before is None else "After",
            _abscissa(after),
            figures.spectrum_figure(after, target, limits, "after"),
        )
    )
    edge = figures.spectrum_figure(after, target, figures.edge_of_plane(after), "at the edge")
    return [*panels, _panel("At the edge", "the same, enlarged", edge)]


def _eigenvalues(weights: np.ndarray) -> figures.Spectrum:
    return np.linalg.eigvals(weights).astype(np.complex128)


def _abscissa(eigenvalues: figures.Spectrum) -> str:
    return f"abscissa {number(float(eigenvalues.real.max()))}"


def _course(content: SocContent) -> list[Panel]:
    if content.history is None or not len(content.history):
        return []
    note = f"{count(len(content.history) - 1, 'step')}"
    svg = figures.abscissa_figure(content.history, float(content.result["target"]))
    return [_panel("Spectral abscissa", note, svg)]


def _matrices(content: SocContent) -> list[Panel]:
    """Before and after in the same colours."""
    limit, types = figures.robust_limit(content.weights), content.excitatory
    shown = {"Circuit": content.weights} if content.before is None else {}
    if content.before is not None:
        shown = {"Before": content.before, "After": content.weights}
    return [_panel(name, _weights_note(w), figures.matrix_figure(w, types, limit, name)) for name, w in shown.items()]


def _weights_note(weights: np.ndarray) -> str:
    return f"{number(int(np.count_nonzero(weights)), 6)} synapses, {number(weights.min())} to {number(weights.max())}"


def _transients(content: SocContent) -> dict[str, list[Panel]]:
    """Energies and examples; nothing of an unstable circuit, whose transients do not end."""
    if content.result["scalars"]["largest_energy"] is None:
        return {"energies": [], "activity": [], "norms": []}
    energies, states = preferred_states(content.weights)
    n = len(states)
    random = np.random.default_rng(0).normal(size=n)  # any seed: it stands for states that nobody prefers
    initial = np.column_stack([states[:, :SHOWN_STATES], random / np.linalg.norm(random)])
    times = np.linspace(0, DURATION, STEPS + 1)
    activity = linear_transients(content.weights, initial, times)
    return {
        "energies": [_panel("Evoked energies", _energy_note(energies), figures.energies_figure(energies))],
        "activity": [_activity(times, activity[..., i], content.excitatory, i, energies) for i in range(min(2, n))],
        "norms": [_panel("Norm of all activity", "", figures.norms_figure(times, np.linalg.norm(activity, axis=1)))],
    }


def _energy_note(energies: np.ndarray) -> str:
    return f"largest {number(energies[0])}, {int((energies > 1).sum())} of {len(energies)} above 1"


def _activity(times: np.ndarray, activity: np.ndarray, types: np.ndarray, i: int, energies: np.ndarray) -> Panel:
    """The cells of each type that move most."""
    reach = abs(activity).max(axis=0)
    of_type = [np.flatnonzero(cells) for cells in (types, ~types)]
    chosen = np.concatenate([cells[np.argsort(-reach[cells])[:SHOWN_CELLS]] for cells in of_type])
    title = f"preferred initial state {i + 1}"
    svg = figures.activity_figure(times, activity[:, chosen], types[chosen], title)
    return _panel(capitalised(title), f"evoked energy {number(energies[i])}", svg)


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": capitalised(check["name"]),
        "value": number(check["value"], 7),
        "wanted": ("≤ " if check["name"] == "abscissa" else "") + number(check["wanted"], 7),
        "verdict": HOLDS if check["holds"] else VIOLATED,
    }


def _scalars(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = result["scalars"]
    return [
        {
            "name": capitalised(scalar.name),
            "key": scalar.key,
            "meaning": scalar.meaning,
            "published": scalar.published,
            "value": DASH if values.get(scalar.key) is None else number(values[scalar.key]),
        }
        for scalar in SCALARS
    ]


def _panel(title: str, note: str, svg: Any) -> Panel:
    return {"title": title, "note": note, "svg": svg}
