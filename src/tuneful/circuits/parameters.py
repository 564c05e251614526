"""Learned parameters: a name, a symbol, a unit, and the constraint that a fit must keep."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


class AbstractConstraint(eqx.Module):
    """A bijection between the natural values of a parameter and the whole real line.

    A fit takes its steps on the free side, where every value is allowed; users see natural units only.
    """

    @abstractmethod
    def to_free(self, value: Array) -> Array:
        """Map natural values to unconstrained ones."""

    @abstractmethod
    def to_natural(self, free: Array) -> Array:
        """Map unconstrained values back to natural ones."""

    @abstractmethod
    def allows(self, value: Array) -> Array:
        """Tell whether natural values satisfy the constraint (a scalar truth value)."""


class Positive(AbstractConstraint):
    """Values above zero, fitted as logarithms: a step on the free side is a relative change."""

    def to_free(self, value: Array) -> Array:
        return jnp.log(value)

    def to_natural(self, free: Array) -> Array:
        return jnp.exp(free)

    def allows(self, value: Array) -> Array:
        return jnp.all(value > 0) & jnp.all(jnp.isfinite(value))


class Free(AbstractConstraint):
    """Any real value. `scale` is the natural size of a change, so that one unit on the free side is one scale."""

    scale: float = 1.0

    def to_free(self, value: Array) -> Array:
        return value / self.scale

    def to_natural(self, free: Array) -> Array:
        return free * self.scale

    def allows(self, value: Array) -> Array:
        return jnp.all(jnp.isfinite(value))


class Ordered(AbstractConstraint):
    """Increasing values along the last axis, fitted as the first value and the logarithms of the gaps."""

    def to_free(self, value: Array) -> Array:
        return jnp.concatenate([value[..., :1], jnp.log(jnp.diff(value, axis=-1))], axis=-1)

    def to_natural(self, free: Array) -> Array:
        return jnp.cumsum(jnp.concatenate([free[..., :1], jnp.exp(free[..., 1:])], axis=-1), axis=-1)

    def allows(self, value: Array) -> Array:
        return jnp.all(jnp.diff(value, axis=-1) > 0) & jnp.all(jnp.isfinite(value))


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What is known of a learned parameter besides its value."""

    name: str
    symbol: str
    unit: str
    constraint: AbstractConstraint
    meaning: str
    reference: Callable[[Any], Array] | None = None
    entries: Any = None


def as_float_array(value: ArrayLike) -> Array:
    """Convert to a floating-point array of JAX's default precision, traced values included."""
    return jnp.asarray(value, dtype=jnp.result_type(float))


def _as_float_array_or_none(value: ArrayLike | None) -> Array | None:
    return None if value is None else as_float_array(value)


def parameter(
    *,
    symbol: str,
    unit: str,
    constraint: AbstractConstraint,
    meaning: str,
    reference: Callable[[Any], Array] | None = None,
    entries: Any = None,
    **field: Any,
) -> Any:
    """Declare a field of a circuit as a learned parameter.

    `entries` names the entries of a vector or matrix, in its shape: (("EE", "EI"), ("IE", "II")).

    Further keywords go to `equinox.field` (`default=...` for instance). A parameter that is None is absent: the
    option of the model that it belongs to is off.

    `reference(circuit)` computes, from the other parameters, where to measure this one from: a fit moves its
    distance from the reference. Two parameters that the data fix together only (a weight and the threshold that it
    must overcome) else leave the descent in a narrow valley. Such a parameter must be `Free`.
    """
    described = {
        "symbol": symbol, "unit": unit, "constraint": constraint, "meaning": meaning, "reference": reference,
        "entries": entries,
    }  # fmt: skip
    converter: Callable[[Any], Any] = field.pop("converter", _as_float_array_or_none)
    return eqx.field(converter=converter, metadata={"parameter": described}, **field)


def declared_parameters(circuit: Any) -> dict[str, Parameter]:
    """Collect the parameters that are present in a circuit, in the order of its fields."""
    return {
        field.name: Parameter(name=field.name, **field.metadata["parameter"])
        for field in dataclasses.fields(circuit)
        if "parameter" in field.metadata and getattr(circuit, field.name) is not None
    }
