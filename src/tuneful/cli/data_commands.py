"""What `tuneful data check` and `tuneful data convert` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuneful.curves import describe
from tuneful.errors import UserError
from tuneful.readers import load, save
from tuneful.runs.overrides import parse_value


def run_check(path: str, options: Sequence[str]) -> str:
    """Describe a dataset in plain lines."""
    found = describe(load(path, **_options(options)))
    return "\n".join(line for key, value in found.items() for line in _described(key, value))


def _described(key: str, value: Any) -> list[str]:
    name = key.replace("_", " ")
    if isinstance(value, dict):
        return [f"{name}:", *(f"  {k}: {_inline(v)}" for k, v in value.items())] if value else []
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [f"{name}:", *(f"  {_inline(v)}" for v in value)]
    return [f"{name}: {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_inline(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(_inline(v) for v in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def run_convert(source: str, target: Path, options: Sequence[str], layout: str, overwrite: bool) -> str:
    """Convert a dataset."""
    refuse_existing(target, overwrite)
    dataset = load(source, **_options(options))
    save(dataset, target, **({} if target.suffix == ".nc" else {"layout": layout}))
    return f"{dataset.sizes['unit']} units in {dataset.sizes['condition']} conditions: {target}"


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file that nobody said may be replaced."""
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists: choose another file, or add --overwrite to replace it.")


def _options(items: Sequence[str]) -> dict[str, Any]:
    """Options of a reader, given as key=value."""
    pairs = [item.partition("=") for item in items]
    if bad := [item for item, pair in zip(items, pairs, strict=True) if not pair[1]]:
        raise UserError(f"--option {bad[0]!r} is not of the form key=value, for example posture=supination.")
    return {key.strip(): parse_value(value.strip()) for key, _, value in pairs}
