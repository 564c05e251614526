"""The fitted parameters of a circuit, entry by entry: unconstrained, in their own units, and by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from tuneful.circuits.parameters import Parameter, Positive
from tuneful.errors import UserError, suggest
from tuneful.fitting.uncertainty import follows_others, own_slopes, read_slopes
from tuneful.fitting.unconstrained import by_name, own_values, parameter_names, unconstrained_values

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Bool, Float

    from tuneful.circuits import AbstractCircuit


COMMA = re.compile(r",(?![^\[]*\])")  # between names: none within brackets


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

    def called(self, name: str, asked: str, others: Sequence[str] = ()) -> list[int]:
        """Numbers of the entries of that name: of one, ``J_EI`` or ``J[0, 1]``, or of all of a parameter, ``J``.

        Raises
        ------
        UserError
            If there is none, in what is `asked` for; the nearest name, also of `others`, is suggested.
        """
        plain = parameter_names(self._start)
        owners = [owner for owner in self.parameters for _ in range(np.size(self._start[owner]))]
        written = re.sub(r"\s*,\s*", ", ", name.strip())
        found = [i for i, own in enumerate(zip(self.entries, plain, owners, strict=True)) if written in own]
        if not found:
            known = suggest(written, [*dict.fromkeys([*owners, *self.entries]), *others])
            raise UserError(f"{asked}: no fitted parameter is called {written!r}.{known}")
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
        return np.asarray(_own_rows(self.circuit, self._start, flat), float).reshape(points.shape)

    def slopes(self, point: np.ndarray) -> Float[np.ndarray, "n n"]:
        """Derivatives of own values (rows) in unconstrained ones at a point."""
        return own_slopes(self.circuit, self.named(point))

    @cached_property
    def follows(self) -> Bool[np.ndarray, " n"]:
        """Which entries a fit measures from others, see `tuneful.circuits.parameter`."""
        return follows_others(self.circuit, self.fitted)

    def read(self, point: np.ndarray) -> Float[np.ndarray, "n n"]:
        """Derivatives of values as they are read (rows) in unconstrained ones at a point, see `read_slopes`."""
        return read_slopes(self.circuit, self.named(point))

    def read_values(self, points: np.ndarray) -> Float[np.ndarray, "... n"]:
        """Points, (..., n), as they are read: unconstrained, or in own units over the size of a change."""
        if not self.follows.any():
            return points
        return np.where(self.follows, self.own(points) / self._sizes, points)

    @cached_property
    def _sizes(self) -> Float[np.ndarray, " n"]:
        """By how much own values change with one unit of their own unconstrained one: constants of what follows."""
        return np.abs(np.diag(self.slopes(self.answer)))

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


@eqx.filter_jit
def _own_rows(circuit: AbstractCircuit, like: dict[str, Array], rows: Float[Array, "points n"]) -> Array:
    return jax.vmap(lambda row: own_values(circuit, by_name(row, like)))(rows)
