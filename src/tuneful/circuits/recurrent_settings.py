"""Settings of a recurrent circuit from parts: their form, what they are by default, which do not belong together."""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from tuneful.circuits.connectivity import LAWS, Wiring
from tuneful.circuits.geometry import AbstractGeometry, Line, Ring, Sheet
from tuneful.circuits.parameters import as_float_array
from tuneful.circuits.stimuli import Values
from tuneful.circuits.typical_weights import typical_weights

Names = tuple[str, ...]
Probability = float | tuple[tuple[float, ...], ...]

SITES = {"line": 201, "ring": 201, "sheet": 15}
SIZES = (0.5, 1.0, 2.0, 4.0, 6.0)
OF_PLACES, OF_RINGS = ("sizes", "positions"), ("orientations", "tuning_width")
CONNECTIONS = ("J", "dJ", "sigma")


def as_names(names: Any) -> Names:
    """One name, or several, in a form that is known when the circuit is compiled.

    >>> as_names("E"), as_names(["E", "I"])
    (('E',), ('E', 'I'))
    """
    return (names,) if isinstance(names, str) else tuple(names)


def as_probability(value: Any) -> Probability:
    """One probability, or a matrix of them, in a form that is known when the circuit is compiled.

    >>> as_probability(1), as_probability([[1, 0.5], [0, 1]])
    (1.0, ((1.0, 0.5), (0.0, 1.0)))
    """
    return float(value) if np.ndim(value) == 0 else tuple(tuple(map(float, row)) for row in value)


def optional(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Bring a value to its form unless it is None.

    >>> optional(as_names)("E"), optional(as_names)(None)
    (('E',), None)
    """

    def convert(value: Any) -> Any:
        return None if value is None else form(value)

    return convert


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings; those that are None, and may not be, as suits the others.

    Parameters
    ----------
    given
        By name, in the form that `Recurrent` keeps them in.

    Raises
    ------
    ValueError
        For the first that cannot be.
    """
    values = dict(given)
    if values["geometry"] not in SITES or values["weights"] not in LAWS:
        raise ValueError(
            f"geometry must be one of {', '.join(SITES)} and weights one of {', '.join(LAWS)}, not "
            f"{values['geometry']!r} and {values['weights']!r}."
        )
    wiring = Wiring(values["types"], values["absent"], values["connection_probability"])
    wiring.check()
    types, is_sheet = values["types"], values["geometry"] == "sheet"
    _complete(values, signs=(1.0, *(-1.0 for _ in types[1:])), n_sites=SITES[values["geometry"]], driven=types)
    _check_per_type(values, "signs", lambda sign: abs(sign) == 1, "1 for excitatory and -1 for inhibitory types")
    _complete(values, tau=tuple(16.0 if sign > 0 else 2.0 for sign in values["signs"]), recorded=types[:1])
    _check_per_type(values, "tau", lambda tau: tau > 0, "time constants above 0")
    _complete(values, sites=((0.0, 0.0),) if is_sheet else (0.0,))
    space = space_of(*(values[name] for name in ("geometry", "n_sites", "extent", "period")))
    space.check(values["sites"])
    _complete_stimuli(values)
    if values["light_types"]:
        _complete(values, light_strength=10.0)
    _complete(values, **typical_weights(wiring, values["signs"], space, values["weights"]))
    return values | {name: _of_connections(values[name], wiring) for name in CONNECTIONS}


def connections_of(circuit: Any) -> Names:
    """Names of the entries of parameters of connections."""
    return circuit.wiring.names


def own_or_shared(name: str) -> Callable[[Any], Names | None]:
    """Names of the entries of a parameter of the driven types, none if it is one number for all of them."""
    return lambda circuit: circuit.driven if jnp.ndim(getattr(circuit, name)) else None


def space_of(geometry: str, n_sites: int, extent: float, period: float) -> AbstractGeometry:
    """Where the sites are."""
    if geometry == "ring":
        return Ring(n_sites, period)
    return (Sheet if geometry == "sheet" else Line)(n_sites, extent)


def check_settings(circuit: Any) -> None:
    """Refuse settings that do not belong together.

    Raises
    ------
    ValueError
        For the first.
    """
    for name in ("driven", "recorded", "light_types"):
        _check_names(name, getattr(circuit, name), circuit.types)
    for name, about in circuit.parameters().items():
        # While the circuit is copied within a computation, its parameters may be anything.
        shape, entries = getattr(getattr(circuit, name), "shape", None), about.entries
        if shape is not None and shape != (() if entries is None else (len(entries),)):
            raise ValueError(
                f"{name} must be one value for each of {', '.join(entries or ['the circuit'])}, not {shape}."
            )
    of_light = (circuit.light_strength, circuit.expression)
    if not circuit.light_types and (of_light != (None, None) or any(circuit.light)):
        raise ValueError("light needs light_types, the types of cells that are sensitive to it.")
    circuit.stimuli.check("Recurrent")
    circuit.design.check("Recurrent")
    circuit.dynamics.check()


def _complete(values: dict[str, Any], **others: Any) -> None:
    values |= {name: value for name, value in others.items() if values[name] is None}


def _complete_stimuli(values: dict[str, Any]) -> None:
    geometry = values["geometry"]
    elsewhere = OF_PLACES if geometry == "ring" else OF_RINGS
    if given := [name for name in elsewhere if values[name] is not None]:
        raise ValueError(f"A {geometry} has no {' and no '.join(given)}: leave them out, or choose another geometry.")
    if geometry == "ring":
        period = values["period"]
        _complete(values, orientations=tuple((np.arange(8) * period / 8).tolist()), tuning_width=period / 6)
        return
    is_sheet = geometry == "sheet"
    _complete(values, sizes=SIZES, positions=((0.0, 0.0),) if is_sheet else (0.0,))
    if any(isinstance(place, tuple) != is_sheet for place in values["positions"]):
        raise ValueError("positions of stimuli are numbers on a line, and pairs [x, y] on a sheet.")


def _of_connections(value: Any, wiring: Wiring) -> Any:
    """The entries of a matrix that belong to connections that exist; they may be given as such."""
    array = as_float_array(value)
    return wiring.of_present(array) if array.shape == (len(wiring.types),) * 2 else array


def _check_per_type(values: Mapping[str, Any], name: str, allows: Callable[[float], bool], what: str) -> None:
    numbers: Values = values[name]
    if len(numbers) != len(values["types"]) or not all(map(allows, numbers)):
        raise ValueError(f"{name} must be {len(values['types'])} numbers, {what}, not {reprlib.repr(numbers)}.")


def _check_names(name: str, given: Names, types: Names) -> None:
    if not set(given) <= set(types) or len(set(given)) < len(given) or not (given or name == "light_types"):
        raise ValueError(f"{name} must be different names out of {', '.join(types)}, not {reprlib.repr(given)}.")
