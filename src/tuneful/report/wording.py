"""The words that all pages share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from tuneful.descents import Outcome
from tuneful.numbers import DASH

IN_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True)
class Verdict:
    """A judgement: a key for the style sheet, a sign and words."""

    kind: str
    sign: str
    words: str


def good(words: str) -> Verdict:
    """A judgement that is as one would wish."""
    return Verdict("good", "✓", words)


def apart(words: str) -> Verdict:
    """A judgement that is not."""
    return Verdict("apart", "✕", words)


def open_question(words: str) -> Verdict:
    """What is not known."""
    return Verdict("unknown", "?", words)


def worst(found: Iterable[Verdict], words: str) -> Verdict:
    """A judgement in other words, of the kind of the worst of some."""
    kinds = {one.kind for one in found}
    if "apart" in kinds:
        return apart(words)
    return open_question(words) if "unknown" in kinds else good(words)


def finding(words: str) -> Verdict:
    """What was found, neither good nor bad."""
    return Verdict("finding", "→", words)


def capitalised(text: str) -> str:
    """The text with a capital first letter, the rest unchanged."""
    return text[:1].upper() + text[1:]


def some_of(names: Sequence[str], most: int = 6) -> str:
    """``a, b and 3 more``."""
    return enumerated([*names[:most], *[f"{len(names) - most} more"] * (len(names) > most)])


def in_words(number: int) -> str:
    """Whole numbers up to twelve in words, larger ones in digits."""
    return IN_WORDS[number] if number < len(IN_WORDS) else str(number)


def enumerated(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def symbol(text: Any) -> Markup:
    """A mathematical symbol as HTML: italic, what follows ``_`` as subscript."""
    stem, _, index = str(text or "").partition("_")
    return Markup("<i>") + escape(stem) + Markup("</i>") + (Markup("<sub>{}</sub>").format(index) if index else "")


def outcome_in_words(word: Any) -> str:
    """What an outcome means; a word that this version does not know stands for itself, and nothing for a dash."""
    if not word:
        return DASH
    return Outcome(word).message if word in list(Outcome) else str(word)


def flattened(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as ``(dotted.key, value)``."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        inner = isinstance(value, Mapping) and value
        rows += flattened(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", _setting(value))]
    return rows


def _setting(value: Any) -> str:
    return DASH if value is None else str(value)
