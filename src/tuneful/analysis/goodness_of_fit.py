"""Could this circuit have produced these neurons? A test of the circuit with parameters that were fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from tuneful.analysis.local_distance import LocalDistance, of_units, steps_of
from tuneful.analysis.model_comparison import common_view
from tuneful.analysis.simulated_sets import simulated_sets
from tuneful.curves import compute, ks_distance, named_conditions
from tuneful.curves.comparison import LEVEL, is_rejected
from tuneful.descents import Keeper, Observer
from tuneful.fitting.linearised import realised_at
from tuneful.fitting.problem import Problem
from tuneful.objectives import Measured
from tuneful.objectives.feature_map import FeatureMap

NEIGHBOURS = 5  # of the classifier
POLISHING = 1  # steps from the answer to the minimum of this distance, for these units
NAMED = 3  # statistics and conditions in a verdict
Conditions = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What is tested: a circuit at its answer, and the units that it should have produced.

    problem
        Its circuit is at the answer.
    at
        The answer, unconstrained.
    rates
        Measured curves, (units, conditions), NaN where not measured.
    labels
        The number of each unit's label, all 0 where there are none.
    label_names
        By their numbers; "" where there are none.
    conditions, statistics
        Features of the conditions, and names of the statistics that are looked at one by one.
    is_rate
        Whether curves are rates in Hz.
    """

    problem: Problem
    at: dict[str, Array]
    rates: Float[np.ndarray, "units conditions"]
    labels: Int[np.ndarray, " units"]
    label_names: Sequence[str]
    conditions: Conditions
    statistics: Sequence[str]
    is_rate: bool = True

    @cached_property
    def view(self) -> FeatureMap:
        """How curves are seen: made of the measured ones, for all sets."""
        return common_view(Measured.from_rates(self.rates), self.is_rate)

    def moved(self, step: Float[np.ndarray, " n"]) -> Hypothesis:
        """The same at other parameters, a step away."""
        flat, unravel = ravel_pytree(self.at)
        return dataclasses.replace(self, at=unravel(flat + jnp.asarray(step, flat.dtype)))

    def of_label(self, label: int) -> Int[np.ndarray, " some"]:
        """The units of a label."""
        return np.flatnonzero(self.labels == label)


@dataclass(frozen=True, eq=False)
class GoodnessOfFit:
    """What the test says.

    distance
        Between the measured units and the circuit, after a step to its minimum.
    simulated
        The same of sets of curves of the circuit, as many as units, (sets,).
    parts
        Kolmogorov-Smirnov distances in single statistics and conditions, by name: of the measured units, and of the
        simulated sets.
    accuracy, simulated_accuracy
        With which a classifier tells measured units from curves of the circuit, and simulated sets from them.
    """

    distance: float
    simulated: Float[np.ndarray, " sets"]
    parts: dict[str, tuple[float, Float[np.ndarray, " sets"]]]
    accuracy: float
    simulated_accuracy: Float[np.ndarray, " sets"]

    @property
    def p_value(self) -> float:
        """Of a distance as large as this if the circuit, at some parameters, had produced the units."""
        return p_value(self.distance, self.simulated)

    @property
    def classifier_p_value(self) -> float:
        """The same of an accuracy as high as this."""
        return p_value(self.accuracy, self.simulated_accuracy)

    def table(self) -> dict[str, Any]:
        """All of it as plain numbers, the parts that fail most first."""
        alone, adjusted = p_values(self.parts)
        rows = [
            {
                "name": name,
                "ks": found,
                "expected": float(sets.mean()),
                "p_value": alone[name],
                "adjusted": adjusted[name],
            }
            for name, (found, sets) in self.parts.items()
        ]
        by_chance = float(np.quantile(self.simulated, 1 - LEVEL))
        return {
            "distance": self.distance, "critical_distance": by_chance, "p_value": self.p_value,
            "sets": len(self.simulated), "parts": sorted(rows, key=lambda row: (row["p_value"], -row["ks"])),
            "classifier": {
                "accuracy": self.accuracy, "critical": float(np.quantile(self.simulated_accuracy, 1 - LEVEL)),
                "p_value": self.classifier_p_value,
            },
            "verdict": self.verdict,
        }  # fmt: skip

    @property
    def verdict(self) -> str:
        """The answer in words."""
        _, adjusted = p_values(self.parts)
        failing = [name for name in sorted(adjusted, key=adjusted.__getitem__) if is_rejected(adjusted[name])]
        more = f" and {len(failing) - NAMED} more" if len(failing) > NAMED else ""
        where = f" It fails in {', '.join(failing[:NAMED])}{more}." if failing else ""
        if is_rejected(self.p_value):
            return f"The circuit does not produce such neurons (p = {self.p_value:.2g}).{where}"
        return f"The circuit could have produced these neurons (p = {self.p_value:.2g}).{where}"


