"""Which of several fits to the same curves has the lowest loss, and which are one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import equinox as eqx

from tuneful.circuits.keys import as_key
from tuneful.errors import UserError
from tuneful.fitting.places import CURVES, MOST, SAMPLES, Places, compare_places
from tuneful.fitting.unconstrained import unconstrained_values, with_unconstrained
from tuneful.runs.estimator import Fit

if TYPE_CHECKING:
    from tuneful.circuits import AbstractCircuit
    from tuneful.circuits.keys import Key


def places_of(fits: Mapping[str, Fit], seed: Key = 0, curves: int = SAMPLES * MOST) -> Places:
    """Compare the answers of fits of one circuit to the same curves by the same objective.

    Parameters
    ----------
    fits
        By name, two or more.
    seed
        Decides the curves.
    curves
        At each place, at most.

    Raises
    ------
    UserError
        For fits that do not minimise the same loss, and where too few realisations settle.
    """
    (name, first), *others = fits.items()
    for other, fit in others:
        _refuse_another_loss((name, first), (other, fit))
    problem = replace(first.task_.problem, circuit=first.circuit_)
    answers = {own: unconstrained_values(fit.circuit_, problem.fitted) for own, fit in fits.items()}
    most = max(1, curves // SAMPLES)
    return compare_places(problem, answers, as_key(seed), min(CURVES, most), most)


def _refuse_another_loss(one: tuple[str, Fit], other: tuple[str, Fit]) -> None:
    """Refuse two fits, each with its name, whose losses are not the same function of the fitted parameters."""
    (first, a), (second, b) = one, other
    ours, theirs = a.task_.problem, b.task_.problem
    if not eqx.tree_equal(ours.data, theirs.data):
        raise UserError(
            f"{first} and {second} were not fitted to the same units: fit both to one file with one seed, held_out "
            "and label_weights."
        )
    if set(ours.fitted) != set(theirs.fitted) or not _same(_with_values_of(a, b, ours.fitted), b.circuit_):
        raise UserError(
            f"{first} and {second} have other circuits, or other values of what was not fitted: their answers are no "
            "two places of one loss. `tuneful compare` says which predicts better."
        )
    if not _same((ours.objective, ours.penalties, ours.labels), (theirs.objective, theirs.penalties, theirs.labels)):
        raise UserError(
            f"{first} and {second} have other objectives or penalties: there is no loss that both minimise. `tuneful "
            "compare` says which predicts better."
        )


def _with_values_of(a: Fit, b: Fit, fitted: tuple[str, ...]) -> AbstractCircuit:
    """The circuit of `a` where `b` ended."""
    names = [name for name in fitted if name in b.circuit_.parameters()]
    return with_unconstrained(a.circuit_, unconstrained_values(b.circuit_, names))


def _same(one: object, other: object) -> bool:
    """Whether two are equal but for rounding."""
    return bool(eqx.tree_equal(one, other, rtol=1e-4, atol=1e-6))
