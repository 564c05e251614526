"""Inference: from the answer of a fit to intervals of its parameters, and to what the data do not tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import jax
import numpy as np

from tuneful.analysis.clusters import clusters_of
from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.critic_bootstrap import CriticBootstrap
from tuneful.analysis.draws_dataset import draws_dataset
from tuneful.analysis.identifiability import combinations, reasons
from tuneful.analysis.inference_descent import InferenceDescent, InferenceState
from tuneful.analysis.inference_remarks import conditions, not_resolved, remarks, still_falling
from tuneful.analysis.inference_settings import InferenceSettings
from tuneful.analysis.intervals import Intervals, percentiles, wald
from tuneful.analysis.local_problem import LocalProblem
from tuneful.analysis.minimum import Minimum, correlation
from tuneful.analysis.predictions import Function, Predictions, predict
from tuneful.analysis.profiles import profile_intervals
from tuneful.analysis.restrictions import Restriction, answer_to
from tuneful.analysis.weighted_bootstrap import Replicates, one_step
from tuneful.circuits.keys import Key, as_key
from tuneful.descents import Keeper, Observer, end_of
from tuneful.display import card
from tuneful.errors import UserError
from tuneful.fitting.course import refined_by
from tuneful.fitting.fits import STEPS, FitTask
from tuneful.fitting.simulation import true_values
from tuneful.fitting.unconstrained import with_unconstrained
from tuneful.plain import plain

if TYPE_CHECKING:
    import xarray as xr
    from jaxtyping import Float, Int

    from tuneful.circuits import AbstractCircuit

INFERENCE = 6  # a stream of random numbers besides those of a fit (`tuneful.fitting.fits`)
SAMPLE, REPLICATES = range(2)
NORMAL_DRAWS = 1000
FEWEST_CURVES = 1000  # in the sample


@final
@dataclass(frozen=True, eq=False)
class Inference:
    """What the data say of n fitted parameters, entries of arrays one by one.

    coordinates
        Names, units, and the way between unconstrained parameters and those in own units.
    point
        The estimate, unconstrained: the answer of the fit, brought to the minimum of the sample of the inference.
    covariance
        Of the unconstrained estimate, (n, n).
    by_method
        Intervals, by the name of the method; the last one is the most trusted.
    unconstrained_draws
        Of the bootstrap if there is one, else normal with the covariance.
    about
        Numbers of units, clusters, curves; the share of the variance that comes from simulation; the seed.
    remarks
        What a reader must not miss.
    truth
        True values by name, where they are known.
    """

    coordinates: Coordinates
    point: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]
    by_method: Mapping[str, Intervals]
    unconstrained_draws: Float[np.ndarray, "draws n"]
    about: Mapping[str, Any]
    remarks: Sequence[str]
    truth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intervals(self) -> Intervals:
        """Those of the most trusted method."""
        return list(self.by_method.values())[-1]

    @property
    def read_covariance(self) -> Float[np.ndarray, "n n"]:
        """Of estimates as they are read (`Coordinates.read`), of positive ones of their logarithms."""
        read = self.coordinates.read(self.point)
        return read @ self.covariance @ read.T

    @property
    def correlation(self) -> Float[np.ndarray, "n n"]:
        """Of estimates, of the logarithms of positive parameters, in the order of `coordinates.entries`."""
        return correlation(self.read_covariance)

    @property
    def draws(self) -> xr.Dataset:
        """Draws in own units, with the dimensions ``chain`` and ``draw`` of ArviZ and those of each parameter."""
        method = "bootstrap" if "bootstrap" in self.by_method else "normal"
        return draws_dataset(self.coordinates, self.unconstrained_draws, method)

    def predict(self, function: Function, seed: Key = 0, draws: int = 100) -> Predictions:
        """Evaluate a function of the circuit at the estimate and at draws of its parameters: predictions with bands.

        Parameters
        ----------
        function
            From a circuit and a random key to a number, an array, or several by name.
        seed
            Decides the random numbers, the same for all draws.
        draws
            How many of the draws are taken, the first; all if there are fewer.

        >>> def highest_rate(circuit, key):  # doctest: +SKIP
        ...     return circuit.sample(key, 100).largest_rate.mean()
        >>> fit.inference().predict(highest_rate).band("value")  # doctest: +SKIP
        array([41.2, 43.8, 46.9])
        """
        circuit = self.coordinates.circuit

        def at(point: np.ndarray) -> AbstractCircuit:
            return with_unconstrained(circuit, self.coordinates.named(point))

        truth = circuit.with_values(self.truth) if self.truth else None
        about = at(self.point), [at(point) for point in self.unconstrained_draws[:draws]], as_key(seed)
        return predict(function, *about, truth=truth, level=self.intervals.level)

    def table(self) -> dict[str, Any]:
        """The content of inference.json."""
        names, values = self.coordinates.entries, np.linalg.eigvalsh(self.read_covariance)
        found = combinations(self.read_covariance, self.coordinates)
        return plain({
            "level": self.intervals.level, "method": self.intervals.method,
            "parameters": self._parameters(self.intervals),
            "methods": {name: {"parameters": self._parameters(own)} for name, own in self.by_method.items()},
            "correlation": {"names": names, "matrix": self.correlation},
            "combinations": [
                {"words": c.words, "standard_deviation": c.deviation}
                | {"powers": dict(zip(names, c.powers, strict=True))}
                for c in found
            ],
            "eigenvalues": 1 / np.maximum(values, np.finfo(float).tiny),
            "remarks": list(self.remarks), **self.about,
        })  # fmt: skip

    def __repr__(self) -> str:
        words = list(self.intervals.identified)
        counted = ", ".join(f"{words.count(w)} {said}" for w, said in SAID.items() if w in words)
        return f"<Inference by {self.intervals.method} at {self.intervals.level:g}: {counted}>"

    def _repr_html_(self) -> str:
        own, found = self.coordinates.own(self.point), self.intervals
        rows = zip(self.coordinates.entries, own, plain(found.low), plain(found.high), found.identified, strict=True)
        return card("Inference", repr(self).strip("<>"), (("parameter", "value", "low", "high", "identified"), rows))

    def _parameters(self, found: Intervals) -> dict[str, dict[str, Any]]:
        """Values and intervals by name, each of the shape of its parameter."""
        reason = reasons(self.read_covariance, found.identified, self.coordinates.entries)
        why = ["; ".join(filter(None, both)) for both in zip(found.not_bounded, reason, strict=True)]
        sides = np.stack([found.low, found.high], axis=-1)
        columns = {
            "value": self.coordinates.own(self.point), "interval": sides,
            "identified": np.array(found.identified, object), "why": np.array(why, object),
            "standard_deviation": found.deviation,
        }  # fmt: skip
        shaped = {key: self.coordinates.shaped(values) for key, values in columns.items()}
        return {
            name: {key: values[name] for key, values in shaped.items()}
            | {"level": found.level, "truth": self.truth.get(name), "unit": about.unit, "symbol": about.symbol}
            | {"entries": about.entries}
            for name, about in self.coordinates.parameters.items()
        }


SAID = {"yes": "identified", "weakly": "weakly", "no": "open"}


def infer(
    task: FitTask,
    answer: AbstractCircuit,
    settings: InferenceSettings,
    *,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> Inference:
    """Find intervals around the answer of a fit; nothing is written or printed.

    Parameters
    ----------
    task
        What was fitted.
    answer
        The fitted circuit.
    settings
        What is asked for.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    UserError
        For clusters that the data do not have, for a method that the objective does not allow, and where there is no
        minimum to tell intervals of.
    KeyboardInterrupt
        If an observer asked to stop.

    >>> found = infer(fit.task_, fit.circuit_, InferenceSettings(method=("bootstrap",)))  # doctest: +SKIP
    >>> found.table()["parameters"]["J"]["interval"]  # doctest: +SKIP
    [5830.2, 7155.9]
    """
    clusters = checked_clusters(task, settings)
    for_sample, for_replicates = keys(task, settings.seed)
    about = {"seed": settings.seed, "units": task.n_fitted, "clusters": int(clusters.max()) + 1}
    about |= {"clusters_by": settings.clusters}
    if task.problem.objective.learns:
        bootstrap = CriticBootstrap(task.problem, answer, settings, clusters, for_replicates)
        rows = end_of(bootstrap, keeper=keeper, observers=observers)
        return _of_critic(task, answer, settings, rows, about)
    curves = settings.curves or max(task.settings.refine_batch, FEWEST_CURVES)
    local = LocalProblem.of(task.problem, answer, for_sample, curves)
    descent = InferenceDescent(local, settings, clusters, for_replicates)
    return _of_minimum(
        task, descent, end_of(descent, keeper=keeper, observers=observers), about | {"curves": curves}, for_replicates
    )


def keys(task: FitTask, seed: int) -> tuple[jax.Array, jax.Array]:
    """What decides the realisations, for seed 0 those that the fit was refined with, and what decides replicates.

    The answer of a fit is at the minimum of its own realisations: there, few looks lead to it, and their share in the
    covariance is that of any others.
    """
    key = jax.random.fold_in(task.key(INFERENCE), seed)
    fresh, for_replicates = (jax.random.fold_in(key, stream) for stream in (SAMPLE, REPLICATES))
    return fresh if seed else refined_by(task.key(STEPS)), for_replicates


def checked_clusters(task: FitTask, settings: InferenceSettings) -> Int[np.ndarray, " units"]:
    """The clusters of the fitted units; what could not be had is refused before anything is computed.

    Raises
    ------
    UserError
        For clusters that the data do not have, and for a method that the objective does not allow.
    """
    if task.problem.objective.learns and settings.method != ("bootstrap",):
        raise UserError(
            f"The objective {task.problem.objective.label} learns on the way, so that its loss has no curvature to "
            "tell intervals of: ask for the bootstrap only (--method bootstrap)."
        )
    if task.problem.objective.learns and settings.test:
        raise UserError(f"--test: the loss of {task.problem.objective.label} changes on the way, and tells no rise.")
    for text in settings.test:
        Restriction.of(text, Coordinates(task.problem.circuit, task.problem.fitted))
    return clusters_of(task, settings.clusters)


def _of_minimum(
    task: FitTask, descent: InferenceDescent, state: InferenceState, about: dict[str, Any], key: jax.Array
) -> Inference:
    settings, coordinates = descent.settings, descent.local.coordinates
    minimum, level = descent.minimum(state), settings.level
    draws = state.replicates
    if "bootstrap" in settings.method and not settings.refits:
        draws = one_step(minimum, Replicates.drawn(minimum, key, settings.replicates_of(learns=False)))
    loose = not_resolved(coordinates, minimum)
    by_method = {
        "sandwich": lambda: wald(coordinates, minimum.point, minimum.covariance, level).opened(loose),
        "bootstrap": lambda: percentiles(coordinates, draws, level).opened(loose),
        "profile": lambda: profile_intervals(descent.local, minimum, state.profiles, level),
    }
    falling = still_falling(state.candidate, minimum)
    intervals = {name: by_method[name]().opened(falling) for name in settings.method}
    if not len(draws):
        draws = _normal_draws(minimum, key)
    about |= {"simulation_share": minimum.simulation_share, "polishing_steps": state.looks}
    rows = zip(descent.restrictions, state.tested, strict=True)
    about |= {"tests": [answer_to(restriction, row, minimum, coordinates) for restriction, row in rows]}
    said = remarks(coordinates, minimum, falling, about["curves"], about["clusters"])
    truth = true_values(task.dataset, coordinates.circuit)
    shown = coordinates, minimum.point, minimum.covariance, intervals, draws, about
    return Inference(*shown, [*said, *conditions(task.problem)], truth)


def _of_critic(
    task: FitTask, answer: AbstractCircuit, settings: InferenceSettings, draws: np.ndarray, about: dict[str, Any]
) -> Inference:
    coordinates = Coordinates(answer, task.problem.fitted)
    intervals = {"bootstrap": percentiles(coordinates, draws, settings.level)}
    said = [
        f"Each of {len(draws)} replicates is a descent of {settings.descent} steps from the answer, with a critic of "
        "its own: the intervals know what the descent leaves open, and are only as good as it is long.",
        *conditions(task.problem),
    ]
    covariance = np.atleast_2d(np.cov(draws.T))
    about |= {"curves": None, "simulation_share": None, "polishing_steps": 0, "tests": []}
    truth = true_values(task.dataset, answer)
    return Inference(coordinates, coordinates.answer, covariance, intervals, draws, about, said, truth)


def _normal_draws(minimum: Minimum, key: jax.Array) -> np.ndarray:
    """Draws with the covariance around the minimum."""
    values, axes = np.linalg.eigh(minimum.covariance)
    z = np.asarray(jax.random.normal(key, (NORMAL_DRAWS, len(values))), float)
    return minimum.point + z * np.sqrt(np.maximum(values, 0)) @ axes.T
