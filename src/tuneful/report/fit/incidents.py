"""What went wrong on the way, and what became of the realisations, in sentences."""

import math
from collections.abc import Mapping
from typing import Any

from tuneful.numbers import as_float, count, number, percent
from tuneful.report.wording import capitalised, enumerated

# What a neuroscientist would say of the networks that ended so.
OUTCOMES = {
    "settled": "settled",
    "saturated": "settled with a cell above the rate at which its input-output function saturates",
    "moving": "were still not at rest when the simulated time was up",
    "oscillating": "oscillated",
}


def sentences(result: Mapping[str, Any]) -> list[str]:
    """Sentences on rejected realisations and skipped steps, and on the outcomes and stability if they are known."""
    told = [_rejected(result), _outcomes(result), _stability(result), _skipped(result), _unsolved(result)]
    return [sentence for sentence in told if sentence]


def _rejected(result: Mapping[str, Any]) -> str:
    fraction = as_float(result.get("rejected_fraction"))
    if math.isnan(fraction):
        return "How many realisations were rejected is not known."
    if fraction == 0:
        return "No realisation was rejected."
    return f"{percent(fraction)} of the realisations did not settle and were rejected."


def _skipped(result: Mapping[str, Any]) -> str:
    skipped = as_float(result.get("non_finite_steps"))
    if math.isnan(skipped):
        return "How many steps were not finite is not known."
    if skipped == 0:
        return "No step had a loss or a gradient that was not finite."
    return f"{count(int(skipped), 'step')} had a loss or a gradient that was not finite and changed nothing."


def _unsolved(result: Mapping[str, Any]) -> str:
    unsolved = as_float(result.get("unsolved_gradients"))
    if not unsolved > 0:
        return ""
    was = "was" if unsolved == 1 else "were"
    return (
        f"{count(int(unsolved), 'steady state')} had a derivative that was not found in time and {was} left out of "
        "the gradients."
    )


def _outcomes(result: Mapping[str, Any]) -> str:
    fractions = {name: as_float((result.get("outcomes") or {}).get(name)) for name in OUTCOMES}
    occurring = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    if not occurring:
        return ""
    if len(occurring) == 1 and sum(occurring.values()) == 1:
        return f"At the end of the fit, all realisations {OUTCOMES[next(iter(occurring))]}."
    shares = [f"{number(100 * fraction)} %" for fraction in occurring.values()]  # 99.7 % must not become 100 %
    shares[0] += " of the realisations"
    became = [f"{share} {OUTCOMES[name]}" for share, name in zip(shares, occurring, strict=True)]
    return f"At the end of the fit, {enumerated(became)}."


def _stability(result: Mapping[str, Any]) -> str:
    about = result.get("stability") or {}
    examined, stable = (as_float(about.get(key)) for key in ("realisations", "stable"))
    if not (examined > 0 and math.isfinite(stable)):
        return ""
    who = "all" if stable == examined else "none" if stable == 0 else number(stable)
    sentence = (
        f"{capitalised(who)} of the {number(examined)} realisations examined {'is' if stable == 1 else 'are'} stable "
        "against small perturbations in every condition"
    )
    return f"{sentence}{_abscissa(about.get('abscissa') or {})}."


def _abscissa(about: Mapping[str, Any]) -> str:
    """The rate at which a perturbation grows at last: negative if it decays."""
    median, largest = (as_float(about.get(key)) for key in ("median", "largest"))
    if not (math.isfinite(median) and math.isfinite(largest)):
        return ""
    return (
        ": the growth rate of their slowest mode (spectral abscissa, negative = decays) is "
        f"{number(median)}/ms in the median and {number(largest)}/ms at most"
    )
