"""What is known of a fit before its first step: what cannot end well is refused, what deserves a word is said."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.base import ChecksStimuli
from tuneful.circuits.observation import name_of, unit_of
from tuneful.circuits.parameters import value_of
from tuneful.curves import compute, features, make_dataset, rate_unit, statistics_for
from tuneful.curves.plausibility import doubts
from tuneful.errors import UserError
from tuneful.fitting.evaluation import at_predicted_conditions, features_not_predicted
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.unconstrained import check_parameters
from tuneful.objectives.feature_map import scaled_curves

if TYPE_CHECKING:
    import xarray as xr

    from tuneful.fitting.fits import FitTask

MEMORY = 2**31  # bytes that random numbers, rates, or distances of pairs of curves may take, on any machine


def check_fit(task: FitTask) -> list[str]:
    """Check all that can be known of a fit without a step of it, in far less time than one takes.

    Parameters
    ----------
    task
        What is to be fitted.

    Returns
    -------
    Sentences on what is allowed and seldom meant, for whoever waits for the fit.

    Raises
    ------
    UserError
        One sentence on what could not end well.
    """
    problem, settings = task.problem, task.settings
    check_parameters(problem.circuit)
    _check_distribution(task)
    _check_unit(problem.circuit, rate_unit(task.dataset))
    _check_logarithms(task)
    said = [*task.held_out.matching.remarks, *_about_features(problem.circuit, task.dataset)]
    said += stimuli_checked(problem.circuit)
    cells = check_size(problem.circuit, _curves_asked_for(settings))
    if problem.labels:
        _check_labels(cells, settings)
    if problem.objective.compares_pairs:
        _check_pairs(problem.objective.label, cells, settings)
    said += _about_prediction(problem.circuit, settings)
    return [*said, *_about_numbers(task), *_about_statistics(task), *doubts(task.held_out.whole)]


def defined_statistics(dataset: xr.Dataset, held_out: xr.Dataset) -> tuple[str, ...]:
    """Names of the statistics of a dataset that are defined for at least one held-out unit.

    Raises
    ------
    UserError
        If there is none.
    """
    names, rates, conditions = statistics_for(dataset), held_out["rate"].values, features(held_out)
    defined = tuple(name for name in names if not np.isnan(compute(name, rates, conditions)).all())
    if not defined:
        raise UserError(f"None of the statistics {', '.join(names)} is defined for these curves: choose others.")
    return defined


def stimuli_checked(circuit: AbstractCircuit) -> list[str]:
    """What is to be said of the stimuli of a circuit.

    Raises
    ------
    UserError
        For stimuli that it cannot answer, or cannot tell apart.
    """
    try:
        said = circuit.check_stimuli() if isinstance(circuit, ChecksStimuli) else []
        conditions = circuit.conditions()
        make_dataset(np.ones((1, len(next(iter(conditions.values()), ())))), conditions)
    except ValueError as error:
        raise UserError(str(error)) from error
    return said


def check_size(circuit: AbstractCircuit, curves: Mapping[str, int]) -> int:
    """Refuse networks and numbers of curves that no memory holds, before any is asked for.

    Parameters
    ----------
    circuit
        What curves are drawn from.
    curves
        How many, by the name of the setting that asks for them.

    Returns
    -------
    How many curves one realisation yields.

    Raises
    ------
    UserError
        For the first that is too large.
    """
    size = _bytes(jax.eval_shape(circuit.draw, jax.random.key(0)))
    _refuse_above(size, f"One realisation of {_with_numbers(circuit)}: its random numbers", "make it smaller")
    response = circuit.response_shapes()
    cells = len(response.rates)
    for setting, n in curves.items():
        size = -(-n // cells) * _bytes(response)
        _refuse_above(size, f"{setting} = {n}: the rates of so many curves", f"choose a smaller {setting}")
    return cells


def _refuse_above(size: int, what: str, advice: str) -> None:
    if size > MEMORY:
        here = f" of the {_gigabytes(have)} of this machine" if (have := _memory()) else ""
        raise UserError(f"{what} take {_gigabytes(size)}, and may take {_gigabytes(MEMORY)}{here}: {advice}.")


def _memory() -> int | None:
    """Bytes of memory that this machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None


def _with_numbers(circuit: AbstractCircuit) -> str:
    """The name of a circuit with the settings that are whole numbers: its size depends on them."""
    values = {field.name: getattr(circuit, field.name) for field in dataclasses.fields(circuit)}
    numbers = ", ".join(f"{name} = {value}" for name, value in values.items() if type(value) is int)
    return name_of(circuit) + (f" ({numbers})" if numbers else "")


def _bytes(arrays: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(arrays) if hasattr(leaf, "dtype"))


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:,.0f} GiB"


def _curves_asked_for(settings: FitSettings) -> dict[str, int]:
    names = ["batch", "evaluation_curves", "final_curves"]
    names += ["refine_batch"] * (settings.refine_steps > 0) + ["prediction_curves"] * bool(settings.predict)
    return {name: getattr(settings, name) for name in names}


def _check_distribution(task: FitTask) -> None:
    """Refuse units without any difference: there is no scale to whiten with, and no distribution to fit."""
    for name, part in zip(task.held_out.matching.names, task.problem.data.parts, strict=True):
        rates, observed = np.asarray(part.rates), np.asarray(part.observed)
        units = f"{len(rates)} units{f' of {name}' if len(task.problem.data.counts) > 1 else ''} left for the fit"
        if observed.sum(axis=0).max() < 2:
            raise UserError(f"No condition was measured in two of the {units}: there is no distribution to fit.")
        highest, lowest = np.where(observed, rates, -np.inf).max(0), np.where(observed, rates, np.inf).min(0)
        if not (highest > lowest).any():
            raise UserError(
                f"The {units} all have the same curve (at most {highest.max():g} {rate_unit(task.dataset)}): there "
                "is no distribution to fit."
            )


