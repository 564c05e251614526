"""What is shown to a circuit: one stimulus a condition, as an input to every place."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jax.typing import ArrayLike

Values = tuple[float, ...]
FULL = 100.0  # per cent: no contrast is higher


def as_values(values: ArrayLike | Sequence) -> Values:
    """Convert a number or a sequence of numbers to a hashable form, known when the circuit is compiled.

    Raises
    ------
    ValueError
        For anything else, and for numbers that are not finite.

    >>> as_values(20), as_values([1, 2])
    ((20.0,), (1.0, 2.0))
    """
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"expected a finite number, or a sequence of them, not {reprlib.repr(values)}.")
    return tuple(array.tolist())


def crossed(**values: ArrayLike | Sequence) -> dict[str, Values]:
    """Cross stimulus features: every value of one with every value of the others, the last fastest.

    >>> crossed(contrasts=(10, 20), sizes=(1, 2))
    {'contrasts': (10.0, 10.0, 20.0, 20.0), 'sizes': (1.0, 2.0, 1.0, 2.0)}
    """
    grid = np.meshgrid(*map(as_values, values.values()), indexing="ij")
    return {name: as_values(axis.ravel()) for name, axis in zip(values, grid, strict=True)}


@final
@dataclass(frozen=True)
class Apertures:
    """Stimuli of some size around a position, with soft edges.

    A place x receives A sig((b/2 + x - c)/l) sig((b/2 - x + c)/l), with size b, contrast A, position c, smoothness l,
    and sig the logistic function [Arakaki et al. 2017, Eq. 12]. With a size or a contrast of 0 the condition is a
    blank, and no place receives anything. Sizes, contrasts and positions are one value a condition, or one for all.

    >>> apertures = Apertures(sizes=(1.0, 2.0), contrasts=(20.0,), positions=(0.0,), smoothness=0.25)
    >>> apertures.at(np.array([0.0, 4.0])).round(2).tolist()
    [[15.52, 0.0], [19.29, 0.0]]
    """

    sizes: Values
    contrasts: Values
    positions: Values
    smoothness: float

    def check(self) -> None:
        """Refuse conditions of different lengths, and sizes below 0.

        Raises
        ------
        ValueError
            If it is not clear which value belongs to which condition, or a stimulus has no size that there is.
        """
        if len({len(self.sizes), len(self.contrasts), len(self.positions)} - {1}) > 1:
            raise ValueError(
                "sizes, contrasts and positions must have one value a condition, or one for all, not "
                f"{len(self.sizes)}, {len(self.contrasts)}, {len(self.positions)}: SSN.crossed makes joint designs."
            )
        if (least := min(self.sizes)) < 0:
            raise ValueError(
                f"The size of condition {self.sizes.index(least)} is {least:g}, and no stimulus is smaller than 0, a "
                "blank: correct it, or leave the condition out."
            )

    def doubts(self, extent: float) -> list[str]:
        """Sentences on stimuli that a line from -extent to extent can answer, and that are seldom meant.

        Raises
        ------
        ValueError
            For stimuli that reach no place of the line, and for contrasts below 0.
        """
        size, contrast, position = self.table.T
        blank = self.blank
        if (contrast < 0).any():
            raise ValueError(f"{_named(contrast < 0, contrast, 'a contrast')}, and a contrast is not negative.")
        if (off := ~blank & (abs(position) - size / 2 > extent)).any():
            raise ValueError(
                f"{_named(off, position, 'a position')}, off the line of the circuit, [{-extent:g}, {extent:g}]: "
                "give positions in the unit of sizes, relative to the recorded cells, or a larger extent."
            )
        return [*_of_contrasts(contrast, ~blank), *_of_range(size, position, ~blank, extent), *_of_blanks(blank)]

    @property
    def blank(self) -> np.ndarray:
        """Where nothing is shown, (conditions,)."""
        size, contrast, _ = self.table.T
        return (size == 0) | (contrast == 0)

    @property
    def table(self) -> np.ndarray:
        """Size, contrast and position of every condition, (conditions, 3)."""
        return np.stack(np.broadcast_arrays(self.sizes, self.contrasts, self.positions), axis=-1)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The input to every place in every condition, (conditions, places)."""
        size, contrast, position = (column[:, None] for column in self.table.T)
        inside = _logistic((size / 2 + places - position) / self.smoothness)
        shown = contrast * inside * _logistic((size / 2 - places + position) / self.smoothness)
        return np.where(self.blank[:, None], 0.0, shown)

    def conditions(self) -> dict[str, np.ndarray]:
        """The features of the stimuli: the size, and what else varies."""
        varied = {"contrast": self.contrasts, "position": self.positions}
        names = ["size", *(name for name, values in varied.items() if len(values) > 1)]
        columns: dict[str, np.ndarray] = dict(zip(("size", "contrast", "position"), self.table.T, strict=True))
        return {name: columns[name] for name in names}

    def at_conditions(self, features: Mapping[str, np.ndarray], circuit: str) -> "Apertures":
        """The stimuli of a dataset, given as features of its conditions; `circuit` is who needs them.

        Raises
        ------
        ValueError
            If sizes are missing, or a feature that varies here.
        """
        if "size" not in features:
            found = ", ".join(features) or "no features"
            raise ValueError(
                f"{circuit} needs stimulus sizes, a feature `size`; the data have {found}: give every condition its "
                "size, in a column `size` or in headers like size=0.5."
            )
        ours = {"contrast": self.contrasts, "position": self.positions}
        for name, values in ours.items():
            if name not in features and len(values) > 1:
                raise ValueError(f"The circuit has {len(values)} values of {name}, but the data have none.")
        contrasts, positions = (as_values(np.asarray(features.get(name, values))) for name, values in ours.items())
        sizes = as_values(np.asarray(features["size"]))
        return replace(self, sizes=sizes, contrasts=contrasts, positions=positions)


