"""What decides about a fit besides its distances: convergence, the start, how many units, what they fix."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tuneful.curves import critical_value
from tuneful.curves.comparison import is_rejected
from tuneful.descents import Outcome
from tuneful.fitting.tables import mean_distances, statistics_of
from tuneful.numbers import count, distance
from tuneful.plot.entries import entries, full_name, intervals_of
from tuneful.report.wording import Verdict, apart, finding, good, open_question, outcome_in_words, some_of

FEW = 0.3  # a distance that so few units leave within sampling error would be a bad fit
ASK = "tuneful infer says how well"


def deciding(result: Mapping[str, Any], inference: Mapping[str, Any] | None = None) -> list[Verdict]:
    """Judgements that come first on the page, in this order; what is not known is left out, or said to be open.

    Parameters
    ----------
    result, inference
        The content of ``result.json``, and of ``inference.json`` if there is one.
    """
    found = (_convergence(result), _start(result), _units(result), _parameters(result, inference))
    tests = (inference or {}).get("tests") or ()
    return [verdict for verdict in found if verdict is not None] + [_test(one) for one in tests]


def _convergence(result: Mapping[str, Any]) -> Verdict | None:
    word, why = result.get("outcome"), result.get("stopped") or outcome_in_words(result.get("outcome"))
    if word not in list(Outcome):
        return None
    outcome = Outcome(word)
    if outcome.is_success:
        return good(f"Converged: {why.removeprefix('converged: ')}")  # which some sentences say themselves
    return apart(f"{'Broke off' if outcome.is_broken else 'Not converged'}: {why}")


def _start(result: Mapping[str, Any]) -> Verdict | None:
    """Whether the mean distance to the held-out units fell."""
    known = {
        name: {"ks_start": row.get("ks_start"), "ks": row.get("ks")}
        for name, row in statistics_of(told(result)).items()
    }
    before, after = mean_distances(known)
    if math.isnan(before):
        return None
    how = f"mean KS distance {distance(before)} at the start, {distance(after)} at the end"
    return apart(f"Worse than the start: {how}") if after > before else good(f"Closer than at the start: {how}")


def _units(result: Mapping[str, Any]) -> Verdict | None:
    """Whether so few units are compared that the 5 % line says little."""
    known = [row for row in statistics_of(told(result)).values() if row.get("n_data") and row.get("n_model")]
    if not known:
        return None
    fewest = min(known, key=lambda row: row["n_data"])
    line = critical_value(fewest["n_data"], fewest["n_model"])
    if line <= FEW:
        return None
    return apart(
        f"Few units: with {count(fewest['n_data'], 'measured curve')} a KS distance below {distance(line)} cannot be "
        "told from sampling error"
    )


def _parameters(result: Mapping[str, Any], inference: Mapping[str, Any] | None) -> Verdict | None:
    """How many fitted numbers the data fix, by their intervals or else by their standard errors."""
    found = dict(_identified(result, inference))
    if not any(found.values()):
        has_parameters = any(row.get("fitted", True) for row in (result.get("parameters") or {}).values())
        return open_question(f"Parameters: not known how well the data fix them ({ASK})") if has_parameters else None
    fixed = [name for name, word in found.items() if word == "yes"]
    others = {
        "weakly identified": [name for name, word in found.items() if word == "weakly"],
        "left open": [name for name, word in found.items() if word == "no"],
    }
    said = [f"{some_of(names)} {what}" for what, names in others.items() if names]
    how = "intervals below" if inference else "standard errors below"
    words = f"Parameters: {len(fixed)} of {len(found)} identified ({how})"
    return apart("; ".join([words, *said])) if said else good(words)


def _test(one: Mapping[str, Any]) -> Verdict:
    """A restriction that was tested."""
    if one["p_value"] is None:
        return open_question(one["verdict"])
    return apart(one["verdict"]) if is_rejected(one["p_value"]) else finding(one["verdict"])


def _identified(result: Mapping[str, Any], inference: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Every fitted number and whether it is identified: "yes", "weakly", "no", or "" where that is not known."""
    if inference:
        for name, about in inference["parameters"].items():
            yield from ((entry.name, entry.identified) for entry in intervals_of(name, about))
        return
    for name, about in (result.get("parameters") or {}).items():
        if about.get("fitted", True):
            yield from ((full_name(str(name), e.name), e.identified) for e in entries(about))


def told(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of distances, also where it says nothing yet."""
    return {"statistics": result.get("statistics") or {}, "labels": result.get("labels") or ()}
