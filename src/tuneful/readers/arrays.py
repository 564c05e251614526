"""Plain arrays as datasets, alone and with names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import DatasetError, make_dataset
from tuneful.curves.dataset import by_name
from tuneful.readers.names import Meaning, feature_name, meaning

RATES = (Meaning.RATE, Meaning.RATE_VAR, Meaning.N_TRIALS)


def from_array(rates: Any, conditions: Any = None, **options: Any) -> xr.Dataset:
    """The validated dataset of an array (units, conditions); the rest as in `make_dataset`."""
    if not isinstance(rates, np.ma.MaskedArray) and hasattr(rates, "__array__"):
        try:
            rates = np.asarray(rates)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"A {type(rates).__name__} is no array of rates: {error}") from error
    conditions = by_name("conditions", conditions)
    if isinstance(rates, np.ndarray):
        _refuse_transposed(rates.shape, conditions)
    return make_dataset(rates, conditions, **options)


def from_named(path: str | Path, arrays: Mapping[str, np.ndarray], **options: Any) -> xr.Dataset:
    """The validated dataset of named arrays, such as those of a .npz file.

    There is ``rate`` (units, conditions), perhaps ``rate_var`` and ``n_trials``, and one-dimensional arrays: those
    with a value for every condition are features, those with a value for every unit are properties. Options as in
    `from_array` take precedence.

    Raises
    ------
    DatasetError
        If there are no rates, or it cannot be told to what an array belongs.
    """
    named: dict[Meaning | None, str] = {}
    for name in arrays:
        if meaning(name) in (*RATES, Meaning.UNIT) and (other := named.setdefault(meaning(name), name)) != name:
            raise DatasetError(
                f"'{path}': '{other}' and '{name}' could both be '{meaning(name)}': leave one out, or rename it."
            )
    tables = [name for name, values in arrays.items() if values.ndim == 2]
    rate = named.get(Meaning.RATE) or (tables[0] if len(tables) == 1 else None)
    if rate is None:
        raise DatasetError(
            f"'{path}' has no array 'rate' (found: {', '.join(arrays) or 'nothing'}): save rates (units, conditions) "
            "under that name."
        )
    rates = arrays[rate]
    conditions, units = {}, {}
    for name, values in arrays.items():
        if name == rate or meaning(name) in (*RATES, Meaning.UNIT):
            continue
        if meaning(name) is Meaning.TRIAL:
            raise DatasetError(
                f"'{path}': '{name}' counts repeats, and has no place beside averages: leave it out; if rates are "
                "those of single trials, one a row, name what was shown with --conditions (conditions=...)."
            )
        target = conditions if _is_of_conditions(path, name, values, rates.shape) else units
        target["condition" if meaning(name) is Meaning.CONDITION else feature_name(name)] = _readable(values)
    given: dict[str, Any] = {"conditions": conditions, "units": units}
    for known in RATES[1:]:
        if known in named:
            given[str(known)] = arrays[named[known]]
    if Meaning.UNIT in named:
        given["unit_labels"] = _readable(arrays[named[Meaning.UNIT]])
    return from_array(rates, **given | options)


def _refuse_transposed(shape: tuple[int, ...], conditions: Mapping[str, Any]) -> None:
    lengths = {len(np.atleast_1d(np.asarray(values))) for values in conditions.values()}
    if len(shape) == 2 and lengths == {shape[0]} and shape[0] != shape[1]:
        raise DatasetError(
            f"The rates have shape {shape} and there are {shape[0]} conditions: units are rows and "
            "conditions are columns, so transpose them."
        )


def _is_of_conditions(path: str | Path, name: str, values: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array of a file has a value for every condition, and not one for every unit."""
    known = meaning(name)
    if len(shape) == 2 and values.shape in ((shape[0],), (shape[1],)):
        if shape[0] != shape[1]:
            if values.shape == (shape[0],) and known is Meaning.FEATURE:
                raise DatasetError(
                    f"'{path}': '{name}' is called like a feature of stimuli, and has a value for each of the "
                    f"{shape[0]} rows of rates {shape}: if rows are trials, say --conditions {name} "
                    "(conditions=...); transpose rates if they are conditions."
                )
            return values.shape == (shape[1],)
        if known in (Meaning.FEATURE, Meaning.CONDITION) or known in (Meaning.SESSION, Meaning.PROPERTY):
            return known in (Meaning.FEATURE, Meaning.CONDITION)
    raise DatasetError(
        f"'{path}': it cannot be told whether '{name}' {values.shape} belongs to the units or to the "
        f"conditions of rates {shape}: load the arrays, and give conditions and units to tuneful.load."
    )


def _readable(values: np.ndarray) -> np.ndarray:
    return values.astype(str) if values.dtype.kind == "S" else values
