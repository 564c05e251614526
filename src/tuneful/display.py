"""How objects show themselves: in a line, and in a notebook, short and harmless whatever their names hold."""

import html
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from tuneful.plain import printable

LONGEST = 60  # characters of a value
MOST = 20  # rows of a table, and values in a line
MISSING = "–"

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]  # headers and rows


def brief(value: Any) -> str:
    """A value in a few characters: numbers with four digits, and what is long by how much there is of it.

    >>> brief(2 / 3), brief([[2.5, 1.3], [4.7, 2.2]]), brief(None), brief("a" * 1000)[-4:]
    ('0.6667', '[[2.5, 1.3], [4.7, 2.2]]', '–', 'aaaa')
    """
    if value is None:
        return MISSING
    text = " ".join((_numbers(value) or printable(str(value), LONGEST)).split())
    if len(text) <= LONGEST:
        return text
    return f"{len(value)} values" if _is_collection(value) else f"{text[: LONGEST - 3]}..."


def in_a_line(values: Iterable[tuple[str, Any]]) -> str:
    """Names and values, the first few of them.

    >>> in_a_line([("J", 8.0), ("grid", 6)])
    'J=8, grid=6'
    """
    shown = [f"{name}={brief(value)}" for name, value in islice(values, MOST + 1)]
    return ", ".join(shown if len(shown) <= MOST else [*shown[:MOST], "..."])


def card(title: str, sentence: str, *tables: Table) -> str:
    """What a notebook shows: HTML of a title, a sentence, and the first rows of tables.

    >>> card("Fit", "not <b>fitted</b>")
    '<div><strong>Fit</strong>: not &lt;b&gt;fitted&lt;/b&gt;</div>'
    """
    head = f"<div><strong>{html.escape(brief(title))}</strong>: {html.escape(printable(sentence, LONGEST))}</div>"
    return head + "".join(_table(*table) for table in tables)


def _table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    shown = list(islice(rows, MOST + 1))
    lines = [_row("th", headers), *(_row("td", row) for row in shown[:MOST])]
    if len(shown) > MOST:
        lines.append(_row("td", ["..."]))
    return f"<table>{''.join(lines)}</table>"


def _row(kind: str, cells: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<{kind}>{html.escape(brief(cell))}</{kind}>" for cell in cells) + "</tr>"


def _numbers(value: Any) -> str:
    """Numbers as text; empty for all else, such as numbers that are traced and not known."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return ""
    if array.dtype.kind not in "fiu":
        return ""
    return np.array2string(
        array, separator=", ", threshold=MOST, max_line_width=10**6, formatter={"float_kind": lambda x: f"{x:.4g}"}
    )


def _is_collection(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)