def _check_labels(cells: int, settings: FitSettings) -> None:
    """Every label needs a curve wherever curves are compared."""
    for name in ("evaluation_curves", "final_curves", *(["prediction_curves"] if settings.predict else [])):
        if getattr(settings, name) < cells:
            raise UserError(
                f"{name} = {getattr(settings, name)} is fewer than the {cells} cells of one realisation: choose a "
                "larger one, so that there are curves of every label."
            )


def _check_unit(circuit: AbstractCircuit, unit: str) -> None:
    """Refuse curves in another unit than those of the circuit: their heights would be compared in silence."""
    own, name = unit_of(circuit), name_of(circuit)
    if own != unit:
        raise UserError(
            f"The curves are in {unit}, and those of {name} in {own}: fit a gain between the two (an observation "
            "with a gain, --set observation.gain=1)."
        )


def _check_logarithms(task: FitTask) -> None:
    """Refuse responses that have no logarithm in the objective, as ΔF/F far below zero."""
    objective = task.problem.objective
    log_above, relative = (getattr(objective, name, None) for name in ("log_above", "relative"))
    if log_above is None:
        return
    parts = ((part.observed, scaled_curves(part, log_above, relative)[1]) for part in task.problem.data.parts)
    if not all(np.isfinite(np.asarray(curves)[np.asarray(observed)]).all() for observed, curves in parts):
        lowest = float(np.nanmin(task.dataset["rate"].values))
        of_mean = f" of the mean of a {relative}" * bool(relative)
        raise UserError(
            f"Responses go down to {lowest:.3g} {rate_unit(task.dataset)}, and the objective ({objective.label}) "
            f"takes their logarithms, which end at -{log_above:g}{of_mean}: leave these out by log_above = none, "
            "--set log_above=none."
        )


def _about_features(circuit: AbstractCircuit, dataset: xr.Dataset) -> Iterator[str]:
    name, given = name_of(circuit), features(dataset)
    unknown = _unknown(circuit, given)
    if varying := [feature for feature in unknown if len(np.unique(given[feature])) > 1]:
        drop, many = " ".join(f"--drop {feature}" for feature in varying), len(varying) > 1
        raise UserError(
            f"The {name} does not know {_listed(varying)}: leave {'them' if many else 'it'} out ({drop}) or select "
            f"one value{' of each' if many else ''}."
        )
    if unknown:
        yield f"The {name} does not know {_listed(unknown)}, constant in these data: no part of the fit."
    for feature, values in circuit.conditions().items():
        if feature not in given:
            yield f"The data have no feature {feature}: the {name} takes {values[0]:g} in every condition."


def _unknown(circuit: AbstractCircuit, asked: Iterable[str]) -> list[str]:
    known = circuit.stimulus_features or tuple(circuit.conditions())
    return [feature for feature in asked if feature not in known]


def _listed(names: list[str]) -> str:
    return f"the feature{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _check_pairs(objective: str, cells: int, settings: FitSettings) -> None:
    """An objective that compares pairs of curves needs two realisations, and memory for all pairs."""
    smaller = ["refine_first"] * (settings.refine_first < settings.refine_batch)
    for name in ["batch", *(["refine_batch", *smaller] if settings.refine_steps else [])]:
        n = getattr(settings, name)
        if n <= cells:
            raise UserError(
                f"{name} = {n} is one realisation of {cells} cells, and the objective {objective} "
                f"compares realisations: {name} must be above {cells}."
            )
        _refuse_above(4 * n**2, f"{name} = {n}: all pairs of so many curves", f"choose a smaller {name}")


def _about_prediction(circuit: AbstractCircuit, settings: FitSettings) -> Iterator[str]:
    if not settings.predict:
        return
    if unknown := _unknown(circuit, settings.predict):
        raise UserError(f"fit.predict: the {name_of(circuit)} does not know {_listed(unknown)}.")
    if lacking := features_not_predicted(circuit, settings):
        yield f"Nothing is predicted: fit.predict lacks {_listed(lacking)}, which the data vary."
    elsewhere = at_predicted_conditions(circuit, settings)
    if elsewhere is None:
        return
    try:
        yield from (f"fit.predict: {sentence}" for sentence in stimuli_checked(elsewhere))
    except UserError as error:
        raise UserError(f"fit.predict: {error}") from error


def _about_numbers(task: FitTask) -> Iterator[str]:
    units, conditions = task.problem.data.rates.shape
    circuit, known = task.problem.circuit, task.problem.circuit.parameters()
    parameters = sum(value_of(circuit, name).size for name in task.problem.fitted if name in known)
    numbers = {"conditions": conditions, "fitted parameters": parameters}
    if more := [f"{what} ({n})" for what, n in numbers.items() if n > units]:
        yield (
            f"The fit sees {units} units, fewer than there are {' and '.join(more)}: expect wide intervals, and "
            "parameters that the data do not tell apart."
        )
    if conditions == 1:
        yield "There is one condition: the fit sees rates, and no tuning."
    elif (np.asarray(task.problem.data.observed).sum(axis=1) < 2).all():
        yield "Every unit was measured in one condition only: the fit sees rates, and no tuning."


def _about_statistics(task: FitTask) -> Iterator[str]:
    if left_out := [name for name in statistics_for(task.dataset) if name not in task.held_out.names]:
        yield f"Not defined for the held-out units, and left out: {', '.join(left_out)}."
