"""Variables of MATLAB and NumPy files: arrays of curves, columns of a table, or trials, as the user says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.readers.arrays import from_array, from_named
from tuneful.readers.columns import Table
from tuneful.readers.intervals import ENDS, STARTS, Intervals, choices, conditions_of, response_windows
from tuneful.readers.matlab import read_structs
from tuneful.readers.names import Meaning, meaning, normal
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Column, Role
from tuneful.readers.spike_trains import TIMES, ascending, trains_of
from tuneful.readers.spikes import rates_in
from tuneful.readers.tables import read_frame
from tuneful.readers.trials import Trials, from_trials, kept
from tuneful.readers.weights import read_arrays

Fields = dict[str, Any]
COUNTS = ("count", "counts", "spike_count", "spike_counts", "n_spikes")


def read_variables(
    path: str | Path,
    variable: str | None = None,
    conditions: Any = None,
    window: Sequence[float] | str | None = None,
    response: str | None = None,
    drop: str | Sequence[str] = (),
    **options: Any,
) -> Reading:
    """The validated dataset of a .mat, .npz or .npy file.

    Without `conditions`, a file holds curves: ``rate`` (units, conditions) with features and properties, or the
    columns of a table, one measurement a row. With them it holds trials: the elements of a structure array, or fields
    with one value a trial, and a response (trials, units): rates, counts (divided by the length of the window), or
    cells of spike times, in seconds from the start of the trial (or of the session, a cell a unit, where trials have
    fields ``start`` and ``end``).

    Parameters
    ----------
    path
        The file.
    variable
        The structure to read, if there are several variables; dots lead into structures (``data.trials``).
    conditions
        Fields that say what was shown in a trial, a list or names with commas between them. (A mapping is that of
        `from_named`.)
    window
        (from, to) in seconds, in which spikes are counted, or were.
    response
        The field of the response, if several could be.
    drop
        Trials (``contrast=0``) or features that are left out.
    **options
        Those of `tuneful.curves.make_dataset`, or of `read_table`.

    Raises
    ------
    DatasetError
        If it cannot be told what the file holds; what there is to choose from is listed.
    """
    path = Path(path)
    fields, notes = _fields(path, _content(path), variable)
    if conditions is None or isinstance(conditions, Mapping):
        asked = options | ({} if conditions is None else {"conditions": conditions})
        found = _curves(path, fields, asked, drop)
    else:
        limits = window.split(",") if isinstance(window, str) else window
        found = _trials(path, fields, conditions, limits, response, drop)
    reading = found if isinstance(found, Reading) else Reading.of(found)
    return replace(reading, notes=[*notes, *reading.notes])


def _content(path: Path) -> Any:
    """All variables of a file by their names."""
    if path.suffix.lower() == ".mat":
        read_arrays(path)  # which says what is wrong with it
        return read_structs(path)
    return {name: np.asarray(values) for name, values in read_arrays(path).items()}


def _fields(path: Path, content: Fields, variable: str | None) -> tuple[Fields, list[str]]:
    """The fields of the structure that is asked for, the only one, or all variables; and what is not read."""
    structures = [name for name, value in content.items() if isinstance(value, dict | list)]
    if variable is None and len(structures) > 1:
        raise DatasetError(
            f"'{path}' holds several structures: say --option variable=..., one of {', '.join(structures)}."
        )
    notes = []
    if variable is None and structures and len(content) > 1:
        others = [name for name in content if name not in structures]
        notes.append(f"The structure '{structures[0]}' was read, and not {', '.join(others)}.")
        variable = structures[0]
    chosen: Any = content
    for part in variable.split(".") if variable else ():
        if not isinstance(chosen, dict) or part not in chosen:
            known = [str(name) for name in chosen] if isinstance(chosen, dict) else []
            raise DatasetError(f"'{path}' has no variable '{variable}'.{suggest(part, known) if known else ''}")
        chosen = chosen[part]
    while isinstance(chosen, dict) and len(chosen) == 1 and isinstance(next(iter(chosen.values())), dict | list):
        chosen = next(iter(chosen.values()))
    if isinstance(chosen, list):
        chosen = _columns(chosen)
    if not isinstance(chosen, dict):
        raise DatasetError(f"'{path}': the variable '{variable}' is no structure: choose one with fields.")
    if not chosen:
        raise DatasetError(f"'{path}' holds no variables that can be read: save arrays, structures or cells.")
    return {str(name): _flat(value) for name, value in chosen.items() if value is not None}, notes


def _columns(rows: list[Fields]) -> Fields:
    """The fields of an array of structures, each as an array of objects with one a structure."""
    columns = {}
    for name in rows[0] if rows else ():
        values = [_flat(row[name]) for row in rows]
        columns[name] = np.empty(len(rows), object)
        columns[name][:] = values
    return columns


def _flat(value: Any) -> Any:
    """An array without dimensions of one element, those of numbers and text as arrays of these."""
    if not isinstance(value, np.ndarray):
        return value
    array = np.squeeze(value) if value.ndim > 1 else value
    array = np.atleast_1d(array) if array.dtype.kind == "O" else array
    if array.dtype.kind != "O":
        return array
    kinds = {np.ndim(item) if not isinstance(item, str) else "text" for item in array.flat}
    if array.ndim == 1 and kinds in ({0}, {"text"}):
        return np.array([item if isinstance(item, str) else np.asarray(item).item() for item in array])
    return array


def _curves(path: Path, fields: Fields, options: dict[str, Any], drop: str | Sequence[str]) -> Reading | xr.Dataset:
    """Curves: columns of one length of which one labels units and one holds rates, or a table of rates."""
    if "" in fields:
        return from_array(fields[""], **options)
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    known = {meaning(name) for name, value in arrays.items() if value.ndim == 1}
    one_length = len({value.shape for value in arrays.values()}) == 1
    if one_length and {Meaning.UNIT, Meaning.RATE} <= known:
        return read_frame(pd.DataFrame(arrays), {"drop": drop} | options)
    numeric = {name: value for name, value in arrays.items() if value.dtype.kind != "O"}
    if not any(value.ndim == 2 for value in numeric.values()):
        trials = _of_trials(arrays)
        advice = f"if it holds trials, say --conditions (conditions=...), {choices(trials)}" if trials else "save one"
        raise DatasetError(f"'{path}' holds no table of rates (units, conditions): {advice}.")
    return from_named(path, numeric, **options)


def _of_trials(arrays: Mapping[str, np.ndarray]) -> Table:
    """Fields with one number or text a trial."""
    return {n: pd.Series(value) for n, value in arrays.items() if value.ndim == 1 and value.dtype.kind in "biufU"}


def _trials(
    path: Path, fields: Fields, conditions: Any, window: Any, response: str | None, drop: str | Sequence[str]
) -> Reading:
    """Trials with a response of every unit."""
    known = _of_trials({name: value for name, value in fields.items() if isinstance(value, np.ndarray)})
    shown = conditions_of(conditions, known)
    n_trials = len(next(iter(shown.values())))
    others = {name: values for name, values in known.items() if len(values) == n_trials}
    rows, shown = kept(shown, others, n_trials, drop)
    name = _response(path, fields, list(shown), n_trials, response)
    rates, notes = _rates(path, name, fields, others, rows, window)
    n_units = rates.shape[1]
    of_units = {n: np.asarray(v) for n, v in known.items() if len(v) == n_units != n_trials}
    labels = [n for n in of_units if meaning(n) is Meaning.UNIT]
    label = of_units.pop(labels[0]) if len(labels) == 1 else None
    found = from_trials(Trials(rates, shown, None if label is None else label.astype(str), of_units, notes=notes))
    told = {column.name for column in found.columns}
    columns = [Column(name, Role.ENTRY, "the response of all units"), *found.columns]
    columns += [Column(n, Role.IGNORED, "not among the conditions") for n in others if n not in told]
    return Reading(found.dataset, columns, found.notes)


def _response(path: Path, fields: Fields, shown: Sequence[str], n_trials: int, asked: str | None) -> str:
    """The field of the response: as asked, or the only one that could be."""
    if asked is not None and asked not in fields:
        raise DatasetError(f"'{path}' has no field '{asked}'.{suggest(asked, fields)}")
    others = {name: v for name, v in fields.items() if name not in shown and isinstance(v, np.ndarray)}
    several = [n for n, v in others.items() if v.shape[:1] == (n_trials,) and (v.ndim == 2 or v.dtype == "O")]
    found = [n for n in others if normal(n) in TIMES or n in several]
    name = asked or (found[0] if len(found) == 1 else None)
    if name is None:
        what = f"several of {', '.join(found)} could be" if found else f"none of {', '.join(fields)} is"
        raise DatasetError(
            f"'{path}' has {n_trials} trials, and {what} the response (trials, units) or cells of spike times: say "
            "--option response=..., or transpose it."
        )
    return name


def _rates(
    path: Path, name: str, fields: Fields, others: Mapping[str, Any], rows: np.ndarray, window: Any
) -> tuple[np.ndarray, list[str]]:
    """Rates of the chosen trials, (trials, units), Hz, and what to say of them."""
    values, n_trials = fields[name], len(next(iter(others.values())))
    if not np.ndim(values):
        raise DatasetError(f"'{path}': '{name}' is one value, and no response of trials: choose another field.")
    start, end = ([n for n in others if normal(n) in known] for known in (STARTS, ENDS))
    if normal(name) in TIMES and start and end:
        times = Intervals(np.asarray(others[start[0]], float)[rows], np.asarray(others[end[0]], float)[rows])
        return rates_in(trains_of([np.ravel(cell) for cell in values]), *response_windows(times, window))
    trials = [np.asarray(values[i]) for i in rows] if len(values) == n_trials else []
    if normal(name) in TIMES or any(trial.dtype.kind == "O" for trial in trials):
        return _counted(path, name, trials, window), []
    shapes = {trial.shape for trial in trials}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or any(trial.dtype.kind not in "biuf" for trial in trials):
        raise DatasetError(f"'{path}': '{name}' does not have one number a unit in each of the {n_trials} trials.")
    rates = np.stack(trials).astype(float)
    if normal(name) not in COUNTS:
        return rates, []
    if window is None:
        raise DatasetError(f"'{path}': '{name}' are counts, and no rates: say in which --window they were counted.")
    first, last = response_windows(Intervals(np.zeros(1), np.zeros(1)), window)
    return rates / (last - first), []


def _counted(path: Path, name: str, trials: Sequence[np.ndarray], window: Any) -> np.ndarray:
    """Rates of spikes whose times are from the start of the trial, (trials, units)."""
    if window is None:
        raise DatasetError(
            f"'{path}': '{name}' holds spike times of trials that do not say how long they were observed: say "
            "--window, such as --window 0 0.5 (or give trials fields start and end, if times are of the session)."
        )
    cells = [list(np.ravel(trial)) if trial.dtype.kind == "O" else [trial] for trial in trials]
    if len({len(trial) for trial in cells}) != 1:
        raise DatasetError(f"'{path}': '{name}' does not have a cell of spike times of every unit in each trial.")
    zero = Intervals(np.zeros(1), np.zeros(1))
    first, last = response_windows(zero, window)
    limits = np.concatenate([first, last])
    counts = np.array([[np.diff(np.searchsorted(_times(cell), limits))[0] for cell in trial] for trial in cells])
    if not counts.any():
        raise DatasetError(f"'{path}': no spike of '{name}' lies within the window: are both in seconds?")
    return counts / (last - first)


def _times(cell: Any) -> np.ndarray:
    return ascending("in a trial", np.ravel(np.asarray(cell)) if np.size(cell) else np.zeros(0))
