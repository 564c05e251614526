"""Sets of curves of a circuit, as many as there are units: a descent, as they may take long to simulate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.circuits.ensemble import CHUNK
from tuneful.descents import AbstractDescent, Ended, Ending, Keeper, Observer, Outcome, descend
from tuneful.fitting.linearised import generated_at

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.analysis.goodness_of_fit import Hypothesis

ROUNDS = 20  # times as many realisations as would do, until there are curves enough
AT_ONCE = 20 * CHUNK  # realisations of a step


@dataclass(frozen=True, eq=False)
class Drawn:
    """Curves that settled so far, of each label, and in how many steps."""

    steps: int
    curves: tuple[Float[np.ndarray, "some conditions"], ...]


def simulated_sets(
    hypothesis: Hypothesis,
    key: Array,
    sets: int,
    *,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> Float[np.ndarray, "sets units conditions"]:
    """Sets of as many complete curves of each label as there are units, dealt at random from many realisations.

    Parameters
    ----------
    hypothesis
        The circuit at its answer, and the units.
    key
        Decides the curves.
    sets
        How many.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    ValueError
        If too few realisations settle.
    KeyboardInterrupt
        If an observer asked to stop.
    """
    descent = SetsDescent(hypothesis, key, sets)
    done = descend(descent, keeper=keeper, observers=observers)
    if done.ending.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    if not done.ending.outcome.is_success:
        raise ValueError(str(done.ending))
    return descent.dealt(done.state)


@final
class SetsDescent(AbstractDescent[Drawn, str]):
    """Some hundred realisations a step, until every label has its curves; arguments as in `simulated_sets`."""

    def __init__(self, hypothesis: Hypothesis, key: Array, sets: int):
        self._hypothesis, self._key, self._sets = hypothesis, key, sets

    def init(self) -> Drawn:
        nothing = np.zeros((0, self._hypothesis.rates.shape[1]), jnp.result_type(float))
        return Drawn(0, tuple(nothing for _ in self._wanted))

    def step(self, state: Drawn) -> tuple[Drawn, str]:
        """Draw more realisations, and give what settles to the sets that still lack curves."""
        if state.steps >= ROUNDS * -(-self._realisations(self.init()) // AT_ONCE):
            said = "Most realisations do not settle at the answer: there are no sets of curves to compare with."
            raise Ended(Outcome.LOST, said)
        problem, lacking = self._hypothesis.problem, self._realisations(state)
        asked = min(int(1.05 * lacking) + 1, AT_ONCE) * problem.circuit.cells_per_realisation
        key = jax.random.fold_in(self._key, state.steps)
        drawn = generated_at(problem, self._hypothesis.at, key, asked)
        parts = [drawn.of_label(label) for label in range(len(self._wanted))]
        more = [np.asarray(part.rates)[np.asarray(part.weight) > 0] for part in parts]
        curves = tuple(np.concatenate(both) for both in zip(state.curves, more, strict=True))
        known = sum(min(len(own), wanted) for own, wanted in zip(curves, self._wanted, strict=True))
        return Drawn(state.steps + 1, curves), f"curves: {known:,} of {sum(self._wanted):,}"

    def steps(self, state: Drawn) -> int:
        return state.steps

    def ending(self, state: Drawn) -> Ending | None:
        return None if self._realisations(state) > 0 else Ending(Outcome.REACHED, "there are curves enough")

    def pack(self, state: Drawn) -> Any:
        return np.asarray(state.steps), state.curves

    def unpack(self, arrays: Any) -> Drawn:
        steps, curves = arrays
        return Drawn(int(steps), tuple(map(np.asarray, curves)))

    def dealt(self, state: Drawn) -> Float[np.ndarray, "sets units conditions"]:
        """Deal the curves of each label out to its units in all sets."""
        whole = np.zeros((self._sets, *self._hypothesis.rates.shape), state.curves[0].dtype)
        for label, (wanted, own) in enumerate(zip(self._wanted, state.curves, strict=True)):
            order = np.asarray(jax.random.permutation(jax.random.fold_in(self._key, 2**20 + label), wanted))
            shape = self._sets, -1, whole.shape[-1]
            whole[:, self._hypothesis.of_label(label)] = own[:wanted][order].reshape(shape)
        return whole

    @cached_property
    def _wanted(self) -> list[int]:
        """Curves of each label."""
        return [self._sets * len(self._hypothesis.of_label(i)) for i in range(len(self._hypothesis.label_names))]

    def _realisations(self, state: Drawn) -> int:
        """How many more it takes, should all settle."""
        problem = self._hypothesis.problem
        cells = [problem.labels.count(i) or problem.circuit.cells_per_realisation for i in range(len(self._wanted))]
        lacking = [n - len(own) for n, own in zip(self._wanted, state.curves, strict=True)]
        return max(-(-n // c) for n, c in zip(lacking, cells, strict=True))
