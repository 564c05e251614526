"""Circuits, objectives and penalties by name: those of tuneful, of installed packages, and own ones once imported."""

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import sys
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, TypeVar

import jax
import numpy as np
import pydantic

import tuneful.circuits
import tuneful.objectives
from tuneful.circuits import AbstractCircuit, Observation
from tuneful.errors import UserError, suggest
from tuneful.objectives import AbstractObjective, AbstractPenalty
from tuneful.settings import shown

FINITE = pydantic.ConfigDict(allow_inf_nan=False)

Component = TypeVar("Component", AbstractCircuit, AbstractObjective, AbstractPenalty, Observation)
ARRAYS = (np.ndarray, jax.Array)  # fields of these types are lists in a configuration


def circuits() -> dict[str, type[AbstractCircuit]]:
    """Find every circuit model, by label."""
    return _known(tuneful.circuits, AbstractCircuit)


def objectives() -> dict[str, type[AbstractObjective]]:
    """Find every objective, by label."""
    return _known(tuneful.objectives, AbstractObjective)


def penalties() -> dict[str, type[AbstractPenalty]]:
    """Find every penalty, by label."""
    return _known(tuneful.objectives, AbstractPenalty)


def _known(package: ModuleType, base: type[Component]) -> dict[str, type[Component]]:
    known = installed(package, base)
    return known | {label: own for label, own in _imported(base).items() if label not in known}


@functools.cache
def installed(package: ModuleType, base: type[Component]) -> dict[str, type[Component]]:
    """Collect the final classes of a folder, then those of entry points in a group of the folder's name."""
    modules = [
        importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)
    ]
    found = [member for module in modules for _, member in inspect.getmembers(module, inspect.isclass)]
    found += [entry.load() for entry in entry_points(group=package.__name__)]
    return {c.label: c for c in found if issubclass(c, base) and _has_a_label(c)}


def _imported(base: type[Component]) -> dict[str, type[Component]]:
    """Classes that this process imported, whoever asked for it; a label that two of them have is nobody's.

    Only what its module still has under its name: a cell of a notebook that is run again replaces its class.
    """
    final = [c for c in _subclasses(base) if _has_a_label(c)]
    present = [c for c in final if getattr(sys.modules.get(c.__module__), c.__qualname__, None) is c]
    count = Counter(c.label for c in present)
    return {c.label: c for c in present if count[c.label] == 1}


def _has_a_label(component: type[Any]) -> bool:
    """Whether it is final, with a name of its own: what wraps another component has that component's."""
    return not inspect.isabstract(component) and isinstance(getattr(component, "label", None), str)


def _subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for inner in base.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def build(kind: str, available: Mapping[str, type[Component]], settings: Mapping[str, Any]) -> Component:
    """Make a component from `{"name": label, field: value, ...}`.

    Raises
    ------
    UserError
        For an unknown name or key, a value of the wrong type, or one that the component refuses.
    """
    component = _called(kind, available, settings.get("name"))
    name, declared = component.label, _settings(component)
    settings = {key: value for key, value in modern_names(kind, available, settings).items() if key != "name"}
    for key in settings:
        if key not in declared:
            raise UserError(f"The {kind} {name} has no setting {key!r}.{suggest(key, declared)}")
    values = {key: _convert(f"{kind}.{key}", component, declared[key], value) for key, value in settings.items()}
    try:
        return component(**values)
    except (TypeError, ValueError) as error:
        raise UserError(f"The {kind} {name} cannot be built: {error}") from error


def fields_of(kind: str, available: Mapping[str, type[Component]], settings: Any) -> list[str]:
    """The settings of the component that is named in `settings`."""
    name = settings.get("name") if isinstance(settings, Mapping) else None
    component = _called(kind, available, name)
    return [*_settings(component), *getattr(component, "renamed", ())]


def modern_names(kind: str, available: Mapping[str, type[Component]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings by the names that they have now; see `AbstractCircuit.renamed`."""
    renamed = getattr(_called(kind, available, settings.get("name")), "renamed", {})
    return {renamed.get(key, key): value for key, value in settings.items()}


def _settings(component: Any) -> dict[str, dataclasses.Field]:
    """The fields of a component, or of its class, that a configuration sets."""
    return {f.name: f for f in dataclasses.fields(component) if f.metadata.get("is_setting", True)}


def _called(kind: str, available: Mapping[str, type[Component]], name: Any) -> type[Component]:
    if name is None:
        raise UserError(f"The configuration does not say which {kind}: name one of {', '.join(available)}.")
    if not isinstance(name, str) or name not in available:
        raise UserError(f"There is no {kind} called {shown(name)}.{suggest(shown(name), available)}")
    return available[name]


def _convert(where: str, component: Any, field: dataclasses.Field, value: Any) -> Any:
    """Bring a value read from text or TOML to the type of a field."""
    if "parameter" not in field.metadata:
        # Where annotations are postponed, a field knows its type as text only.
        wanted = typing.get_type_hints(component)[field.name] if isinstance(field.type, str) else field.type
        return np.asarray(checked(where, list, value)) if wanted in ARRAYS else checked(where, wanted, value)
    if value is None and field.default is None:
        return None
    value = checked(where, float | list[float] | list[list[float]], value)
    if field.default not in (dataclasses.MISSING, None) and _shape(value) != np.shape(field.default):
        raise UserError(f"{where} = {shown(value)} does not have the shape of its default, {field.default!r}.")
    if np.max(np.abs(value), initial=0) > np.finfo(np.float32).max:
        raise UserError(f"{where} = {shown(value)} is more than single precision holds.")
    return value


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists, None if they are ragged."""
    try:
        return np.shape(value)
    except ValueError:
        return None


def checked(where: str, expected: Any, value: Any) -> Any:
    """Validate one value; the error names the key, the value and what is expected."""
    try:
        if isinstance(value, bool) and expected is not bool:
            raise ValueError("pydantic takes truth values for numbers")
        return pydantic.TypeAdapter(expected, config=FINITE).validate_python(value)
    except ValueError as error:  # pydantic's errors are of this kind
        wanted = getattr(expected, "__name__", str(expected))
        raise UserError(f"{where} = {shown(value)} is not of the expected type ({wanted}).") from error


def settings_of(component: AbstractCircuit | AbstractObjective | AbstractPenalty | Observation) -> dict[str, Any]:
    """Write a component as plain settings from which `build` makes it again."""
    values = {name: getattr(component, name) for name in _settings(component)}
    return {"name": component.label} | {k: v.tolist() if hasattr(v, "tolist") else v for k, v in values.items()}
