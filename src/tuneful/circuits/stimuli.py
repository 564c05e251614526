"""What is shown to a circuit: one stimulus a condition, as an input to every place."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jax.typing import ArrayLike

Values = tuple[float, ...]
FULL = 100.0  # per cent: no contrast is higher
FAINT = 0.1  # of the width of edges: inputs of smaller sizes differ by less than a twentieth


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
class Design:
    """Which features stimuli have, and their values: one a condition, or one for all.

    `named` is the feature that is always named, varied or not.

    >>> design = Design({"size": (1.0, 2.0), "contrast": (20.0,)}, "size")
    >>> design.table["contrast"].tolist(), list(design.conditions())
    ([20.0, 20.0], ['size'])
    """

    features: dict[str, Values]
    named: str

    def check(self, circuit: str) -> None:
        """Refuse conditions of different lengths; `circuit` is whose they are.

        Raises
        ------
        ValueError
            If it is not clear which value belongs to which condition.
        """
        lengths = {name: len(values) for name, values in self.features.items()}
        if len(set(lengths.values()) - {1}) > 1:
            raise ValueError(
                f"The features {', '.join(lengths)} must have one value a condition, or one for all, not "
                f"{', '.join(map(str, lengths.values()))}: {circuit}.crossed makes joint designs."
            )

    @property
    def table(self) -> dict[str, np.ndarray]:
        """Every feature with its values in all conditions, (conditions,)."""
        return dict(zip(self.features, np.broadcast_arrays(*self.features.values()), strict=True))

    def conditions(self) -> dict[str, np.ndarray]:
        """The feature that is always named, and what else varies."""
        table = self.table
        return {name: table[name] for name, values in self.features.items() if name == self.named or len(values) > 1}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> dict[str, Values]:
        """The values of a dataset; a feature that it lacks stays as it is.

        Raises
        ------
        ValueError
            If a feature is missing that varies here.
        """
        for name, values in self.features.items():
            if name not in features and len(values) > 1:
                raise ValueError(
                    f"The circuit has {len(values)} values of {name}, but the data have none: give the data this "
                    "feature, or the circuit one value of it."
                )
        return {name: as_values(np.asarray(features.get(name, own))) for name, own in self.features.items()}


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

    @property
    def design(self) -> Design:
        """The features of the stimuli."""
        features = {"size": self.sizes, "contrast": self.contrasts, "position": self.positions}
        return Design(features, "size")

    def check(self, circuit: str = "SSN") -> None:
        """Refuse conditions of different lengths, and sizes below 0; `circuit` is whose they are.

        Raises
        ------
        ValueError
            If it is not clear which value belongs to which condition, or a stimulus has no size that there is.
        """
        self.design.check(circuit)
        check_sizes(self.sizes, self.smoothness)

    def doubts(self, extent: float, dark: np.ndarray | None = None) -> list[str]:
        """Sentences on stimuli that a line from -extent to extent can answer, and that are seldom meant.

        `dark` is where nothing happens: all blanks, unless something else than a stimulus does.

        Raises
        ------
        ValueError
            For stimuli that reach no place of the line, and for contrasts below 0.
        """
        return about_stimuli("line", self.design.table, self.smoothness, extent, self.blank if dark is None else dark)

    @property
    def blank(self) -> np.ndarray:
        """Where nothing is shown, (conditions,)."""
        size, contrast, _ = self.table.T
        return (size == 0) | (contrast == 0)

    @property
    def table(self) -> np.ndarray:
        """Size, contrast and position of every condition, (conditions, 3)."""
        return np.stack(list(self.design.table.values()), axis=-1)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The input to every place in every condition, (conditions, places)."""
        size, contrast, position = (column[:, None] for column in self.table.T)
        return np.where(self.blank[:, None], 0.0, aperture(size, contrast, places, position, self.smoothness))

    def conditions(self) -> dict[str, np.ndarray]:
        """The features of the stimuli: the size, and what else varies."""
        return self.design.conditions()

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
        sizes, contrasts, positions = self.design.at_conditions(features).values()
        return replace(self, sizes=sizes, contrasts=contrasts, positions=positions)


