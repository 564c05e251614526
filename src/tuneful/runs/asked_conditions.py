"""Conditions that somebody asks for, beside those that are measured."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from tuneful.circuits import AbstractCircuit
from tuneful.errors import UserError, suggest

Features = dict[str, np.ndarray]


def as_conditions(texts: Sequence[str], option: str) -> dict[str, list[float]]:
    """Read ``size=1,2,4``: values by the name of their feature; `option` is what sentences call them.

    Raises
    ------
    UserError
        For anything else.

    >>> as_conditions(["size=1,2", "contrast=10"], "--candidates")
    {'size': [1.0, 2.0], 'contrast': [10.0]}
    """
    found = dict[str, list[float]]()
    for text in texts:
        name, _, values = text.partition("=")
        try:
            numbers = [float(value) for value in values.split(",")]
        except ValueError:
            numbers = []
        if not name or not numbers or name in found or not np.isfinite(numbers).all():
            raise UserError(f"{option} {text}: write FEATURE=VALUE,VALUE,..., each feature once, such as size=1,2,4.")
        found[name] = numbers
    return found


def new_conditions(
    circuit: AbstractCircuit, present: Mapping[str, np.ndarray], asked: Mapping[str, Sequence[float]], option: str
) -> Features:
    """All combinations of values that are not shown already.

    Features that are not asked for stay as they are, if they are the same in all present conditions.

    Raises
    ------
    UserError
        For features that the circuit or the data do not know, that are lacking, and where nothing new is left.
    """
    known = {*present, *circuit.conditions(), *circuit.stimulus_features}
    for name in asked:
        if name not in known:
            raise UserError(
                f"{option}: {type(circuit).__name__} has no feature {name!r}.{suggest(name, sorted(known))}"
            )
        if name not in present:
            raise UserError(
                f"{option}: the data do not say the {name} of their conditions, so that nothing varies in it."
            )
    values = dict(asked)
    for name, there in present.items():
        if name not in values:
            if len(np.unique(there)) > 1:
                raise UserError(f"{option}: {name} varies between the conditions: say which values of it are meant.")
            values[name] = [float(there[0])]
    shown = {tuple(float(present[name][i]) for name in values) for i in range(len(next(iter(present.values()))))}
    rows = [row for row in dict.fromkeys(itertools.product(*values.values())) if row not in shown]
    if not rows:
        raise UserError(f"{option}: all of these conditions are shown already.")
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(values)}


def with_conditions(
    circuit: AbstractCircuit, present: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray], option: str
) -> tuple[AbstractCircuit, Features]:
    """The circuit in present conditions and in others, the present ones first, and the features of all.

    Raises
    ------
    UserError
        For conditions that the circuit cannot answer.
    """
    whole = {name: np.concatenate([present[name], more[name]]) for name in present}
    try:
        return circuit.at_conditions(whole), whole
    except ValueError as error:
        raise UserError(f"{option}: {error}") from error
