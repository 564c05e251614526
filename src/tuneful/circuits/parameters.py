"""Learned parameters: a name, a symbol, a unit, and the constraint that a fit must keep."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, final

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float

Module = TypeVar("Module", bound=eqx.Module)


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

    def holds(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        """Tell whether a parameter may have such values and stay there: `allows`, and the ends of what that allows.

        A constraint that does not say which those are, asks for finite values.
        """
        return jnp.all(jnp.isfinite(value))


@final
class Positive(AbstractConstraint):
    """Values above zero, fitted as logarithms: a step on the unconstrained side is a relative change."""

    def to_unconstrained(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.log(value)

    def to_constrained(self, unconstrained: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        return jnp.exp(unconstrained)

    def allows(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(value > 0) & jnp.all(jnp.isfinite(value))

    def holds(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(value >= 0) & jnp.all(jnp.isfinite(value))


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

    def holds(self, value: Float[Array, "..."]) -> Bool[Array, ""]:
        return jnp.all(jnp.diff(value, axis=-1) >= 0) & jnp.all(jnp.isfinite(value))


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


def part(prefix: str = "", **field: Any) -> Any:
    """Declare a field that holds another module, whose parameters are parameters of this one as well.

    Parameters
    ----------
    prefix
        What their names begin with here: two parts may have parameters of the same name.
    field
        Further keywords go to `equinox.field`.
    """
    return eqx.field(metadata={"part": prefix, "is_setting": False}, **field)


def declared_parameters(module: Any) -> dict[str, Parameter]:
    """Collect the parameters that are present in a circuit and its parts, in the order of its fields."""
    found = dict[str, Parameter]()
    for field in dataclasses.fields(module):
        if "parameter" in field.metadata and getattr(module, field.name) is not None:
            found[field.name] = Parameter(name=field.name, **_described(field, module))
    for field, prefix in _parts(module):
        for name, about in declared_parameters(getattr(module, field)).items():
            found[prefix + name] = dataclasses.replace(
                about, name=prefix + name, reference=_within(field, about.reference)
            )
    return found


def _described(field: dataclasses.Field, circuit: Any) -> dict[str, Any]:
    """What is known of a parameter, with the names that its entries have in this circuit."""
    about = field.metadata["parameter"]
    entries = about["entries"]
    return about | {"entries": entries(circuit) if callable(entries) else entries}


def value_of(module: Any, name: str) -> Array:
    """The value of a parameter, of the module itself or of one of its parts, by the name that it has there."""
    held = _holder(module, name)
    return getattr(module, name) if held is None else value_of(getattr(module, held[0]), held[1])


def with_values_of(module: Module, values: Mapping[str, Any]) -> Module:
    """The module with other values of the named parameters, its own and those of its parts."""
    changed, of_parts = dict[str, Any](), dict[str, dict[str, Any]]()
    for name, value in values.items():
        held = _holder(module, name)
        if held is None:
            changed[name] = value
        else:
            of_parts.setdefault(held[0], {})[held[1]] = value
    changed |= {field: with_values_of(getattr(module, field), own) for field, own in of_parts.items()}
    return dataclasses.replace(module, **changed)


def with_fields(module: Module, **values: Any) -> Module:
    """The module with other values of those of the named fields that it, or a part of it, has."""
    changed = {name: value for name, value in values.items() if hasattr(module, name)}
    changed |= {field: with_fields(getattr(module, field), **values) for field, _ in _parts(module)}
    return dataclasses.replace(module, **changed) if changed else module


def _parts(module: Any) -> list[tuple[str, str]]:
    """The fields that hold parts, and the prefix of each."""
    return [(f.name, f.metadata["part"]) for f in dataclasses.fields(module) if "part" in f.metadata]


def _holder(module: Any, name: str) -> tuple[str, str] | None:
    """The field with the part that has a parameter, present or not, and its name there; None if it is no part's."""
    for field, prefix in _parts(module):
        inner, own = getattr(module, field), name.removeprefix(prefix)
        is_there = any(f.name == own and "parameter" in f.metadata for f in dataclasses.fields(inner))
        if name.startswith(prefix) and (is_there or _holder(inner, own) is not None):
            return field, own
    return None


def _within(field: str, reference: Callable[[Any], Array] | None) -> Callable[[Any], Array] | None:
    return None if reference is None else lambda module: reference(getattr(module, field))
