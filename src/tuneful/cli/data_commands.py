"""What `tuneful data check` and `tuneful data convert` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuneful.cli.pages import refuse_existing
from tuneful.curves import describe
from tuneful.curves.plausibility import doubts
from tuneful.errors import UserError
from tuneful.plain import printable
from tuneful.readers import examine, save
from tuneful.runs.overrides import parse_value

MOST = 12  # values, or lines, of one kind that are shown


def run_check(path: str, options: dict[str, Any]) -> str:
    """Describe a source in plain lines: what it holds, what every column was taken for, and what was decided."""
    reading = examine(path, **options)
    lines = [line for key, value in describe(reading.dataset).items() for line in _described(key, value)]
    width = max((len(printable(c.name, 30)) for c in reading.columns), default=0)
    shown = [f"  {printable(c.name, 30):<{width}}  {c.role} ({c.why})" for c in reading.columns]
    said = [*reading.notes, *doubts(reading.dataset)]
    lines += ["columns:", *_bounded(shown, "columns"), *(f"note: {note}" for note in said)]
    return printable("\n".join(lines))


def _bounded(lines: Sequence[str], what: str) -> list[str]:
    left_out = len(lines) - MOST
    return list(lines) if left_out <= 1 else [*lines[:MOST], f"  and {left_out} {what} more"]


def _described(key: str, value: Any) -> list[str]:
    name = key.replace("_", " ")
    if isinstance(value, dict):
        lines = [f"  {k}: {_inline(v)}" for k, v in value.items()]
        return [f"{name}:", *_bounded(lines, name)] if value else []
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [f"{name}:", *_bounded([f"  {_inline(v)}" for v in value], name)]
    return [f"{name}: {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_inline(v)}" for k, v in value.items() if v != "")
    if isinstance(value, (list, tuple)):
        shown = " ".join(_inline(v) for v in value[:MOST]) or "none"
        return shown if len(value) <= MOST else f"{shown} ... ({len(value)} in all)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def run_convert(source: str, target: Path, options: dict[str, Any], layout: str, overwrite: bool) -> str:
    """Convert a dataset."""
    refuse_existing(target, overwrite)
    reading = examine(source, **options)
    save(reading.noted, target, **({} if target.suffix.lower() == ".nc" else {"layout": layout}))
    sizes = reading.dataset.sizes
    done = f"{sizes['unit']} units in {sizes['condition']} conditions: {target}"
    return printable("\n".join([*(f"note: {note}" for note in reading.notes), done]))


def reader_options(
    items: Sequence[str] | None, average: bool, drop: Sequence[str] | None, **others: Any
) -> dict[str, Any]:
    """Options of a reader: those given as key=value, and those that have an option of their own, if they are given.

    Raises
    ------
    UserError
        If one is not of that form.
    """
    pairs = [item.partition("=") for item in items or ()]
    if bad := [item for item, pair in zip(items or (), pairs, strict=True) if not pair[1]]:
        raise UserError(f"--option {bad[0]!r} is not of the form key=value, for example posture=supination.")
    asked = {key.strip(): parse_value(value.strip()) for key, _, value in pairs}
    if len(asked) < len(pairs):
        raise UserError("An option of the reader is given twice with --option: leave out one, or separate by commas.")
    own = {name: value for name, value in others.items() if value is not None}
    own |= ({"average": True} if average else {}) | ({"drop": list(drop)} if drop else {})
    if twice := [name for name in own if name in asked]:
        raise UserError(f"The option {twice[0]} is given twice, by --option, too: leave out one.")
    return asked | own
