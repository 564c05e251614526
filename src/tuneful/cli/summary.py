"""What a command prints of its result: tables of plain text."""

from collections.abc import Mapping
from typing import Any

from tuneful.report.fit.parameters import entries
from tuneful.report.numbers import number


def fit_summary(result: Mapping[str, Any]) -> str:
    """How a fit ended, its distances and its parameters."""
    lines = [f"{result['stopped']} ({result['steps']} steps, {result['wall_seconds']:.1f} s)"]
    lines.append(f"{'statistic':<20}{'KS start':>10}{'KS end':>10}{'5 % line':>10}{'floor':>10}")
    for name, row in result["statistics"].items():
        numbers = (row["ks_start"], row["ks"], row["line"], row["floor"])
        lines.append(f"{name:<20}" + "".join(f"{'-':>10}" if x is None else f"{x:>10.3f}" for x in numbers))
    lines.append(f"{'parameter':<20}{'start':>10}{'end':>10}{'truth':>10}  unit")
    for name, row in result["parameters"].items():
        for entry in entries(row):
            numbers = "".join(f"{number(x, 4):>10}" for x in (entry.initial, entry.value, entry.truth))
            lines.append(f"{f'{name}_{entry.name}' if entry.name else name:<20}{numbers}  {row['unit']}")
    return "\n".join([*lines, *notes(result)])


def stabilize_summary(result: Mapping[str, Any], scalar_lines: list[str]) -> str:
    """How a descent ended, its checks and its scalars."""
    broken = [check["name"] for check in result["checks"] if not check["holds"]]
    holding = f"all {len(result['checks'])} hold"
    checks = f"checks: {', '.join(broken) + ' violated' if broken else holding}"
    head = f"{result['reason']} ({result['steps']} steps, {result['wall_seconds']:.1f} s)"
    return "\n".join([head, checks, *scalar_lines, *notes(result)])


def notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader of the numbers must not miss."""
    return [f"note: {sentence}" for sentence in result["warnings"]]
