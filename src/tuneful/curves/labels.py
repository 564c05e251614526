"""Labels: which measured units are compared with which recorded cells of a circuit."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Int

from tuneful.curves.schema import DatasetError, unit_properties
from tuneful.errors import UserError, suggest

if TYPE_CHECKING:
    import xarray as xr

COMPARED_AS = "compared_as"  # the coordinate of units that holds the name of their label, "" of none
NEAREST, IGNORE = "nearest", "ignore"
ROUNDING = 1e-6  # numbers that differ by less, relative to the largest, are one
MOST = 12  # values that a sentence lists
BEGINNINGS = {"excites": ("e", "pc", "pyr"), "inhibits": ("i", "pv", "sst", "som", "vip", "fs")}  # names of types
Made = TypeVar("Made")
How = str | Mapping[str, str | float]  # {value in the data: value in the circuit}, "nearest" or "ignore"


@dataclass(frozen=True, eq=False)
class Matching:
    """Which units and which recorded cells are compared with each other: those of the same label.

    names
        Of the labels, such as "E" or "E at 0.5"; "" where there is but one, of all.
    units
        The label of every unit of the dataset, an index of `names`; -1 is left out.
    cells
        The same for every recorded cell; empty where all are of one label.
    remarks
        What is to be said of it, in sentences.
    """

    names: tuple[str, ...]
    units: Int[np.ndarray, " units"]
    cells: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()

    @classmethod
    def of_all(cls, dataset: xr.Dataset) -> Matching:
        """All units are compared with all recorded cells."""
        return cls(("",), np.zeros(dataset.sizes["unit"], int))

    def marked(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with the names of labels as a coordinate of its units, unless all are of one."""
        if not self.units.any():
            return dataset
        return dataset.assign_coords({COMPARED_AS: ("unit", self._named(self.units))})

    def compared(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset without the units that are left out."""
        kept = self.units >= 0
        return dataset if kept.all() else dataset.isel(unit=np.flatnonzero(kept))

    def of_cells(self) -> dict[str, np.ndarray]:
        """The same coordinate for the recorded cells of one realisation; nothing where all are of one label."""
        return {COMPARED_AS: self._named(self.cells)} if self.cells else {}

    def _named(self, labels: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.array([*self.names, ""])[np.asarray(labels, int)]


def of_label(curves: xr.Dataset, name: str) -> xr.Dataset:
    """The curves of one label; all of them where none has a label.

    >>> from tuneful.curves import make_dataset
    >>> curves = make_dataset([[1.0], [2.0]], {"size": [1.0]}, {"compared_as": ["E", "I"]})
    >>> of_label(curves, "I")["rate"].values
    array([[2.]])
    """
    if COMPARED_AS not in curves.coords:
        return curves
    return curves.isel(unit=np.flatnonzero(curves[COMPARED_AS].values == name))


def by_label(names: Sequence[str], make: Callable[[str], Made]) -> Made | dict[str, Made]:
    """What is made of every label, by its name; where there is but one, what is made of it."""
    return {name: make(name) for name in names} if len(names) > 1 else make(names[0])


def each(tables: Mapping[str, Any], names: Iterable[str], make: Callable[[Any], Made]) -> Made | dict[str, Made]:
    """What is made of every label's table, by label; of the table itself where there are no labels."""
    names = list(names)
    return {name: make(tables[name]) for name in names} if names else make(tables)


def in_one(tables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Tables by label as one, with the label before every key; one without labels stays.

    >>> in_one({"E": {"rate": 0.1}, "I": {"rate": 0.2}}, ["E", "I"]), in_one({"rate": 0.1}, [])
    ({'E: rate': 0.1, 'I: rate': 0.2}, {'rate': 0.1})
    """
    names = list(names)
    if not names:
        return dict(tables)
    return {f"{name}: {key}": value for name in names for key, value in tables[name].items()}


def match_units(
    dataset: xr.Dataset, cells: Mapping[str, np.ndarray], match: Mapping[str, How], circuit: str
) -> Matching:
    """Find the recorded cells that every unit is compared with, by the properties that both have.

    Names are the same, or the same but for their case; numbers, but for rounding; or `match` says what stands for
    what. A property that one side does not have decides nothing: without any in common, all units are compared with
    all recorded cells.

    Parameters
    ----------
    dataset
        The data, validated.
    cells
        Properties of the recorded cells, name -> values (`AbstractCircuit.populations`).
    match
        For a property, {value in the data: value in the circuit}, which leaves out units of all other values;
        "nearest", for numbers: every unit has the nearest value; or "ignore": the property decides nothing.
    circuit
        What sentences call the circuit.

    Raises
    ------
    DatasetError
        For units without any partner, unless `match` leaves them out. Both sides are listed.
    UserError
        For a `match` that names what is not there.

    >>> from tuneful.curves import make_dataset
    >>> data = make_dataset([[1.0], [2.0], [3.0]], {"size": [1.0]}, {"cell_type": ["PC", "PV", "VIP"]})
    >>> cells = {"cell_type": np.array(["E", "I"])}
    >>> found = match_units(data, cells, {"cell_type": {"PC": "E", "PV": "I"}}, "SSN")
    >>> found.names, found.units, found.cells, found.remarks
    (('E', 'I'), array([ 0,  1, -1]), (0, 1), ('1 of 3 units is left out: cell_type VIP 1.',))
    """
    units, n = unit_properties(dataset), dataset.sizes["unit"]
    _check(match, units, cells, circuit)
    common = [name for name in cells if name in units and match.get(name) != IGNORE]
    if not common:
        return Matching.of_all(dataset)
    found = [_Property.of(name, units[name], cells[name], match.get(name), circuit) for name in common]
    of_cells = _codes([p.of_cells for p in found])
    labels = list(dict.fromkeys(of_cells))
    of_units = np.array([_label(code, labels, found) for code in _codes([p.of_units for p in found])])
    present = [label for label in range(len(labels)) if (of_units == label).any()]
    if not present:
        raise DatasetError(f"None of the {n} units is compared with a cell that the {circuit} records: see [match].")
    missing = [_name(code, found) for label, code in enumerate(labels) if label not in present]
    remarks = (*_about_units(found, of_units), *_about_cells(missing, circuit))
    number = {label: i for i, label in enumerate(present)}
    numbers = tuple(number.get(labels.index(code), -1) for code in of_cells)
    names = tuple(_name(labels[label], found) for label in present)
    return Matching(names, np.array([number.get(i, -1) for i in of_units]), numbers if any(numbers) else (), remarks)


@dataclass(frozen=True, eq=False)
class _Property:
    """One property that units and cells have.

    measured, partners
        The distinct values of the units, and which value of the circuit each stands for (-1: none).
    known
        The distinct values of the circuit.
    of_units, of_cells
        Which value of the circuit every unit (-1: none) and every cell has.
    lost
        The values of the units without partner.
    apart
        How far a unit is from its cells at most, where the nearest were asked for.
    """

    name: str
    known: np.ndarray
    of_units: np.ndarray
    of_cells: np.ndarray
    lost: np.ndarray
    apart: float

    @classmethod
    def of(cls, name: str, units: np.ndarray, cells: np.ndarray, how: How | None, circuit: str) -> _Property:
        measured, number = np.unique(units, return_inverse=True)
        known = np.array(list(dict.fromkeys(np.asarray(cells).tolist())))
        sides = _Sides(name, measured, known, circuit)
        partners, apart = sides.partners(how)
        of_cells = np.argmax(np.asarray(cells)[:, None] == known[None], axis=1)
        of_units = partners[number.ravel()]
        return cls(name, known, of_units, of_cells, units[of_units < 0], apart)


@dataclass(frozen=True, eq=False)
class _Sides:
    """The distinct values of a property in the data and in the circuit."""

    name: str
    measured: np.ndarray
    known: np.ndarray
    circuit: str

    def partners(self, how: How | None) -> tuple[np.ndarray, float]:
        """Which known value each measured one stands for, -1 for none, and the largest distance of the nearest."""
        if isinstance(how, Mapping):
            return self._as_mapped(how), 0.0
        if how == NEAREST:
            return self._nearest()
        partners = self._same_numbers() if self.are_numbers else self._same_names()
        if (partners < 0).any():
            raise DatasetError(self._without_partner(partners))
        return partners, 0.0

    @property
    def are_numbers(self) -> bool:
        """Whether values can be compared as numbers."""
        return all(values.dtype.kind in "iuf" for values in (self.measured, self.known))

    @property
    def words(self) -> str:
        """Both sides, in words."""
        return (
            f"the {self.name} of units is {_listed(_texts(self.measured))}, and that of the cells which the "
            f"{self.circuit} records {_listed(_texts(self.known))}"
        )

    def _distances(self) -> tuple[np.ndarray, np.ndarray]:
        """From the nearest known value, infinite for what is no number, and which that is."""
        apart = np.abs(self.measured[:, None] - self.known[None])
        apart = np.where(np.isnan(apart), np.inf, apart)
        return apart.min(axis=1), apart.argmin(axis=1)

    def _same_numbers(self) -> np.ndarray:
        apart, nearest = self._distances()
        return np.where(apart <= ROUNDING * np.nanmax(np.abs([*self.measured, *self.known])), nearest, -1)

    def _nearest(self) -> tuple[np.ndarray, float]:
        if not self.are_numbers:
            raise UserError(f'match.{self.name} = "{NEAREST}" is for numbers, and {self.words}.')
        apart, nearest = self._distances()
        is_number = np.isfinite(apart)
        return np.where(is_number, nearest, -1), float(apart[is_number].max(initial=0))

    def _same_names(self) -> np.ndarray:
        exact, folded = _texts(self.known), [text.casefold() for text in _texts(self.known)]

        def partner(text: str) -> int:
            if text in exact:
                return exact.index(text)
            return folded.index(text.casefold()) if folded.count(text.casefold()) == 1 else -1

        return np.array([partner(text) for text in _texts(self.measured)])

    def _as_mapped(self, how: Mapping[str, str | float]) -> np.ndarray:
        measured, known = _texts(self.measured), _texts(self.known)
        if not how:
            raise UserError(f"match.{self.name} names no value: {self.words}.")
        pairs = {_text(one): _text(other) for one, other in how.items()}
        for one, other in pairs.items():
            if one not in measured:
                raise UserError(
                    f"match.{self.name}: there is no unit of {one!r}; {self.words}.{suggest(one, measured)}"
                )
            if other not in known:
                raise UserError(f"match.{self.name}: no cell is recorded of {other!r}, for {one!r}; {self.words}.")
        return np.array([known.index(pairs[text]) if text in pairs else -1 for text in measured])

    def _without_partner(self, partners: np.ndarray) -> str:
        """The sentence on values without partner, and what to write."""
        lost = _listed(_texts(self.measured[partners < 0]))
        if self.are_numbers:
            return (
                f"Units without partner: {self.words}. Round the {self.name} of units ({lost}), or compare each with "
                f"the nearest cells, [match] {self.name} = {_quoted(NEAREST)} (--set match.{self.name}={NEAREST}), "
                f"or not by it at all, {_quoted(IGNORE)}."
            )
        texts, known = _texts(self.measured), _texts(self.known)
        pairs = {text: known[i] for text, i in zip(texts, partners, strict=True) if i >= 0} or _paired(texts, known)
        inside = ", ".join(f"{_key(one)} = {_quoted(other)}" for one, other in pairs.items())
        option = shlex.quote(f"match.{self.name}={{{inside}}}")
        return (
            f"Units without partner ({lost}): {self.words}. Say what stands for what, such as [match] {self.name} = "
            f"{{{inside}}} in the configuration or --set {option}; units of other values are then left out. To "
            f"compare all with all: {_quoted(IGNORE)}."
        )


def _check(match: Mapping[str, How], units: Mapping[str, object], cells: Mapping[str, object], circuit: str) -> None:
    for name, how in match.items():
        if name not in cells:
            said = suggest(name, cells) if cells else " Its recorded cells are all alike: leave that out."
            raise UserError(f"match.{name}: the {circuit} says no {name} of its recorded cells.{said}")
        if name not in units:
            said = suggest(name, units) if units else " They have none at all."
            raise UserError(f"match.{name}: the data have no such property of units.{said}")
        if not isinstance(how, Mapping) and how not in (NEAREST, IGNORE):
            raise UserError(
                f"match.{name} must be {{value in the data: value in the circuit}}, {_quoted(NEAREST)} or "
                f"{_quoted(IGNORE)}, and is {how!r}."
            )


def _paired(measured: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """A guess at what stands for what: similar names, then types that are known to act alike; "?" where none is left.

    >>> _paired(["L4", "PC", "PV", "SST"], ["E", "I"]), _paired(["A", "pyr"], ["E", "I"])
    ({'PC': 'E', 'PV': 'I'}, {'pyr': 'E', 'A': '?'})
    """
    pairs: dict[str, str] = {}
    for name in known:
        left = [text for text in measured if text not in pairs]
        close = difflib.get_close_matches(name.casefold(), [text.casefold() for text in left], n=1)
        alike = [text for text in left if text.casefold() in close]
        alike += [text for text in left if _acts_like(text) and _acts_like(text) == _acts_like(name)]
        pairs |= dict.fromkeys(alike[:1], name)
    unknown = [text for text in measured if text not in pairs] if len(pairs) < len(known) else []
    return pairs | dict.fromkeys(unknown, "?")


def _acts_like(name: str) -> str:
    """Whether a type of cells is known to excite or to inhibit, from how its name begins; "" for others."""
    folded = name.casefold()
    return next((kind for kind, begins in BEGINNINGS.items() if folded.startswith(begins)), "")


def _codes(columns: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _label(code: tuple[int, ...], labels: Sequence[tuple[int, ...]], found: Sequence[_Property]) -> int:
    if code in labels:
        return labels.index(code)
    if min(code) >= 0:
        what = " and ".join(f"{p.name} {_text(p.known[i])}" for p, i in zip(found, code, strict=True))
        raise DatasetError(f"There are units, and no recorded cells, of {what}: leave these units out of the data.")
    return -1


def _name(code: tuple[int, ...], found: Sequence[_Property]) -> str:
    """A label in words: by the properties in which recorded cells differ."""
    telling = [i for i, p in enumerate(found) if len(p.known) > 1] or range(len(found))
    parts = [(found[i].name, found[i].known[code[i]]) for i in telling]
    words = ", ".join(str(value) for _, value in parts if isinstance(value, str))
    places = [f"{'at' if name == 'position' else name} {_text(v)}" for name, v in parts if not isinstance(v, str)]
    return " ".join(filter(None, [words, ", ".join(places)]))


def _about_units(found: Sequence[_Property], of_units: np.ndarray) -> Iterator[str]:
    n, lost = len(of_units), int((of_units < 0).sum())
    if lost:
        counts = "; ".join(f"{p.name} {_counted(p.lost)}" for p in found if len(p.lost))
        yield f"{lost:,} of {n:,} units {'is' if lost == 1 else 'are'} left out: {counts}."
    for p in found:
        if p.apart > 0:
            yield f"Units are compared with the nearest cells: their {p.name} is up to {p.apart:g} apart."


def _about_cells(missing: Sequence[str], circuit: str) -> Iterator[str]:
    if missing:
        yield f"No unit is {_listed(missing, 'or')}: such cells of the {circuit} are simulated, and not compared."


def _counted(values: np.ndarray) -> str:
    distinct, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shown = ", ".join(f"{_text(distinct[i]) or 'none'} {counts[i]:,}" for i in order[:MOST])
    return shown if len(order) <= MOST else f"{shown}, others {counts[order[MOST:]].sum():,}"


def _texts(values: np.ndarray) -> list[str]:
    return [_text(value) for value in values.tolist()]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _listed(names: Sequence[str], last: str = "and") -> str:
    names = [name or "''" for name in names]
    if len(names) > MOST:
        return f"{', '.join(names[:MOST])}, ... ({len(names)} in all)"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(text: str) -> str:
    """A key as TOML takes it."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _quoted(text)
