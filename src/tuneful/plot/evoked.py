"""What activity of a linear circuit does after initial states: energies, norms, and single cells."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes

from tuneful.errors import UserError
from tuneful.networks.linear_dynamics import linear_transients
from tuneful.networks.scalars import preferred_states
from tuneful.plot.matrices import matrix_of, types_of
from tuneful.plot.style import (
    END,
    ENTRIES,
    INK,
    MUTED,
    ROLES,
    RULE,
    Level,
    draw_levels,
    drawn_points,
    label_axes,
    padded,
    panel,
    step_axis,
)

DURATION, STEPS = 5.0, 100  # of the transients, in tau
SHOWN_STATES = 3  # preferred initial states whose norm is shown, beside a random one
SHOWN_CELLS = 4  # of each type
EXCITATION, INHIBITION = ENTRIES[:2]
NORM_ROLES = ("end", "entry-4", "start", "muted")  # colours of initial states; the last is the random one
ORDINALS = ("first", "second", "third")


@dataclass(frozen=True, eq=False)
class Evoked:
    """Responses of a stable circuit to its preferred initial states, and to a random one, all of norm 1.

    energies
        (N,), of all preferred states, in descending order.
    times
        (T,), in tau.
    activity
        (T, N, states), after the first few preferred states and, last, a random one.
    excitatory
        (N,), bool.
    """

    energies: np.ndarray
    times: np.ndarray
    activity: np.ndarray
    excitatory: np.ndarray

    @classmethod
    def of(cls, circuit: Any, excitatory: Any = None) -> Self:
        """Compute them.

        Parameters
        ----------
        circuit
            A network or a stabilised circuit, or weights (N, N).
        excitatory
            Which cells excite (N,); by default as the circuit has it, or by the sums of their weights.

        Raises
        ------
        UserError
            If the circuit is not stable: its transients do not end.
        """
        matrix = matrix_of(circuit)
        try:
            energies, states = preferred_states(matrix)
        except ValueError as error:
            raise UserError(f"Transients are those of a stable circuit. {error}") from error
        random = np.random.default_rng(0).normal(size=len(states))  # any seed: for states that nobody prefers
        initial = np.column_stack([states[:, :SHOWN_STATES], random / np.linalg.norm(random)])
        times = np.linspace(0, DURATION, STEPS + 1)
        return cls(energies, times, linear_transients(matrix, initial, times), types_of(circuit, excitatory))


def energies(circuit: Any, *, ax: Axes | None = None) -> Axes:
    """Plot evoked energies in descending order; 1 is what a network without connections has.

    Parameters
    ----------
    circuit
        A network or a stabilised circuit, weights (N, N), or what is `Evoked` of it.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If the circuit is not stable.
    """
    found = _evoked(circuit).energies
    levels = [Level(1.0, "no network", MUTED, ":")]
    ranks = np.arange(1, len(found) + 1)
    kept = drawn_points(len(found))
    with panel(ax) as axes:
        axes.plot(ranks[kept], found[kept], color=END)
        axes.plot(ranks[kept[:40]], found[kept[:40]], "o", color=END, markersize=2.4, markeredgewidth=0)
        step_axis(axes, ranks)
        axes.set_ylim(0, 1.06 * found[0])
        label_axes(axes, "initial state (rank)", "evoked energy")
        draw_levels(axes, levels)
    return axes


def activity(circuit: Any, state: int = 0, *, ax: Axes | None = None) -> Axes:
    """Plot the activity of the cells of each type that move most after a preferred initial state.

    Parameters
    ----------
    circuit
        A network or a stabilised circuit, weights (N, N), or what is `Evoked` of it.
    state
        Which one, 0 being the most preferred.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If the circuit is not stable.
    """
    found = _evoked(circuit)
    traces = found.activity[..., state]
    reach = abs(traces).max(axis=0)
    of_type = [np.flatnonzero(cells) for cells in (found.excitatory, ~found.excitatory)]
    shown = [cells[np.argsort(-reach[cells])[:SHOWN_CELLS]] for cells in of_type]
    with panel(ax) as axes:
        axes.axhline(0, color=RULE, linewidth=0.7, zorder=0)
        for cells, colour, name in zip(shown, (EXCITATION, INHIBITION), ("excitatory", "inhibitory"), strict=True):
            lines = axes.plot(found.times, traces[:, cells], color=colour, linewidth=1.1)
            for line in lines[:1]:
                line.set_label(name)
        axes.set_xlim(found.times[0], found.times[-1])
        axes.set_ylim(*padded(traces[:, np.concatenate(shown)]))
        label_axes(axes, "time (τ)", "activity")
    return axes


def transients(circuit: Any, *, ax: Axes | None = None) -> Axes:
    """Plot the norm of all activity after several initial states of norm 1; without connections it falls as exp(−t).

    Parameters
    ----------
    circuit
        A network or a stabilised circuit, weights (N, N), or what is `Evoked` of it.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If the circuit is not stable.
    """
    found = _evoked(circuit)
    norms = np.linalg.norm(found.activity, axis=1)
    names = [f"{word} preferred state" for word in ORDINALS[: norms.shape[1] - 1]] + ["random state"]
    roles = (*NORM_ROLES[: norms.shape[1] - 1], NORM_ROLES[-1])
    with panel(ax) as axes:
        dashes = {"color": INK, "linewidth": 0.9, "linestyle": "--"}
        axes.plot(found.times, np.exp(-found.times), label="no connections", **dashes)
        for trace, role, name in zip(norms.T, roles, names, strict=True):
            axes.plot(found.times, trace, color=ROLES[role], label=name)
        axes.set_xlim(found.times[0], found.times[-1])
        axes.set_ylim(0, 1.06 * max(1.0, float(norms.max())))
        label_axes(axes, "time (τ)", "norm of activity")
    return axes


def _evoked(circuit: Any) -> Evoked:
    return circuit if isinstance(circuit, Evoked) else Evoked.of(circuit)
