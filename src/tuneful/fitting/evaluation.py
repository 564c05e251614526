"""What a fitted circuit is asked: its distance to the held-out units, its predictions, and whether it is stable."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from tuneful.circuits import AbstractCircuit, AbstractRecurrentCircuit
from tuneful.circuits.keys import Key, as_key
from tuneful.curves import Comparison, compare, critical_value, features, ks_distance
from tuneful.errors import UserError
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate, true_values

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOut:
    """The units that a fit does not see, and how curves are compared with them."""

    units: xr.Dataset
    whole: xr.Dataset  # the dataset that they come from
    names: tuple[str, ...]  # of the statistics
    seed: int

    def distances(self, circuit: AbstractCircuit, n: int, key: Key) -> dict[str, float]:
        """Kolmogorov-Smirnov distances of n fresh curves, NaN if nothing settled."""
        try:
            generated = simulate(circuit, n, key)
        except UserError:  # the loop decides how long to go on
            return dict.fromkeys(self.names, float("nan"))
        return {name: c.ks for name, c in self._compare(generated, self.units).items()}

    def compare(self, generated: xr.Dataset) -> dict[str, Comparison]:
        """Compare curves with the held-out units, in every statistic, with the floor that the data set."""
        return self._compare(generated, self.whole)

    def _compare(self, generated: xr.Dataset, floor: xr.Dataset) -> dict[str, Comparison]:
        rates, measured = generated["rate"].values, self.units["rate"].values
        return compare(rates, measured, features(self.units), self.names, self.seed, floor_rates=floor["rate"].values)


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Curves in conditions that were not fitted, and those of the truth if it is known."""

    fitted: xr.Dataset
    truth: xr.Dataset | None

    def __repr__(self) -> str:
        known = "not known" if self.truth is None else "known"
        return f"<Prediction in {self.fitted.sizes['condition']} conditions, truth {known}>"

    def table(self) -> dict[str, Any]:
        """Distances between the rates of the two in every condition, and the 5 % line."""
        conditions = {name: values.tolist() for name, values in features(self.fitted).items()}
        if self.truth is None:
            return {"conditions": conditions, "ks": None, "line": None}
        model, truth = self.fitted["rate"].values, self.truth["rate"].values
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


def predict(circuit: AbstractCircuit, dataset: xr.Dataset, settings: FitSettings, key: Key) -> Prediction | None:
    """Draw curves in the conditions that the settings ask for, if they do.

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
    known = simulate(elsewhere.with_values(truth), n, for_truth) if truth else None
    return Prediction(simulate(elsewhere, n, for_fitted), known)


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