@final
@dataclass(frozen=True)
class Discs:
    """Stimuli of some diameter around a place of a sheet, with soft edges: `Apertures` by the distance from there.

    >>> discs = Discs(sizes=(1.0, 2.0), contrasts=(20.0,), x=(0.0,), y=(0.0,), smoothness=0.25)
    >>> discs.at(np.array([[0.0, 0.0], [0.0, 4.0]])).round(2).tolist()
    [[15.52, 0.0], [19.29, 0.0]]
    """

    sizes: Values
    contrasts: Values
    x: Values
    y: Values
    smoothness: float

    @property
    def design(self) -> Design:
        """The features of the stimuli."""
        return Design({"size": self.sizes, "contrast": self.contrasts, "x": self.x, "y": self.y}, "size")

    def check(self, circuit: str) -> None:
        """Refuse what `Apertures` do."""
        self.design.check(circuit)
        check_sizes(self.sizes, self.smoothness)

    def doubts(self, extent: float, dark: np.ndarray) -> list[str]:
        """Sentences on stimuli that a sheet on [-extent, extent]^2 can answer, and that are seldom meant.

        `dark` is where nothing happens.

        Raises
        ------
        ValueError
            For stimuli that reach no place of the sheet, and for contrasts below 0.
        """
        return about_stimuli("sheet", self.design.table, self.smoothness, extent, dark)

    @property
    def blank(self) -> np.ndarray:
        """Where nothing is shown, (conditions,)."""
        table = self.design.table
        return (table["size"] == 0) | (table["contrast"] == 0)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The input to every place (x, y), (places, 2), in every condition: (conditions, places)."""
        size, contrast, x, y = (column[:, None] for column in self.design.table.values())
        away = np.hypot(places[:, 0] - x, places[:, 1] - y)
        return np.where(self.blank[:, None], 0.0, aperture(size, contrast, away, np.zeros(()), self.smoothness))


def aperture(
    size: np.ndarray, contrast: np.ndarray, places: np.ndarray, position: np.ndarray, smoothness: float
) -> np.ndarray:
    """A sig((b/2 + x - c)/l) sig((b/2 - x + c)/l), see `Apertures`; on a sheet, x - c is a distance."""
    inside = _logistic((size / 2 + places - position) / smoothness)
    return contrast * inside * _logistic((size / 2 - places + position) / smoothness)


def check_sizes(sizes: Values, smoothness: float) -> None:
    """Refuse sizes below 0, and edges that are not soft.

    Raises
    ------
    ValueError
        For the first.
    """
    if (least := min(sizes)) < 0:
        raise ValueError(
            f"The size of condition {sizes.index(least)} is {least:g}, and no stimulus is smaller than 0, a "
            "blank: correct it, or leave the condition out."
        )
    if not smoothness > 0:
        raise ValueError(f"smoothness must be positive, not {smoothness}.")


def refuse_negative(contrast: np.ndarray) -> None:
    """Refuse contrasts below 0.

    Raises
    ------
    ValueError
        For the first.
    """
    if (contrast < 0).any():
        raise ValueError(f"{_named(contrast < 0, contrast, 'a contrast')}, and a contrast is not negative.")


def about_stimuli(
    what: str, table: Mapping[str, np.ndarray], smoothness: float, extent: float, dark: np.ndarray
) -> list[str]:
    """Sentences on stimuli that are seldom meant: sizes, contrasts and places of all conditions, by name.

    `dark` is where nothing happens.

    Raises
    ------
    ValueError
        For stimuli that reach no place of a line or sheet, and for contrasts below 0.
    """
    size, contrast = table["size"], table["contrast"]
    places = {name: values for name, values in table.items() if name not in ("size", "contrast")}
    shown = (size != 0) & (contrast != 0)
    refuse_negative(contrast)
    of_places = about_range(what, places, size, shown, extent)
    return [
        *about_contrasts(contrast, shown), *of_places, *about_edges(size[shown], smoothness), *about_blanks(dark)
    ]  # fmt: skip


def about_contrasts(contrast: np.ndarray, shown: np.ndarray) -> Iterator[str]:
    """Sentences on contrasts that are fractions, or above 100 per cent."""
    if shown.any() and (highest := contrast[shown].max()) <= 1:
        yield (
            f"All contrasts are at most {highest:g}: the circuit takes per cent, so fractions are to be "
            "multiplied by 100."
        )
    elif (strong := contrast > FULL).any():
        yield f"{_named(strong, contrast, 'a contrast')}, above {FULL:g} per cent."


def about_range(
    what: str, places: Mapping[str, np.ndarray], size: np.ndarray, shown: np.ndarray, extent: float
) -> Iterator[str]:
    """Sentences on stimuli larger than a line or sheet from -extent to extent, or beside it in part.

    `places` are coordinates of their centres, by name.

    Raises
    ------
    ValueError
        For stimuli that reach no place of it.
    """
    for name, place in places.items():
        if (off := shown & (abs(place) - size / 2 > extent)).any():
            raise ValueError(
                f"{_named(off, place, f'a {name}')}, off the {what} of the circuit, [{-extent:g}, {extent:g}]: "
                "give positions in the unit of sizes, relative to the recorded cells, or a larger extent."
            )
    if (large := shown & (size > 2 * extent)).any():
        yield (
            f"{_named(large, size, 'a size')}, above {2 * extent:g}, the length of the {what} of the circuit, which "
            "such stimuli fill: larger ones are hardly told apart, unless extent is larger."
        )
    for name, place in places.items():
        if (outside := shown & (abs(place) > extent)).any():
            yield (
                f"{_named(outside, place, f'a {name}')}, off the {what} of the circuit, [{-extent:g}, {extent:g}], "
                "which such a stimulus reaches in part only."
            )


def about_edges(size: np.ndarray, smoothness: float) -> Iterator[str]:
    """A sentence on sizes that differ by much less than the width of their edges."""
    if len(np.unique(size)) > 1 and (largest := size.max()) < FAINT * smoothness:
        yield (
            f"No size is above {largest:g}, and edges of stimuli are {smoothness:g} wide, so that sizes are hardly "
            "told apart: give them in the unit of places, or a smaller smoothness."
        )


@final
class AboutBlanks(str):
    """A sentence on conditions without a stimulus: of no concern where cells are seen to fire by themselves."""


def about_blanks(blank: np.ndarray) -> Iterator[str]:
    """A sentence on conditions without a stimulus."""
    if blank.any():
        yield AboutBlanks(
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
