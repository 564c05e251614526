"""Plots of a fit by the names of its statistics and parameters."""

from typing import Any, Protocol

from matplotlib.axes import Axes

from tuneful.errors import UserError, suggest
from tuneful.plot.courses import distance_course, has_course, step_course
from tuneful.plot.trajectories import parameter_course


class Fitted(Protocol):
    """What is read of a `tuneful.Fit`, fitted or loaded."""

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One dictionary a step."""
        ...

    @property
    def evaluations_(self) -> list[dict[str, Any]]:
        """Distances to the held-out units, every so often."""
        ...

    result_: dict[str, Any]


def trajectory(fit: Fitted, parameter: str, *, ax: Axes | None = None) -> Axes:
    """Plot the path of a parameter over the steps of a fit, from its start, with the truth where it is known.

    Parameters
    ----------
    fit
        A `tuneful.Fit`, fitted or loaded.
    parameter
        Its name; each entry of a matrix has a line.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If the circuit has no such parameter, or it was not fitted.
    """
    about = fit.result_["parameters"]
    if parameter not in about:
        raise UserError(f"There is no parameter {parameter!r}.{suggest(parameter, sorted(about))}")
    return parameter_course(fit.history_, parameter, about[parameter], ax=ax)


def distances(fit: Fitted, statistic: str, *, label: str = "", ax: Axes | None = None) -> Axes:
    """Plot the KS distance to the held-out units over the steps of a fit, with the 5 % line and the floor.

    Parameters
    ----------
    fit
        A `tuneful.Fit`, fitted or loaded.
    statistic
        Its name.
    label
        Of which units, where there are several.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If it was not computed, or there is no such label.
    """
    labels: list[str] = list(fit.result_.get("labels") or ())
    if label not in (labels or [""]):
        raise UserError(f"There is no label {label!r}: {_which(labels)}.")
    tables = fit.result_["statistics"]
    rows = tables[label] if label else tables
    if statistic not in rows:
        raise UserError(f"There is no statistic {statistic!r} of this fit.{suggest(statistic, sorted(rows))}")
    start = {"step": 0, "statistics": {statistic: rows[statistic]["ks_start"]}}
    told = [(entry["step"], entry["statistics"]) for entry in fit.evaluations_]
    evaluations = [{"step": step, "statistics": found[label] if label else found} for step, found in told]
    return distance_course([start, *evaluations], statistic, rows[statistic], ax=ax)


def _which(labels: list[str]) -> str:
    return f"choose one of {', '.join(labels)}" if labels else "leave it out, all units are of one"


def loss(fit: Fitted, *, ax: Axes | None = None) -> Axes:
    """Plot the loss over the steps of a fit.

    Parameters
    ----------
    fit
        A `tuneful.Fit`, fitted or loaded.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If no step was taken.
    """
    if not has_course(fit.history_, "loss"):
        raise UserError("The log of the fit holds no loss: no step was taken.")
    return step_course(fit.history_, "loss", ax=ax)
