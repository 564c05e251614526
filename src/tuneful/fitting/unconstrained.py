"""The fitted parameters of a circuit on their unconstrained side."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from jax import Array

from tuneful.circuits.base import AbstractCircuit

Circuit = TypeVar("Circuit", bound=AbstractCircuit)


def to_free(circuit: AbstractCircuit, names: Iterable[str]) -> dict[str, Array]:
    """Read the named parameters off a circuit, in unconstrained form.

    **Raises:** `ValueError` for a name the circuit does not have, or a value outside its constraint.
    """
    declared = circuit.parameters()
    free = {}
    for name in names:
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" It has {', '.join(declared)}."
            raise ValueError(f"{type(circuit).__name__} has no parameter {name!r}.{hint}")
        value = getattr(circuit, name)
        constraint = declared[name].constraint
        if not bool(constraint.allows(value)):
            raise ValueError(
                f"Parameter {name} = {value} is outside its range ({type(constraint).__name__.lower()}, finite): "
                "start the fit from another value, or keep this parameter fixed."
            )
        reference = declared[name].reference
        free[name] = constraint.to_free(value if reference is None else value - reference(circuit))
    return free


def with_free(circuit: Circuit, free: Mapping[str, Array]) -> Circuit:
    """Return the circuit with the given unconstrained values; all else stays."""
    declared = circuit.parameters()
    natural = {name: declared[name].constraint.to_natural(value) for name, value in free.items()}
    absolute = {name: value for name, value in natural.items() if declared[name].reference is None}
    circuit = circuit.with_values(absolute)
    references = {name: declared[name].reference for name in natural.keys() - absolute.keys()}
    return circuit.with_values(
        {name: natural[name] + of(circuit) for name, of in references.items() if of is not None}
    )
