"""The words of stabilised circuits: names of their scalars, the outcome in a sentence, and what to try."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuneful.numbers import DASH, count, duration, number
from tuneful.report.wording import Verdict, apart, enumerated, good, outcome_in_words

# Settings for which the ranges of published circuits hold.
PUBLISHED = {
    "n": 200, "radius": 10.0, "network_density": 0.1, "excitatory_fraction": 0.5, "lognormal": None, "weights": None,
    "target": 0.15, "gamma": 3.0, "density": 0.4, "balance": "type", "sparsity": "strongest",
    "self_connections": False, "allowed": None,
}  # fmt: skip


@dataclass(frozen=True)
class Scalar:
    """One number by which circuits are compared, its name and meaning, and its range in five published circuits.

    The ranges hold for 200 cells, radius 10, gamma 3 and abscissa .15.
    """

    key: str
    name: str
    published: str
    meaning: str


SCALARS = (
    Scalar("abscissa", "spectral abscissa", "≤ 0.15", "largest real part of an eigenvalue of W; stable below 1"),
    Scalar("least_real_part", "min Re λ", "−22 to −21", "smallest real part of an eigenvalue"),
    Scalar(
        "excitatory_abscissa",
        "E-only abscissa α(W_EE)",
        "10–10.7",
        "of the excitatory cells; above 1, inhibition holds them",
    ),
    Scalar("excitatory_density", "density E", "0.10", "fraction of the excitatory columns that are synapses"),
    Scalar("inhibitory_density", "density I", "0.395", "fraction of the inhibitory columns that are synapses"),
    Scalar("largest_energy", "largest evoked energy", "12.1–14.4", "after the best initial state; 1 without network"),
    Scalar("mean_energy", "mean evoked energy", "2.3–2.4", "over orthogonal initial states"),
    Scalar("amplified_directions", "directions above 1", "128–130", "initial states that evoke more than 1"),
    Scalar("peak_amplification", "peak of ‖exp(At)‖", "3.1–3.2", "largest norm that a state of norm 1 reaches"),
    Scalar("peak_time", "time of the peak (τ)", "0.4–0.6", "when the largest norm is reached"),
    Scalar("numerical_abscissa", "numerical abscissa", "12.3–13.3", "fastest growth of any state at first, per τ"),
    Scalar("henrici_index", "Henrici index", "0.74", "departure from normality, 0 to 1"),
    Scalar("ei_correlation", "E-to-I input correlation", "−0.42 to −0.40", "of a cell's inputs, mean over cells"),
)


def has_published_settings(result: Mapping[str, Any]) -> bool:
    """Whether the ranges of published circuits apply: everything that decides the kind of circuit is as there."""
    settings = result.get("settings") or {}
    return bool(result.get("reached")) and all(settings.get(name) == value for name, value in PUBLISHED.items())


def scalar_lines(result: Mapping[str, Any]) -> list[str]:
    """The table of the scalars in plain text, with the published ranges where they apply."""
    applies = has_published_settings(result)
    lines = [f"{'scalar':<26}{'value':>10}" + "   published circuits" * applies]
    for scalar in SCALARS:
        value = result["scalars"][scalar.key]
        text = f"{scalar.name:<26}{DASH if value is None else number(value):>10}"
        lines.append(f"{text}   {scalar.published}" if applies else text)
    return lines


def answer(result: Mapping[str, Any]) -> str:
    """The outcome in one sentence."""
    n, abscissa = number(result["n"], 6), result["scalars"]["abscissa"]
    if "reached" not in result:
        verdict = "stable" if abscissa < 1 else "not stable"
        return f"This circuit of {n} cells is {verdict}: its spectral abscissa is {number(abscissa)}."
    if result.get("unchanged"):
        return (
            f"These {n} cells are stable as they are: their spectral abscissa is {number(abscissa)}, left unchanged."
        )
    fell = f"spectral abscissa went from {number(result['abscissa_at_start'])} to {number(result['abscissa'])}"
    if result["reached"]:
        return f"Inhibition learned to keep these {n} cells stable: their {fell}."
    stable = "stable, though short of its target" if abscissa < 1 else "not stable"
    return f"This network of {n} cells is {stable}: its {fell}, and {number(result['target'])} was asked for."


def deciding(result: Mapping[str, Any]) -> list[Verdict]:
    """Judgements that come first on the page: stable or not, at the target, as it was asked for."""
    abscissa = result["scalars"]["abscissa"]
    stability = f"its spectral abscissa is {number(abscissa)}, and activity decays below 1"
    found = [good(f"Stable: {stability}") if abscissa < 1 else apart(f"Not stable: {stability}")]
    if "reached" in result:
        ended = outcome_in_words(result.get("outcome") or result.get("reason"))
        missed = f"Short of the target {number(result['target'])}: {ended}"
        found.append(good(f"At the target {number(result['target'])}") if result["reached"] else apart(missed))
        broken = [check["name"] for check in result["checks"] if not check["holds"]]
        found.append(apart(f"Violated: {enumerated(broken)}") if broken else good("All that was asked for holds"))
    return found


def facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the head of the page lists."""
    cells = f"{number(result['n'], 6)} cells, {number(result['n_excitatory'], 6)} of them excitatory"
    if "reached" not in result:
        return [("Circuit", cells), ("Weights", str(result["source"]))]
    origin = f"weights of {result['source']}" if result["source"] else f"drawn with seed {result['seed']}"
    checks = result["checks"]
    n_holding = sum(check["holds"] for check in checks)
    holding = f"all {len(checks)} hold" if n_holding == len(checks) else f"{n_holding} of {len(checks)} hold"
    length = f"{count(result['steps'], 'step')} in {duration(result['wall_seconds'])}"
    return [
        ("Network", f"{cells}; {origin}"),
        ("Target", f"spectral abscissa {number(result['target'])}"),
        ("Length", length),
        ("Stopped", outcome_in_words(result.get("outcome") or result.get("reason"))),
        ("Checks", holding),
    ]
