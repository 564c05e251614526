"""Learned parameters: a name, a symbol, a unit, and the constraint that a fit must keep."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float


class AbstractConstraint(eqx.Module):
    """A bijection between the natural values of a parameter and the whole real line.

    A fit takes its steps on the unconstrained side, where every value is allowed; users see natural units only.
    """

    @abstractmethod
    def to_unconstrained(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Map natural values to unconstrained ones."""

    @abstractmethod
    def to_constrained(self, unconstrained: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Map unconstrained values back to natural ones."""

    @abstractmethod
    def allows(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        """Tell whether natural values satisfy the constraint."""


@final
class Positive(AbstractConstraint):
    """Values above zero, fitted as logarithms: a step on the unconstrained side is a relative change."""

    def to_unconstrained(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.log(value)

    def to_constrained(self, unconstrained: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.exp(unconstrained)

    def allows(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(value > 0) & jnp.all(jnp.isfinite(value))


@final
class Free(AbstractConstraint):
    """Any real value.

    scale
        The natural size of a change: one unit on the unconstrained side.
    """

    scale: float = 1.0

    def to_unconstrained(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return value / self.scale

    def to_constrained(self, unconstrained: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return unconstrained * self.scale

    def allows(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(jnp.isfinite(value))


@final
class Ordered(AbstractConstraint):
    """Increasing values along the last axis, fitted as the first value and the logarithms of the gaps."""

    def to_unconstrained(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.concatenate([value[..., :1], jnp.log(jnp.diff(value, axis=-1))], axis=-1)

    def to_constrained(self, unconstrained: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.cumsum(
            jnp.concatenate([unconstrained[..., :1], jnp.exp(unconstrained[..., 1:])], axis=-1), axis=-1
        )

    def allows(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(jnp.diff(value, axis=-1) > 0) & jnp.all(jnp.isfinite(value))


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What is known of a learned parameter besides its value; see `parameter`."""

    name: str
    symbol: str
    unit: str
    constraint: AbstractConstraint
    meaning: str
    reference: Callable[[Any], Array] | None = None
    entries: Any = None


def as_float_array(value: ArrayLike | Sequence) -> Array:
    """Convert to a floating-point array of JAX's default precision, traced values included."""
    return jnp.asarray(value, dtype=jnp.result_type(float))


def _as_float_array_or_none(value: ArrayLike | Sequence | None) -> Array | None:
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

    A parameter that is None is absent: the option of the model that it belongs to is off.

    Parameters
    ----------
    symbol, unit, meaning
        What reports say of it.
    constraint
        What a fit must keep.
    reference
        Computes, from the other parameters of a circuit, where to measure this one from: a fit moves its distance
        from the reference. Two parameters that the data fix together only (a weight and the threshold that it must
        overcome) else leave the descent in a narrow valley. Such a parameter must be `Free`.
    entries
        Names of the entries of a vector or matrix, in its shape: (("EE", "EI"), ("IE", "II")); or a function of the
        circuit that gives them.
    field
        Further keywords go to `equinox.field` (`default=...` for instance).
    """
    described = {
        "symbol": symbol, "unit": unit, "constraint": constraint, "meaning": meaning, "reference": reference,
        "entries": entries,
    }  # fmt: skip
    converter: Callable[[Any], Any] = field.pop("converter", _as_float_array_or_none)
    return eqx.field(converter=converter, metadata={"parameter": described}, **field)


def declared_parameters(circuit: Any) -> dict[str, Parameter]:
    """Collect the parameters that are present in a circuit, in the order of its fields."""
    present = [
        f for f in dataclasses.fields(circuit) if "parameter" in f.metadata and getattr(circuit, f.name) is not None
    ]
    return {field.name: Parameter(name=field.name, **_described(field, circuit)) for field in present}


def _described(field: dataclasses.Field, circuit: Any) -> dict[str, Any]:
    """What is known of a parameter, with the names that its entries have in this circuit."""
    about = field.metadata["parameter"]
    entries = about["entries"]
    return about | {"entries": entries(circuit) if callable(entries) else entries}
