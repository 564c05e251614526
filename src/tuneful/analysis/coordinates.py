"""The fitted parameters of a circuit, entry by entry: unconstrained, in their own units, and by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from tuneful.circuits.parameters import Parameter, Positive
from tuneful.fitting.unconstrained import by_name, own_values, parameter_names, unconstrained_values

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.circuits import AbstractCircuit


@dataclass(frozen=True, eq=False)
class Coordinates:
    """n fitted parameters in a row, in the order of `jax.flatten_util.ravel_pytree`.

    circuit
        At the answer of a fit.
    fitted
        Their names.
    """

    circuit: AbstractCircuit
    fitted: tuple[str, ...]

    @cached_property
    def _start(self) -> dict[str, Array]:
        return unconstrained_values(self.circuit, self.fitted)

    @property
    def answer(self) -> Float[np.ndarray, " n"]:
        """The values of the circuit itself, unconstrained."""
        return np.asarray(self._flat, float)

    def named(self, point: np.ndarray) -> dict[str, Array]:
        """Unconstrained parameters by name."""
        return by_name(point, self._start)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What is known of each, in the order of their entries in a row."""
        declared = self.circuit.parameters()
        return {name: declared[name] for name in sorted(self.fitted)}

    @cached_property
    def entries(self) -> list[str]:
        """A name for every number in the row: ``J_EI``, ``sigma_l``."""
        plain = iter(parameter_names(self._start))
        found = []
        for name, about in self.parameters.items():
            indexed = [next(plain) for _ in range(np.size(self._start[name]))]
            named = [] if about.entries is None else np.ravel(np.asarray(about.entries, dtype=object)).tolist()
            found += [f"{name}_{entry}" for entry in named] if len(named) == len(indexed) > 1 else indexed
        return found

    @cached_property
    def is_logarithm(self) -> list[bool]:
        """Which unconstrained numbers are logarithms of an entry."""
        return [
            isinstance(about.constraint, Positive) and about.reference is None
            for name, about in self.parameters.items()
            for _ in range(np.size(self._start[name]))
        ]

    def own(self, points: np.ndarray) -> Float[np.ndarray, "... n"]:
        """Points, (..., n), in own units."""
        flat = jnp.asarray(points.reshape(-1, points.shape[-1]), self._flat.dtype)
        return np.asarray(jax.vmap(self._own)(flat), float).reshape(points.shape)

    def slopes(self, point: np.ndarray) -> Float[np.ndarray, "n n"]:
        """Derivatives of own values (rows) in unconstrained ones at a point."""
        return np.asarray(jax.jacfwd(self._own)(jnp.asarray(point, self._flat.dtype)), float)

    def shaped(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """A row of values of any kind, (n, ...), by name and of the shape of the parameter."""
        values, found, begin = np.asarray(values), {}, 0
        for name in self.parameters:
            shape = np.shape(self._start[name])
            end = begin + int(np.prod(shape))
            found[name] = values[begin:end].reshape((*shape, *values.shape[1:]))
            begin = end
        return found

    @property
    def _flat(self) -> Array:
        return ravel_pytree(self._start)[0]

    def _own(self, flat: Array) -> Array:
        return own_values(self.circuit, by_name(flat, self._start))
