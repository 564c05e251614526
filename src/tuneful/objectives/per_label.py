"""Any objective, label by label: like is compared with like, and one realisation serves all labels."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, reduce
from typing import Any, final

import equinox as eqx
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.errors import UserError, suggest
from tuneful.objectives.base import AbstractObjective, Draw, Generated, GenerateOnce, Measured, Sampling

States = tuple[Any, ...]


@final
class PerLabel(eqx.Module):
    r"""An objective d that is asked once a label, about the units and the recorded cells of that label,

        sum_l w_l d(generated_l, measured_l),

    each with a state of its own: its own scale, its own landmarks or its own critic. What an objective draws is the
    same for every label, so that it does not matter what labels are called. It has the methods of an objective, and
    is none that a fit is given: what it does not say (`learns`, `label`) is for the inner one to say.

    Parameters
    ----------
    objective
        The inner one.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from tuneful.objectives import EnergyDistance
    >>> data = Measured.from_rates([[1.0], [70.0], [3.0], [50.0]], labels=[0, 1, 0, 1], weights=(0.5, 0.5))
    >>> cells = jnp.array([[2.0], [60.0], [4.0], [40.0]])  # of two realisations, a cell of either label each
    >>> distance, key = PerLabel(EnergyDistance(whiten=False)), jax.random.key(0)
    >>> generated = Generated(cells, jnp.ones(4), n_cells=2, labels=(0, 1))
    >>> float(distance.loss(generated, distance.init(key, data), data, key))  # (-1 - 10) / 2
    -5.5
    """

    objective: AbstractObjective

    def init(self, key: PRNGKeyArray, data: Measured) -> States:
        return tuple(self.objective.init(key, part) for part in data.parts)

    def update(self, states: States, generate: Draw, data: Measured, key: PRNGKeyArray) -> States:
        """Improve the state of every label, with the same realisations."""

        def of_label(label: int) -> Draw:
            return lambda key, batches: generate(key, batches).of_label(label)

        parts = zip(states, data.parts, strict=True)
        return tuple(self.objective.update(state, of_label(i), part, key) for i, (state, part) in enumerate(parts))

    def loss(self, generated: Generated, states: States, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Compute the weighted sum; what weighs nothing is not computed."""
        parts = self._weighed(generated, states, data, key)
        return _sum(weight * self.objective.loss(own, *about) for weight, _, own, about in parts)

    def sharpened(self, states: States, generate: GenerateOnce, data: Measured) -> States:
        once = cache(generate)

        def of_label(label: int) -> GenerateOnce:
            return lambda: once().of_label(label)

        parts = zip(states, data.parts, strict=True)
        return tuple(self.objective.sharpened(state, of_label(i), part) for i, (state, part) in enumerate(parts))

    def careful(self, states: States) -> States | None:
        found = tuple(map(self.objective.careful, states))
        return None if any(one is None for one in found) else found

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        states: States,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        """Add the curvatures, weighted as the distances are."""
        parts = self._weighed(generated, states, data, key)
        return _sum(weight * self.objective.metric(own, tangents[rows], *about) for weight, rows, own, about in parts)

    def sampling(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        states: States,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Sampling | None:
        """Add curvatures by weights and noise by their squares: units of different labels err independently."""
        curvature, noise = list[Array](), list[Array]()
        for weight, rows, own, about in self._weighed(generated, states, data, key):
            found = self.objective.sampling(own, tangents[rows], *about)
            if found is None:
                return None
            curvature.append(weight * found.curvature)
            noise.append(weight**2 * found.noise)
        return Sampling(_sum(curvature), _sum(noise))

    def _weighed(
        self, generated: Generated, states: States, data: Measured, key: PRNGKeyArray
    ) -> Iterator[tuple[float, np.ndarray, Generated, tuple[Any, Measured, Array]]]:
        """Weight, rows, curves, and what else the inner objective is told, of every label that weighs anything."""
        for label, (weight, state, part) in enumerate(zip(data.weights, states, data.parts, strict=True)):
            if weight:
                yield weight, generated.rows(label), generated.of_label(label), (state, part, key)


def label_by_label(objective: AbstractObjective) -> AbstractObjective | PerLabel:
    """The objective as it is asked where there are labels: itself, if it tells them apart."""
    return objective if objective.tells_labels else PerLabel(objective)


def label_weights(
    objective: AbstractObjective, names: Sequence[str], counts: Sequence[int], factors: Mapping[str, float]
) -> tuple[float, ...]:
    """What every label counts, in all 1.

    The same for every label, or for every unit where the objective says so (`weighs_units`), times the factors.

    Parameters
    ----------
    objective
        The inner one.
    names, counts
        Of the labels: what they are called, and how many units each has.
    factors
        By name, 1 where none is given; 0 leaves a label out of the sum.

    Raises
    ------
    UserError
        For a factor of no label, and where nothing is left.

    >>> from tuneful.objectives import EnergyDistance, Moments
    >>> [label_weights(objective(), ["E", "I"], [30, 10], {}) for objective in (EnergyDistance, Moments)]
    [(0.5, 0.5), (0.75, 0.25)]
    """
    for name in factors:
        if name not in names:
            raise UserError(f"label_weights: there is no label {name!r}.{suggest(name, names)}")
    each = [n if objective.weighs_units else 1 for n in counts]
    weights = [n * factors.get(name, 1.0) for name, n in zip(names, each, strict=True)]
    if not sum(weights) > 0:
        raise UserError("label_weights: none of the labels has a weight above 0.")
    return tuple(weight / sum(weights) for weight in weights)


def _sum(parts: Iterable[Array]) -> Array:
    return reduce(operator.add, parts)
