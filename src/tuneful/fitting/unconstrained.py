"""The fitted parameters of a circuit on their unconstrained side, and all of them as plain numbers."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.circuits.base import AbstractCircuit
from tuneful.circuits.parameters import value_of
from tuneful.errors import UserError, suggest

Circuit = TypeVar("Circuit", bound=AbstractCircuit)


def unconstrained_values(circuit: AbstractCircuit, names: Iterable[str]) -> dict[str, Array]:
    """Read the named parameters off a circuit, in unconstrained form.

    Raises
    ------
    ValueError
        For a name the circuit does not have, or a value outside its constraint.
    """
    declared = circuit.parameters()
    unconstrained = {}
    for name in names:
        if name not in declared:
            raise ValueError(f"{type(circuit).__name__} has no parameter {name!r}.{suggest(name, declared)}")
        value = value_of(circuit, name)
        constraint = declared[name].constraint
        if not bool(constraint.allows(value)):
            raise ValueError(
                f"Parameter {name} = {value} is outside its range ({type(constraint).__name__.lower()}, finite): "
                "start the fit from another value, or keep this parameter fixed."
            )
        reference = declared[name].reference
        unconstrained[name] = constraint.to_unconstrained(value if reference is None else value - reference(circuit))
    return unconstrained


def with_unconstrained(circuit: Circuit, unconstrained: Mapping[str, Array]) -> Circuit:
    """Return the circuit with the given unconstrained values; all else stays."""
    declared = circuit.parameters()
    constrained = {name: declared[name].constraint.to_constrained(value) for name, value in unconstrained.items()}
    absolute = {name: value for name, value in constrained.items() if declared[name].reference is None}
    circuit = circuit.with_values(absolute)
    references = {name: declared[name].reference for name in constrained.keys() - absolute.keys()}
    return circuit.with_values(
        {name: constrained[name] + of(circuit) for name, of in references.items() if of is not None}
    )


def own_values(circuit: AbstractCircuit, unconstrained: Mapping[str, Array]) -> Float[Array, " n"]:
    """Unconstrained values, by name, in own units: in a row, in the order of `jax.flatten_util.ravel_pytree`."""
    changed = with_unconstrained(circuit, unconstrained)
    return ravel_pytree({name: value_of(changed, name) for name in unconstrained})[0]


def check_parameters(circuit: AbstractCircuit) -> None:
    """Refuse a circuit that has a value of a parameter, fitted or not, beyond its range.

    Raises
    ------
    UserError
        For the first such value.
    """
    for name, about in circuit.parameters().items():
        value = value_of(circuit, name)
        if not bool(about.constraint.holds(value)):
            kind = type(about.constraint).__name__.lower()
            raise UserError(f"Parameter {name} = {value} is beyond its range ({kind}, finite): choose another value.")


def parameter_values(circuit: AbstractCircuit) -> dict[str, Any]:
    """The values of all parameters as plain numbers or lists, in their own units."""
    return {name: np.asarray(value_of(circuit, name)).astype(float).tolist() for name in circuit.parameters()}


def by_name(row: ArrayLike, like: Mapping[str, Array]) -> dict[str, Array]:
    """Unconstrained parameters in a row, by name: in the shapes, the order and the precision of others."""
    flat, unravel = ravel_pytree(dict(like))
    return unravel(jnp.asarray(row, flat.dtype))


def parameter_names(unconstrained: Mapping[str, Array]) -> list[str]:
    """Names of the numbers in a row of unconstrained parameters, in the order of `jax.flatten_util.ravel_pytree`.

    >>> parameter_names({"b": np.zeros(2), "a": np.zeros(())})
    ['a', 'b[0]', 'b[1]']
    """
    return [
        f"{name}[{', '.join(map(str, index))}]" if index else name
        for name in sorted(unconstrained)
        for index in np.ndindex(np.shape(unconstrained[name]))
    ]
