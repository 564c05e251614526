"""The words and numbers of the report: verdicts, sentences, and how values are written."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from tuneful.curves import STATISTICS

DASH = "–"
IN_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Verdict:
    """How one statistic of the model compares with the data: a key for the style sheet, a sign and words."""

    kind: str
    sign: str
    words: str


AT_FLOOR = Verdict("good", "✓", "as close as two halves of the data")
WITHIN = Verdict("good", "✓", "within sampling error")
APART = Verdict("apart", "✕", "distinguishable from the data")
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
    found = {name: verdict(entry) for name, entry in (result.get("statistics") or {}).items()}
    known = [name for name in found if found[name] is not UNKNOWN]
    apart = [name for name in known if found[name] is APART]
    if not known:
        return "Whether this circuit could have produced these neurons is open: no statistic is defined."
    sentence = _outcome(known, apart).format(f"within sampling error of the {which_units(result)} neurons")
    undefined = [name for name in found if name not in known]
    return f"{sentence}{_exceptions(undefined, 'undefined')}."


def which_units(result: Mapping[str, Any]) -> str:
    """The adjective of the units that the model is compared with: ``held-out``, or all that were measured."""
    return "measured" if result.get("n_held_out") == 0 else "held-out"


def _outcome(known: Sequence[str], apart: Sequence[str]) -> str:
    n, n_good = len(known), len(known) - len(apart)
    whose = "of the fitted circuit"
    if n == 1:
        # Braces in a label are doubled since the sentence is formatted.
        subject = capitalised(_in_sentence(known[0]))
        return f"{_doubled(subject)} {whose} is {'not ' if apart else ''}{{}}"
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
        f"{_doubled(_exceptions(apart, 'not'))}"
    )


def _exceptions(names: Sequence[str], what: str) -> str:
    if not names:
        return ""
    return f"; {enumerated(_in_sentence(name) for name in names)} {'is' if len(names) == 1 else 'are'} {what}"


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _in_sentence(name: str) -> str:
    words = label(name).split(" (")[0]
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def label(name: str) -> str:
    """What figures and tables call a statistic; its own name if it is not registered."""
    return STATISTICS[name].label if name in STATISTICS else str(name)


def axis_label(name: str) -> str:
    """The short label of a statistic with its unit; the heading of the panel has the whole one."""
    unit = STATISTICS[name].unit if name in STATISTICS else ""
    words = label(name).split(" (")[0]
    return (words if len(words) <= 34 else words[:33] + "…") + (f" ({unit})" if unit else "")


def capitalised(text: str) -> str:
    """The text with a capital first letter, the rest unchanged."""
    return text[:1].upper() + text[1:]


def in_words(number: int) -> str:
    """Whole numbers up to twelve in words, larger ones in digits."""
    return IN_WORDS[number] if number < len(IN_WORDS) else str(number)


def enumerated(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def as_float(value: Any) -> float:
    """A number, or NaN for everything that is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def as_floats(value: Any) -> np.ndarray:
    """A number or a sequence of numbers as an array (k,), NaN for what is none."""
    return np.array([as_float(item) for item in np.asarray(value, dtype=object).ravel()])


def number(value: Any, digits: int = 3) -> str:
    """A value with some significant digits; sequences in brackets; an en-dash for what is not there."""
    if isinstance(value, str):
        return value or DASH
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, np.ndarray | list | tuple) and np.ndim(value) > 0:
        return f"({', '.join(number(item, digits) for item in value)})"
    x = as_float(value)
    if not math.isfinite(x):
        return DASH if math.isnan(x) else ("∞" if x > 0 else "−∞")
    plain = x == 0 or 1e-4 <= abs(x) < 1e7
    text = f"{x:,.0f}" if plain and abs(x) >= 10**digits else f"{x:.{digits}g}"
    return text.replace("-", "−")


def distance(value: Any) -> str:
    """A Kolmogorov-Smirnov distance, three decimals."""
    x = as_float(value)
    return f"{x:.3f}" if math.isfinite(x) else DASH


def percent(value: Any, signed: bool = False) -> str:
    """A fraction in per cent."""
    x = 100 * as_float(value)
    if not math.isfinite(x):
        return DASH
    digits = 0 if x == 0 or abs(x) >= 10 else 1
    return f"{x:{'+' if signed else ''}.{digits}f} %".replace("-", "−")


def duration(seconds: Any) -> str:
    """A time in the units that one would say it in."""
    s = as_float(seconds)
    if not math.isfinite(s):
        return DASH
    if s < 60:
        return f"{s:.1f} s" if s < 10 else f"{s:.0f} s"
    minutes, s = divmod(round(s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {s:02d} s"


def count(number_of: Any, thing: str) -> str:
    """``1 step``, ``2 steps``, ``– steps``."""
    return f"{number(number_of)} {thing}{'' if number_of == 1 else 's'}"


def symbol(text: Any) -> Markup:
    """A mathematical symbol as HTML: italic, what follows ``_`` as subscript."""
    stem, _, index = str(text or "").partition("_")
    return Markup("<i>") + escape(stem) + Markup("</i>") + (Markup("<sub>{}</sub>").format(index) if index else "")


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


def flattened(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as ``(dotted.key, value)``."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        inner = isinstance(value, Mapping) and value
        rows += flattened(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", _setting(value))]
    return rows


def _setting(value: Any) -> str:
    return DASH if value is None else str(value)
