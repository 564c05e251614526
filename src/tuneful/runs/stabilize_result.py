"""What is known of a stabilised circuit, as plain numbers and sentences: the content of result.json."""

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from tuneful.descents import Outcome
from tuneful.fitting.tables import versions
from tuneful.networks.random_weights import RandomNetwork
from tuneful.networks.scalars import CircuitScalars, circuit_scalars, structural_scalars
from tuneful.plain import plain
from tuneful.runs.stabilize_config import KIND, StabilizeConfig
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.stability import StabilizedCircuit

UNSTABLE = (
    "The circuit is not stable (spectral abscissa {:.3g}, activity decays below 1): evoked energies, peak "
    "amplification and the correlation of inputs are not defined."
)
UNCERTAIN = (
    "The search for the peak amplification ended early: it is the largest norm up to {:.3g} time constants, and the "
    "largest that was found at later times."
)
LEFT = "The network is stable as it is, with a spectral abscissa of {:.3g}: its weights are unchanged."
NOT_AS_ASKED = " They are not as asked for in {}; --change-stable brings them there."
AS_PUBLISHED = (
    "--faithful repeats the published algorithm with its quirks: it prunes after it balances, so that gamma and the "
    "number of synapses end a little off, and the checks say so."
)


def circuit_result(
    settings: StabilizeConfig, network: RandomNetwork, circuit: StabilizedCircuit, seconds: float, command: str
) -> dict[str, Any]:
    """Everything in result.json, in types that JSON knows."""
    sentences = [left_unchanged(circuit)] if circuit.unchanged else []
    sentences += [] if circuit.reached else [not_reached(settings, circuit)]
    about = {
        "kind": KIND,
        "abscissa": circuit.abscissa,
        "abscissa_at_start": spectral_abscissa(network.weights),
        "target": settings.target,
        "reached": circuit.reached,
        "unchanged": circuit.unchanged,
        "outcome": circuit.outcome,
        "reason": circuit.outcome,
        "steps": circuit.steps,
        "wall_seconds": round(seconds, 3),
        "checks": [asdict(check) for check in circuit.checks],
    }
    found = analysed(circuit.weights, circuit.excitatory)
    sentences += found.pop("warnings") + [AS_PUBLISHED] * (settings.faithful and not circuit.unchanged)
    more = {
        "warnings": sentences,
        "source": settings.weights,
        "seed": settings.seed,
        "command": command,
        "versions": versions("scipy"),
        "settings": settings.settings(),
    }
    return plain(about | found | more)


def analysed(weights: np.ndarray, excitatory: np.ndarray) -> dict[str, Any]:
    """Size and scalars of a circuit; without stability, those that need it are None, and a warning says so.

    `peak_until` is None where the peak is certain at all times.
    """
    scalars: dict[str, Any] = dict.fromkeys(f.name for f in fields(CircuitScalars))
    scalars |= structural_scalars(weights, excitatory)
    notes = []
    if scalars["abscissa"] < 1:
        scalars = asdict(circuit_scalars(weights, excitatory))
        notes += [UNCERTAIN.format(scalars["peak_until"])] * bool(np.isfinite(scalars["peak_until"]))
    else:
        notes += [UNSTABLE.format(scalars["abscissa"])]
    return plain(
        {
            "n": len(weights),
            "n_excitatory": int(np.sum(excitatory)),
            "scalars": scalars,
            "warnings": notes,
        }
    )


def left_unchanged(circuit: StabilizedCircuit) -> str:
    """That nothing had to be done, and which constraints the network does not obey."""
    off = [
        f"{check.name} ({check.value:.4g} instead of {check.wanted:.4g})"
        for check in circuit.checks
        if not check.holds
    ]
    return LEFT.format(circuit.abscissa) + (NOT_AS_ASKED.format(", ".join(off)) if off else "")


def not_reached(settings: StabilizeConfig, circuit: StabilizedCircuit) -> str:
    """What was reached instead of the target, and what to try."""
    return (
        f"The target was not reached: the lowest abscissa in {circuit.steps} steps is {circuit.abscissa:.3g}, and "
        f"{settings.target:g} was asked for. {what_to_try(settings, circuit)}"
    )


def what_to_try(settings: StabilizeConfig, circuit: StabilizedCircuit) -> str:
    """How the next attempt may do better, in options of the command line."""
    if circuit.outcome is Outcome.MAX_STEPS:
        return f"Go on with --resume --max-steps {max(2 * circuit.steps, 100)}."
    if circuit.outcome is Outcome.NO_GRADIENT:
        return "The gradient was lost in rounding: leave out --smoothing, or make it larger."
    hints = ["--density"] * (settings.density is not None) + ["--gamma"] * (settings.balance is not None)
    steps = [f"raise {' or '.join(hints)}"] if hints else []
    steps += ["leave out --smoothing"] if settings.smoothing is not None else []
    steps += ["allow more synapses"] if settings.allowed is not None else []
    steps += ["ask for a higher --target"]
    weaker = "start from weaker weights" if settings.weights else "start from a weaker network (--radius)"
    return f"There was no progress in {settings.patience} steps: {', '.join(steps)}, or {weaker}."