def _of_contrasts(contrast: np.ndarray, shown: np.ndarray) -> Iterator[str]:
    if shown.any() and (highest := contrast[shown].max()) <= 1:
        yield (
            f"All contrasts are at most {highest:g}: the circuit takes per cent, so fractions are to be "
            "multiplied by 100."
        )
    elif (strong := contrast > FULL).any():
        yield f"{_named(strong, contrast, 'a contrast')}, above {FULL:g} per cent."


def _of_range(size: np.ndarray, position: np.ndarray, shown: np.ndarray, extent: float) -> Iterator[str]:
    if (large := shown & (size > 2 * extent)).any():
        yield (
            f"{_named(large, size, 'a size')}, above {2 * extent:g}, the length of the line of the circuit, which "
            "such stimuli fill: larger ones are hardly told apart, unless extent is larger."
        )
    if (outside := shown & (abs(position) > extent)).any():
        yield (
            f"{_named(outside, position, 'a position')}, off the line of the circuit, [{-extent:g}, {extent:g}], "
            "which such a stimulus reaches in part only."
        )


def _of_blanks(blank: np.ndarray) -> Iterator[str]:
    if blank.any():
        yield (
            f"{_counted(blank)} without a stimulus (size or contrast 0): the circuit has no input there and does not "
            "fire, whatever its parameters; leave blanks out, for example with --drop size=0, if cells fire in them."
        )


def _named(which: np.ndarray, values: np.ndarray, what: str) -> str:
    """Conditions by number, with the value of the first."""
    first = np.flatnonzero(which)[0]
    more = f" (and {which.sum() - 1} more)" if which.sum() > 1 else ""
    return f"Condition {first}{more} has {what} of {values[first]:g}"


def _counted(which: np.ndarray) -> str:
    first = np.flatnonzero(which)[0]
    return f"Condition {first} is" if which.sum() == 1 else f"{which.sum()} conditions (the first is {first}) are"


def _logistic(v: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(v / 2)) / 2
