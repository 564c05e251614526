"""What is predicted of any fitted circuit: its curves, whether inhibition stabilises it, and responses to input."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tuneful.circuits import AbstractCircuit, AbstractRecurrentCircuit, Response
from tuneful.circuits.base import TakesInput
from tuneful.circuits.ensemble import CHUNK, in_chunks, map_realisations
from tuneful.circuits.observation import taken_apart
from tuneful.circuits.parameters import with_fields
from tuneful.curves import compute, named_conditions
from tuneful.fitting.linearised import generated_at
from tuneful.fitting.problem import Problem
from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.networks.inhibition_stabilized import excitation_runs_away
from tuneful.objectives import Generated
from tuneful.solvers import Status

FEWEST = 2  # realisations that settle, of which anything is said
LOWERED = 0.01  # Hz: a smaller fall of a rate is taken for none


@dataclass(frozen=True)
class Quantity:
    """One of the things that are predicted: what one number of it is called, its unit, and what its axes are."""

    words: str
    unit: str
    along: tuple[str, ...] = ()


OF_INPUT = ("type", "input", "condition")
QUANTITIES = {
    "rate_mean": Quantity("mean rate{of_label} at {condition}", "of curves", ("label", "condition")),
    "rate_spread": Quantity("spread of rates{of_label} at {condition}", "of curves", ("label", "condition")),
    "statistic_mean": Quantity("mean {statistic}{of_label}", "", ("label", "statistic")),
    "settled": Quantity("realisations that settle", ""),
    "inhibition_stabilised": Quantity("inhibition-stabilised at {condition}", "", ("condition",)),
    "linear_response": Quantity("linear response of {type} to input to {input} at {condition}", "Hz", OF_INPUT),
    "full_response": Quantity("response of {type} to input to {input} at {condition}", "Hz", OF_INPUT),
    "lowered": Quantity("part of {type} lowered by input to {input} at {condition}", "", OF_INPUT),
    "networks_settled": Quantity("networks that settle with and without input", ""),
}


@dataclass(frozen=True, eq=False)
class PredictedQuantities:
    """A function of a circuit and a key: all quantities by name, NaN where hardly anything settles.

    problem
        Of the fit; circuits are given in the conditions that are asked for.
    label_names
        By number; "" where all cells are alike.
    statistics
        Names of those whose means are taken, over curves in the first `present` conditions.
    conditions
        Features of all conditions, the present ones first.
    curves
        Of each label.
    networks
        Realisations that are looked at as dynamical systems; 0 for none.
    inputs
        Extra input to all cells of a type, by the name of the type, in the unit of the circuit's input.
    """

    problem: Problem
    label_names: Sequence[str]
    statistics: Sequence[str]
    conditions: Mapping[str, np.ndarray]
    n_conditions: int
    present: int
    curves: int
    networks: int = 0
    inputs: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __call__(self, circuit: AbstractCircuit, key: Array) -> dict[str, np.ndarray]:
        """Evaluate all of them."""
        problem = dataclasses.replace(self.problem, circuit=circuit, penalties=())
        for_curves, for_networks = jax.random.split(key)
        at = unconstrained_values(circuit, problem.fitted)
        generated = generated_at(problem, at, for_curves, self.curves * len(self.label_names))
        found = dict(self._of_curves(generated))
        inner = taken_apart(circuit)[0]
        if self.networks and isinstance(inner, AbstractRecurrentCircuit):
            found |= _of_networks(inner, for_networks, self.networks, self.inputs)
        return found

    def names(self, quantity: str) -> list[str]:
        """A name for every number of a quantity, as in 'mean rate of E at size = 2', in the order of `np.ravel`."""
        words = QUANTITIES[quantity].words
        labels = {name: f" of {name}" if name else "" for name in self.label_names}
        return [words.format(of_label=labels.get(at.get("label", ""), ""), **at) for at in self.places(quantity)]

    def places(self, quantity: str) -> list[dict[str, str]]:
        """Where every number of a quantity is on its axes, in the same order."""
        along = QUANTITIES[quantity].along
        return [dict(zip(along, place, strict=True)) for place in itertools.product(*map(self.along, along))]

    def along(self, axis: str) -> Sequence[str]:
        """What the entries of an axis are called."""
        return {
            "label": self.label_names,
            "statistic": self.statistics,
            "condition": named_conditions(self.conditions, self.n_conditions),
            "input": list(self.inputs),
            "type": types_of(self.problem.circuit),
        }[axis]

    def _of_curves(self, generated: Generated) -> Iterator[tuple[str, Any]]:
        present = {name: values[: self.present] for name, values in self.conditions.items()}
        parts = [generated.of_label(i) for i in range(len(self.label_names))]
        rates = [np.asarray(part.rates, float)[np.asarray(part.weight) > 0] for part in parts]
        few = [len(own) < FEWEST for own in rates]
        nothing = np.full(self.n_conditions, np.nan)
        yield "rate_mean", [nothing if bad else own.mean(axis=0) for bad, own in zip(few, rates, strict=True)]
        yield "rate_spread", [nothing if b else own.std(axis=0, ddof=1) for b, own in zip(few, rates, strict=True)]
        seen = [own[:, : self.present] for own in rates]
        yield "statistic_mean", [[_mean(name, own, present) for name in self.statistics] for own in seen]
        yield "settled", np.asarray(generated.realisation_weight, float).mean()


def types_of(circuit: AbstractCircuit) -> list[str]:
    """Names of the types of cells that can be given input; none of a circuit that takes none."""
    inner = taken_apart(circuit)[0]
    return list(dict.fromkeys(inner.network_types.tolist())) if isinstance(inner, TakesInput) else []


def _mean(name: str, rates: np.ndarray, conditions: Mapping[str, np.ndarray]) -> float:
    """Of a statistic over the curves that have it."""
    if not len(rates):
        return np.nan
    values = np.asarray(compute(name, rates, conditions), float)
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _of_networks(
    circuit: AbstractRecurrentCircuit, key: Array, n: int, inputs: Mapping[str, float]
) -> Iterator[tuple[str, Any]]:
    """Over realisations that settle: whether excitation alone would run away, and responses to input."""
    size = min(n, CHUNK)
    stabilised, settled = in_chunks(lambda first: _stabilised(circuit, key, first, size), n, size=size)
    yield "inhibition_stabilised", _over(stabilised, settled)
    if not inputs or not isinstance(circuit, TakesInput):
        return
    types = types_of(circuit)
    strengths = jnp.diag(jnp.array([inputs.get(name, 0.0) for name in types]))
    given = np.array([name in inputs for name in types])
    *found, settled = in_chunks(lambda first: _perturbed(circuit, key, strengths, first, size), n, size=size)
    for name, values in zip(("linear_response", "full_response", "lowered"), found, strict=True):
        yield name, np.swapaxes(_over(values, settled)[given], 0, 1)
    yield "networks_settled", settled.mean()


def _over(values: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """Mean over the realisations that settled."""
    known = values[settled].astype(float)
    return known.mean(axis=0) if len(known) >= FEWEST else np.full(values.shape[1:], np.nan)


def _is_settled(response: Response) -> Array:
    return response.settled & (response.status != Status.SATURATED) & jnp.isfinite(response.all_rates).all()


@eqx.filter_jit
def _stabilised(circuit: AbstractRecurrentCircuit, key: Array, first: Array, size: int) -> tuple[Array, Array]:
    """Whether excitation alone would run away, (realisations, conditions), and which realisations settle."""

    def look(circuit: AbstractRecurrentCircuit, key: Array) -> tuple[Array, Array]:
        z = circuit.draw(key)
        response = circuit.respond(z)
        rates = jnp.where(_is_settled(response), response.all_rates, 0)
        return excitation_runs_away(circuit.jacobian(z, rates)), _is_settled(response)

    return map_realisations(look, circuit, key, size, first)


@eqx.filter_jit
def _perturbed(circuit: Any, key: Array, strengths: Array, first: Array, size: int) -> tuple[Array, ...]:
    """Responses to input to each type, (realisations, inputs, types, conditions): linear, full, and share that falls.

    Of cells where cells are recorded, by type; and which realisations settle with and without input. A linear
    response is the derivative of the steady state, (1 - Phi W)^-1 Phi dI, times the input.
    """
    kinds = [circuit.network_types == name for name in types_of(circuit)]
    rows = [np.flatnonzero(kind & circuit.at_recorded_places) for kind in kinds]
    to_cells = jnp.asarray(np.array(kinds), strengths.dtype)

    def look(at: tuple[Any, Array], key: Array) -> tuple[Array, ...]:
        """One realisation, without input and with each."""
        circuit, strengths = at
        z = circuit.draw(key)

        def rates(strength: Array) -> tuple[Array, Array]:
            response = circuit.respond(z, strength @ to_cells)
            return response.all_rates, _is_settled(response)

        before, along, is_settled = jax.linearize(rates, jnp.zeros_like(strengths[0]), has_aux=True)
        linear = jax.vmap(along)(strengths)
        after, are_settled = jax.lax.map(rates, strengths)
        full = after - before[None]
        falls = (full < -LOWERED).astype(full.dtype)
        by_type = (jnp.stack([c[:, own].mean(axis=1) for own in rows], axis=1) for c in (linear, full, falls))
        return *by_type, is_settled & are_settled.all() & jnp.isfinite(linear).all()

    return map_realisations(look, (with_fields(circuit, factorised=True), strengths), key, size, first)