def p_value(found: float, simulated: Float[np.ndarray, " sets"]) -> float:
    """Rank of a value among simulated ones, (1 + #{simulated >= found}) / (1 + sets).

    >>> p_value(2.0, np.array([1.0, 2.0, 3.0]))
    0.75
    """
    return float(1 + np.sum(simulated >= found)) / (1 + len(simulated))


def p_values(
    parts: Mapping[str, tuple[float, Float[np.ndarray, " sets"]]],
) -> tuple[dict[str, float], dict[str, float]]:
    """P-values of several statistics, alone and adjusted for their number.

    Adjusted ones are ranks among the smallest p-value of each simulated set [Westfall & Young 1993]: the chance that
    any of them comes out as small.
    """
    table = np.array([[found, *sets] for found, sets in parts.values()])  # (parts, 1 + sets)
    ranks = np.array([[np.sum(row >= value) for value in row] for row in table]) / table.shape[1]
    smallest = ranks.min(axis=0)
    adjusted = [float(np.mean(smallest <= rank)) for rank in ranks[:, 0]]
    names = list(parts)
    return dict(zip(names, ranks[:, 0].tolist(), strict=True)), dict(zip(names, adjusted, strict=True))


def goodness_of_fit(
    hypothesis: Hypothesis,
    key: Array,
    sets: int = 200,
    curves: int = 1000,
    say: Callable[[str], object] = lambda said: None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> GoodnessOfFit:
    r"""Test whether the circuit, at whatever parameters, could have produced the units.

    A Gauss-Newton step leads from the answer to the parameters that fit the units best. There, the distance of
    the units, minimised over the parameters to second order, D - g (M + c)^-1 g / 2, is held against that of sets
    that the circuit simulates, for each of which parameters are estimated anew in the same way: a parametric
    bootstrap of a composite hypothesis. Where the misfit is, Kolmogorov-Smirnov distances of single statistics and
    conditions say, and how well a classifier tells both apart: its accuracy by a majority of the five nearest others
    [a two-sample test, Schilling 1986]. All are held against the same sets.

    Parameters
    ----------
    hypothesis
        What is tested.
    key
        Decides all random numbers.
    sets
        Simulated sets; the smallest p-value is 1 / (sets + 1).
    curves
        Of the circuit, to which all are compared.
    say
        Told how far it is.
    keeper, observers
        Of the simulation of sets, which takes longest; see `tuneful.descents.descend`.

    Raises
    ------
    ValueError
        If too few realisations settle at the answer.
    KeyboardInterrupt
        If an observer asked to stop.
    """
    for_local, for_sets, for_parts = jax.random.split(key, 3)
    say("simulating curves of the circuit, with their derivatives")
    measured = np.nan_to_num(hypothesis.rates)[None]
    for _ in range(POLISHING):
        _, steps = _minimised(hypothesis, _local(hypothesis, for_local, curves), measured)
        hypothesis = hypothesis.moved(steps[0])
    parts_of = _local(hypothesis, for_local, curves)
    say(f"simulating {sets} sets of {len(hypothesis.rates)} units")
    all_sets = np.concatenate(
        [measured, simulated_sets(hypothesis, for_sets, sets, keeper=keeper, observers=observers)]
    )
    say("comparing them")
    distances, steps = _minimised(hypothesis, parts_of, all_sets)
    seed = int(jax.random.randint(for_parts, (), 0, 2**31 - 1))
    each = dict(_parts(hypothesis, parts_of, all_sets, steps, seed))
    accuracy = each.pop("")
    parts = {name: (float(v[0]), v[1:]) for name, v in each.items() if np.isfinite(v).all()}
    return GoodnessOfFit(float(distances[0]), distances[1:], parts, float(accuracy[0]), accuracy[1:])


def _local(hypothesis: Hypothesis, key: Array, curves: int) -> list[LocalDistance]:
    """The circuit around the answer, one label after the other."""
    generated, tangents = realised_at(hypothesis.problem, hypothesis.at, key, curves)
    if int((np.asarray(generated.realisation_weight) > 0).sum()) < 2 * NEIGHBOURS:
        raise ValueError("Hardly any realisation settles at the answer: there is nothing to compare units with.")
    return [
        LocalDistance.of(
            generated.of_label(i), tangents[generated.rows(i)], of_units(hypothesis.view, hypothesis.of_label(i))
        )
        for i in range(len(hypothesis.label_names))
    ]


def _minimised(
    hypothesis: Hypothesis, locals_: Sequence[LocalDistance], all_sets: np.ndarray
) -> tuple[Float[np.ndarray, " sets"], Float[np.ndarray, "sets n"]]:
    """The distance of every set after one step of the parameters, and the step; labels count as their units."""
    distance, gradient, metric = 0.0, 0.0, 0.0
    for label, local in enumerate(locals_):
        units = hypothesis.of_label(label)
        share = len(units) / len(hypothesis.rates)
        d, g = local.look(all_sets[:, units])
        distance, gradient = distance + share * d, gradient + share * g
        metric = metric + share * np.asarray(local.metric, float)
    gradient, metric = np.asarray(gradient), np.asarray(metric)
    steps = steps_of(gradient, metric)
    gain = np.einsum("sa,sa->s", gradient, steps) + np.einsum("sa,ab,sb->s", steps, metric, steps) / 2
    return np.asarray(distance) + gain, steps


def _parts(
    hypothesis: Hypothesis, locals_: Sequence[LocalDistance], all_sets: np.ndarray, steps: np.ndarray, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """For every set: distances in single statistics and conditions by name, and under "" accuracies."""
    accuracy = np.zeros(len(all_sets))
    for label, local in enumerate(locals_):
        units = hypothesis.of_label(label)
        name = f"{hypothesis.label_names[label]}: " if hypothesis.label_names[label] else ""
        looked = _Looked.of(hypothesis, local, units, np.random.default_rng([seed, label]))
        found = [looked.at(all_sets[i, units], steps[i]) for i in range(len(all_sets))]
        accuracy += len(units) / len(hypothesis.rates) * np.array([own.pop("") for own in found])
        yield from ((name + key, np.array([own[key] for own in found])) for key in found[0])
    yield "", accuracy


@dataclass(frozen=True, eq=False)
class _Looked:
    """How a set of units of one label is held against curves of the circuit, statistic by statistic.

    masks, of_model
        True where a unit was measured; and through whose gaps every generated curve is seen.
    partners
        A generated curve for every unit, for the classifier.
    """

    hypothesis: Hypothesis
    local: LocalDistance
    masks: Bool[np.ndarray, "units conditions"]
    of_model: Bool[np.ndarray, "curves conditions"]
    partners: Int[np.ndarray, " units"]

    @classmethod
    def of(cls, hypothesis: Hypothesis, local: LocalDistance, units: np.ndarray, rng: np.random.Generator) -> _Looked:
        masks = ~np.isnan(hypothesis.rates[units])
        n = int((np.asarray(local.generated.weight) > 0).sum())
        of_model = masks[rng.permutation(np.arange(n) % len(units))]
        return cls(hypothesis, local, masks, of_model, rng.choice(n, len(units), replace=n < len(units)))

    def at(self, rates: np.ndarray, step: np.ndarray) -> dict[str, float]:
        """Distances by name, and under "" the accuracy."""
        moved = self.local.moved(step)
        moved = np.maximum(moved, 0) if self.hypothesis.is_rate else moved
        data, model = np.where(self.masks, rates, np.nan).astype(float), np.where(self.of_model, moved, np.nan)
        found = {}
        for name in self.hypothesis.statistics:
            sides = (compute(name, side, self.hypothesis.conditions).ravel() for side in (data, model))
            found[name] = ks_distance(*sides)
        for i, condition in enumerate(named_conditions(self.hypothesis.conditions, data.shape[1])):
            found[f"rate at {condition}"] = ks_distance(data[:, i], model[:, i])
        return found | {"": self._accuracy(rates, moved[self.partners])}

    def _accuracy(self, rates: np.ndarray, partners: np.ndarray) -> float:
        dtype = self.local.generated.rates.dtype
        a, b = (np.asarray(_seen(self.local.view, np.asarray(side, dtype))) for side in (rates, partners))
        return accuracy_of_neighbours(a, b)


@eqx.filter_jit
def _seen(view: FeatureMap, rates: np.ndarray) -> Array:
    """A curve for every unit, seen through its gaps."""
    return view.of_units(jnp.asarray(rates), jnp.arange(len(rates)))


def accuracy_of_neighbours(
    a: Float[np.ndarray, "n features"], b: Float[np.ndarray, "n features"], k: int = NEIGHBOURS
) -> float:
    """How often the majority of the k nearest others of a point is of its own set: 1/2 or less by chance alone.

    >>> far = np.arange(12.0)[:, None]
    >>> accuracy_of_neighbours(far, far + 100)
    1.0
    """
    both = np.concatenate([a, b]).astype(float)
    is_a = np.arange(len(both)) < len(a)
    squared = np.sum(both**2, axis=1)
    apart = squared[:, None] + squared[None] - 2 * both @ both.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.argpartition(apart, k, axis=1)[:, :k]
    votes = np.mean(is_a[nearest], axis=1) > 0.5
    return float((votes == is_a).mean())
