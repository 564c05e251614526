"""What a command prints of its result: tables of plain text."""

from collections.abc import Iterator, Mapping
from typing import Any

from tuneful.fitting.tables import statistics_of
from tuneful.numbers import DASH, number
from tuneful.plot.entries import entries, full_name, intervals_of
from tuneful.report.fit.parameters import any_error, known_to


def fit_summary(result: Mapping[str, Any]) -> str:
    """How a fit ended, its distances and its parameters."""
    lines = [f"{result['stopped']} ({result['steps']} steps, {result['wall_seconds']:.1f} s)"]
    statistics = statistics_of(result)
    width = max([20, *(len(name) + 1 for name in statistics)])
    lines.append(f"{'statistic':<{width}}{'KS start':>10}{'KS end':>10}{'5 % line':>10}{'floor':>10}")
    for name, row in statistics.items():
        numbers = (row["ks_start"], row["ks"], row["line"], row["floor"])
        lines.append(f"{name:<{width}}" + "".join(f"{'-':>10}" if x is None else f"{x:>10.3f}" for x in numbers))
    return "\n".join([*lines, *_parameters(result), *notes(result)])


def _parameters(result: Mapping[str, Any]) -> Iterator[str]:
    """The recovered parameters beside the truth, and how well the curves fix them, where either is known."""
    rows = [
        (full_name(name, entry.name), entry, row["unit"])
        for name, row in result["parameters"].items()
        for entry in entries(row)
    ]
    width, is_known = max([20, *(len(name) + 1 for name, _, _ in rows)]), any_error(result)
    heads = f"{'start':>10}{'end':>10}{'truth':>10}" + (f"{'known to':>18}" if is_known else "")
    yield f"{'parameter':<{width}}{heads}  unit"
    for name, entry, unit in rows:
        numbers = "".join(f"{number(x, 4):>10}" for x in (entry.initial, entry.value, entry.truth))
        yield f"{name:<{width}}{numbers}" + (f"{known_to(entry):>18}" if is_known else "") + f"  {unit}"


def inference_summary(table: Mapping[str, Any]) -> str:
    """Intervals, what combinations are known to, and what must not be missed."""
    percent = f"{100 * table['level']:g} % interval"
    rows = [(name, entry) for name, about in table["parameters"].items() for entry in intervals_of(name, about)]
    width = max([20, *(len(entry.name) + 1 for _, entry in rows)])
    with_truth = any(entry.truth for _, entry in rows)
    lines = [f"{'parameter':<{width}}{'value':>10}{percent:>24}{'truth':>10}  identified"]
    if not with_truth:
        lines = [f"{'parameter':<{width}}{'value':>10}{percent:>24}  identified"]
    for _, entry in rows:
        truth = f"{entry.truth or DASH:>10}" if with_truth else ""
        lines.append(f"{entry.name:<{width}}{entry.value:>10}{entry.interval:>24}{truth}  {entry.verdict}")
    known = [f"  {one['words']}" for one in table["combinations"]]
    said = [f"test: {one['verdict']}" for one in table.get("tests", ())]
    said += [f"note: {sentence}" for sentence in table["remarks"]]
    return "\n".join([f"by {table['method']}:", *lines, "stiff combinations first:", *known, *said])


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
