"""What a fitted circuit is asked: its distance to the held-out units, its predictions, and whether it is stable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from tuneful.circuits import AbstractCircuit, AbstractRecurrentCircuit
from tuneful.circuits.keys import Key, as_key
from tuneful.curves import Comparison, compare, critical_value, features, ks_distance
from tuneful.curves.labels import Matching, by_label, of_label
from tuneful.errors import UserError
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate, true_values

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOut:
    """The units that a fit does not see, and how curves are compared with them: like with like."""

    units: xr.Dataset
    whole: xr.Dataset  # the dataset that they come from
    names: tuple[str, ...]  # of the statistics
    seed: int
    matching: Matching

    def distances(self, circuit: AbstractCircuit, n: int, key: Key) -> dict[str, Any]:
        """Kolmogorov-Smirnov distances of n fresh curves, NaN if nothing settled; by label if there are several."""
        try:
            generated = simulate(circuit, n, key, cells=self.matching.of_cells())
        except UserError:  # the loop decides how long to go on
            return by_label(self.matching.names, lambda _: dict.fromkeys(self.names, float("nan")))

        def of(label: str) -> dict[str, float]:
            return {name: c.ks for name, c in self._compare(generated, self.units, label).items()}

        return by_label(self.matching.names, of)

    def compare(self, generated: xr.Dataset) -> dict[str, Any]:
        """Compare curves with the held-out units, in every statistic, with the floor that the data set.

        A `Comparison` by the name of the statistic; where there are labels, by label and name.
        """
        return by_label(self.matching.names, lambda label: self._compare(generated, self.whole, label))

    def _compare(self, generated: xr.Dataset, floor: xr.Dataset, label: str) -> dict[str, Comparison]:
        sides = (of_label(curves, label)["rate"].values for curves in (generated, self.units, floor))
        model, measured, halves = sides
        return compare(model, measured, features(self.units), self.names, self.seed, floor_rates=halves)


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Curves in conditions that were not fitted, and those of the truth if it is known."""

    fitted: xr.Dataset
    truth: xr.Dataset | None

    def __repr__(self) -> str:
        known = "not known" if self.truth is None else "known"
        return f"<Prediction in {self.fitted.sizes['condition']} conditions, truth {known}>"

    def table(self, labels: Sequence[str] = ("",)) -> dict[str, Any]:
        """Distances between the rates of the two in every condition, and the 5 % line; by label if there are any."""
        return by_label(labels, self._table)

    def _table(self, label: str) -> dict[str, Any]:
        conditions = {name: values.tolist() for name, values in features(self.fitted).items()}
        if self.truth is None:
            return {"conditions": conditions, "ks": None, "line": None}
        model, truth = (of_label(curves, label)["rate"].values for curves in (self.fitted, self.truth))
        distances = [ks_distance(model[:, i], truth[:, i]) for i in range(model.shape[1])]
        return {"conditions": conditions, "ks": distances, "line": critical_value(len(model), len(truth))}


def at_predicted_conditions(circuit: AbstractCircuit, settings: FitSettings) -> AbstractCircuit | None:
    """The circuit in the conditions that the settings ask to predict, if they do and lack no feature that varies.

    Raises
    ------
    UserError
        If the circuit cannot take these conditions.
    """
    if not settings.predict or features_not_predicted(circuit, settings):
        return None
    try:
        values = np.broadcast_arrays(*(np.array(v) for v in settings.predict.values()))
    except ValueError as error:
        lengths = ", ".join(f"{name} {len(v)}" for name, v in settings.predict.items())
        raise UserError(f"fit.predict: give one value of every feature for each condition, not {lengths}.") from error
    try:
        return circuit.at_conditions(dict(zip(settings.predict, values, strict=True)))
    except ValueError as error:
        raise UserError(f"fit.predict: {error}") from error


def features_not_predicted(circuit: AbstractCircuit, settings: FitSettings) -> list[str]:
    """Features that vary between the conditions of the circuit, and of which `predict` gives no values.

    A preset predicts for the simulated curves that it is made for; measured ones may have been seen otherwise.
    """
    varying = [name for name, values in circuit.conditions().items() if len(np.unique(values)) > 1]
    return [name for name in varying if name not in (settings.predict or {})]


def predict(
    circuit: AbstractCircuit,
    dataset: xr.Dataset,
    settings: FitSettings,
    key: Key,
    cells: Mapping[str, np.ndarray] | None = None,
) -> Prediction | None:
    """Draw curves in the conditions that the settings ask for, if they do; `cells` as in `simulate`.

    Raises
    ------
    UserError
        If the circuit cannot take these conditions.
    """
    elsewhere = at_predicted_conditions(circuit, settings)
    if elsewhere is None:
        return None
    truth = true_values(dataset, circuit)
    for_fitted, for_truth = jax.random.split(as_key(key))
    n = settings.prediction_curves
    known = simulate(elsewhere.with_values(truth), n, for_truth, cells=cells) if truth else None
    return Prediction(simulate(elsewhere, n, for_fitted, cells=cells), known)


def count_stable(circuit: AbstractCircuit, n: int, key: Key) -> dict[str, Any] | None:
    """Count the stable ones among n realisations: those with a negative spectral abscissa in every condition.

    None if n is 0 or the circuit has no dynamics. Abscissas are in 1/ms, the largest of all conditions.
    """
    if n == 0 or not isinstance(circuit, AbstractRecurrentCircuit):
        return None
    # One after the other: LAPACK's eigenvalues of several devices at once wait for each other.
    key = as_key(key)
    abscissa = np.array([_abscissa(circuit, jax.random.fold_in(key, i)) for i in range(n)])
    return {
        "realisations": n,
        "stable": int((abscissa < 0).sum()),
        "abscissa": {"median": float(np.median(abscissa)), "largest": float(abscissa.max())},
    }


@eqx.filter_jit
def _abscissa(circuit: AbstractRecurrentCircuit, key: Array) -> Array:
    return circuit.abscissa(circuit.draw(key)).max()
