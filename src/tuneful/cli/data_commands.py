"""What `tuneful data check` and `tuneful data convert` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuneful.cli.dataset_table import check_table
from tuneful.cli.pages import refuse_existing
from tuneful.errors import UserError
from tuneful.plain import printable
from tuneful.readers import examine, save
from tuneful.runs.overrides import parse_value


def run_check(path: str, options: dict[str, Any]) -> str:
    """Describe a source in plain lines: what it holds, what every column was taken for, and what looks wrong."""
    return check_table(examine(path, **options))


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
