"""How a fit shows itself: in a line, as tables in a notebook."""

from typing import TYPE_CHECKING, Any

from tuneful.circuits.observation import name_of
from tuneful.display import Table, in_a_line
from tuneful.fitting.tables import statistics_of

if TYPE_CHECKING:
    from tuneful.runs.estimator import Fit


def title(fit: "Fit") -> str:
    """What is fitted by what."""
    return f"Fit of {name_of(fit.circuit)} by {fit.objective.label}"


def state(fit: "Fit") -> str:
    """Whether and how it was fitted."""
    found = fit.__dict__.get("result_")
    if found is None:
        return "fitted, and not reported on" if "circuit_" in fit.__dict__ else "not fitted"
    distances = in_a_line((f"KS {name}", row["ks"]) for name, row in statistics_of(found).items())
    return f"{found['stopped']} ({found['steps']} steps), {distances}"


def tables(result: dict[str, Any] | None) -> list[Table]:
    """Distances and parameters, of a fit that has a result."""
    if result is None:
        return []
    distances = [
        (name, row["ks_start"], row["ks"], row["line"], row["floor"]) for name, row in statistics_of(result).items()
    ]
    values = [
        (name, row["initial"], row["value"], row["truth"], row["unit"]) for name, row in result["parameters"].items()
    ]
    return [
        (("statistic", "KS start", "KS end", "5 % line", "floor"), distances),
        (("parameter", "start", "end", "truth", "unit"), values),
    ]
