"""The words of a fit: how a statistic compares with the data, the answer in a sentence, the names of statistics."""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tuneful.numbers import DASH, as_float
from tuneful.plot.naming import label
from tuneful.report.wording import Verdict, apart, capitalised, enumerated, good, in_words

AT_FLOOR = good("as close as two halves of the data")
WITHIN = good("within sampling error")
APART = apart("distinguishable from the data")
UNKNOWN = Verdict("unknown", DASH, "not defined")


def verdict(statistic: Mapping[str, Any]) -> Verdict:
    """Judge ``{ks, line, floor}``: within sampling error means that KS does not exceed the 5 % line."""
    ks, line, floor = (as_float(statistic.get(key)) for key in ("ks", "line", "floor"))
    if not (math.isfinite(ks) and math.isfinite(line)):
        return UNKNOWN
    if ks > line:
        return APART
    return AT_FLOOR if ks <= floor else WITHIN


def answer(result: Mapping[str, Any]) -> str:
    """The outcome of the fit in one sentence."""
    found = dict(_judged(result))
    known = [name for name in found if found[name] is not UNKNOWN]
    differing = [name for name in known if found[name] is APART]
    if not known:
        return "Whether this circuit could have produced these neurons is open: no statistic is defined."
    sentence = _summary(known, differing).format(f"within sampling error of the {which_units(result)} neurons")
    undefined = [name for name in found if name not in known]
    return f"{sentence}{_exceptions(undefined, 'undefined')}."


def _judged(result: Mapping[str, Any]) -> Iterator[tuple[str, Verdict]]:
    """Every statistic as a sentence calls it, of every label, and its verdict."""
    statistics = result.get("statistics") or {}
    for whose in result.get("labels") or [""]:
        for name, entry in (statistics[whose] if whose else statistics).items():
            yield _in_sentence(name) + (f" of {whose}" if whose else ""), verdict(entry)


def which_units(result: Mapping[str, Any]) -> str:
    """The adjective of the units that the model is compared with: ``held-out``, or all that were measured."""
    return "measured" if result.get("n_held_out") == 0 else "held-out"


def _summary(known: Sequence[str], differing: Sequence[str]) -> str:
    n, n_good = len(known), len(known) - len(differing)
    whose = "of the fitted circuit"
    if n == 1:
        # Braces in a label are doubled since the sentence is formatted.
        subject = capitalised(known[0])
        return f"{_doubled(subject)} {whose} is {'not ' if differing else ''}{{}}"
    if n_good == n:
        return f"{'Both' if n == 2 else 'All ' + in_words(n)} statistics {whose} are {{}}"
    if n_good == 0:
        return (
            f"Neither statistic {whose} is {{}}"
            if n == 2
            else f"None of the {in_words(n)} statistics {whose} is {{}}"
        )
    verb = "is" if n_good == 1 else "are"
    return (
        f"{capitalised(in_words(n_good))} of the {in_words(n)} statistics {whose} {verb} {{}}"
        f"{_doubled(_exceptions(differing, 'not'))}"
    )


def _exceptions(names: Sequence[str], what: str) -> str:
    if not names:
        return ""
    return f"; {enumerated(names)} {'is' if len(names) == 1 else 'are'} {what}"


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _in_sentence(name: str) -> str:
    words = label(name).split(" (")[0]
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def command(result: Mapping[str, Any]) -> str:
    """The command line that starts this fit again."""
    if result.get("command"):
        return str(result["command"])
    options = {"--data": "data", "--objective": "objective", "--seed": "seed"}
    given = [
        f"{flag} {shlex.quote(str(result[key]))}" for flag, key in options.items() if result.get(key) is not None
    ]
    return " ".join(
        ["tuneful fit", shlex.quote(str(result.get("circuit", "CONFIG.toml"))), *given, "--out NEW_FOLDER"]
    )
