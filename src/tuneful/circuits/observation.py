"""What lies between the rates of cells and measured curves: gain, spontaneous rates, noise of few trials."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, UInt32

from tuneful.circuits.base import AbstractCircuit, AbstractRecurrentCircuit, ChecksStimuli, Response
from tuneful.circuits.feedforward import FeedforwardM1
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.parameters import Positive, parameter, part, with_values_of
from tuneful.circuits.ssn import SSN
from tuneful.circuits.stimuli import AboutBlanks

OWN = 2**30  # a stream of a realisation's key that no circuit splits off
PREFIX = "observation."  # of the names of parameters of a layer


@final
class Observation(eqx.Module):
    r"""How the rate r of a cell, in Hz, is measured: y = gain [m + s xi]_+ + additive eta / sqrt(n),

        m = (r + spontaneous) exp(gain_spread zeta - gain_spread^2 / 2),
        s^2 = noise m / T + trial_spread^2 m^2 / n,   T = n duration,

    with zeta normal, one for each cell and all of its conditions, xi and eta normal in every condition, n trials and
    the time T observed in a condition. `noise` is the Fano factor, variance over mean of the counts of a trial, 1 for
    Poisson spikes; `trial_spread` is the coefficient of variation of gains between trials; `gain_spread` is the
    standard deviation of the logarithm of gains between cells, whose mean is one [the doubly stochastic spikes of
    Goris, Movshon & Simoncelli 2014, averaged over trials]. Where counts are few, square roots are smoothed: noise m
    stands for noise m^2 / (m + smooth).

    Few, large events are not normal about their mean. With `noise_power` = p the bracket is

        m [1 - (p - 1) w^2 / 2 + w xi]_+^p,   w = s / pm,

    of the same mean m and standard deviation s up to higher orders of w: p = 1 is the bracket above, p = 3 nearly a
    gamma variable [Wilson & Hilferty 1931], and larger ones have longer tails.

    Whatever is None is absent. All parameters are fitted unless they are held fixed (`fitted`). Each is a scalar, or
    has one value for each cell type that the circuit records, in the order of its `populations`.

    Parameters
    ----------
    gain
        What is measured per Hz. Without it, curves are in Hz.
    gain_spread
        See above.
    spontaneous
        Hz, before the gain.
    noise, trial_spread
        See above.
    noise_power
        p; None, the default: 1.
    additive
        Standard deviation of a trial in the unit of the data: with it, and only then, values may be negative.
    trials
        n; None, the default: the harmonic mean of those of the data, or 1 if they do not say.
    duration
        Of the response that is measured in a trial, s.
    smooth
        Hz, see above. Where cells have a spontaneous rate, a small one leaves them silent in as many conditions as
        few spikes do.
    unit
        In which curves are: "Hz", "events" or "a.u."; None, the default: Hz, or a.u. with a gain or additive noise.

    Raises
    ------
    ValueError
        For numbers of trials, durations and a smoothing that are not positive.
    """

    label: ClassVar[str] = "layer"

    gain: Array | None = parameter(
        symbol="g", unit="per Hz", constraint=Positive(), default=None, meaning="what is measured per Hz"
    )
    gain_spread: Array | None = parameter(
        symbol="σ_g", unit="1", constraint=Positive(), default=None, meaning="spread of log gains between cells"
    )
    spontaneous: Array | None = parameter(
        symbol="r_0", unit="Hz", constraint=Positive(), default=None, meaning="spontaneous rate"
    )
    noise: Array | None = parameter(
        symbol="F", unit="1", constraint=Positive(), default=None, meaning="Fano factor of a trial"
    )
    trial_spread: Array | None = parameter(
        symbol="σ_t", unit="1", constraint=Positive(), default=None, meaning="variation of gains between trials"
    )
    noise_power: Array | None = parameter(
        symbol="p", unit="1", constraint=Positive(), default=None, meaning="power of noise: 1 normal, 3 gamma"
    )
    additive: Array | None = parameter(
        symbol="σ_n", unit="of data", constraint=Positive(), default=None, meaning="additive noise of a trial"
    )
    trials: float | None = eqx.field(static=True, default=None)
    duration: float = eqx.field(static=True, default=1.0)
    smooth: float = eqx.field(static=True, default=0.25)  # the slope of a square root has no end at 0
    unit: Literal["Hz", "events", "a.u."] | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if not self.duration > 0 or not (self.trials is None or self.trials > 0):
            raise ValueError(f"trials and duration must be positive, not {self.trials} and {self.duration}.")
        if not self.smooth > 0:
            raise ValueError(f"smooth must be positive, not {self.smooth} Hz.")

    def with_values(self, values: Mapping[str, Any]) -> "Observation":
        """The layer with other values of the named parameters."""
        return with_values_of(self, values)

    @property
    def measured_in(self) -> str:
        """The unit of the curves."""
        return self.unit or ("Hz" if self.gain is None and self.additive is None else "a.u.")

    def seen(
        self, rates: Float[Array, "cells conditions"], kinds: np.ndarray, key: Array
    ) -> Float[Array, "cells conditions"]:
        """Measure the rates of cells once.

        Parameters
        ----------
        rates
            Hz.
        kinds
            The number of each cell's type, (cells,), for parameters of which there is one a type; else of any size.
        key
            Decides gains and noise.
        """
        for_gain, for_trials, for_offset = jax.random.split(key, 3)
        n = 1.0 if self.trials is None else self.trials
        if self.spontaneous is not None:
            rates = rates + _of_cells(self.spontaneous, kinds)
        if self.gain_spread is not None:
            spread = _of_cells(self.gain_spread, kinds)
            rates = rates * jnp.exp(spread * jax.random.normal(for_gain, (len(rates), 1)) - spread**2 / 2)
        if (deviation := self._deviation(rates, kinds, n)) is not None:
            xi = jax.random.normal(for_trials, rates.shape)
            if self.noise_power is None:
                rates = jax.nn.relu(rates + deviation * xi)
            else:
                rates = _skewed(rates, deviation, xi, _of_cells(self.noise_power, kinds))
        if self.gain is not None:
            rates = rates * _of_cells(self.gain, kinds)
        if self.additive is not None:
            deviation = _of_cells(self.additive, kinds) / np.sqrt(n)
            rates = rates + deviation * jax.random.normal(for_offset, rates.shape)
        return rates

    def _deviation(self, rates: Array, kinds: np.ndarray, n: float) -> Array | None:
        """Standard deviation of the mean of n trials, before the gain; None without such noise."""
        if self.trial_spread is None:
            if self.noise is None:
                return None
            return (
                jnp.sqrt(_of_cells(self.noise, kinds) / (n * self.duration)) * rates / jnp.sqrt(rates + self.smooth)
            )
        variance = _of_cells(self.trial_spread, kinds) ** 2 / n
        if self.noise is not None:
            variance = variance + _of_cells(self.noise, kinds) / (n * self.duration) / (rates + self.smooth)
        return rates * jnp.sqrt(variance)


def _skewed(mean: Array, deviation: Array, xi: Array, power: Array) -> Array:
    """The power of a normal variable that has this mean and deviation."""
    width = deviation / (power * jnp.where(mean > 0, mean, 1))  # without a mean there is no deviation either
    root = 1 - (power - 1) / 2 * width**2 + width * xi
    fires = root > 0
    return mean * jnp.where(fires, jnp.where(fires, root, 1) ** power, 0)


def _of_cells(value: Array, kinds: np.ndarray) -> Array:
    """A parameter for each cell, (cells, 1), or the same for all, (1, 1)."""
    return value[None, None] if value.ndim == 0 else value[kinds][:, None]


class ObservedInputs(eqx.Module):
    """The random inputs z of one realisation: those of the circuit, and the seed of what is measured of it."""

    circuit: Any
    seed: UInt32[Array, "*batch 2"]


class AbstractObserved(AbstractCircuit):
    """A circuit whose recorded rates are seen through an `Observation`; made by `observed`.

    All rates, and whether a realisation settled, stay those of the circuit. So do its random numbers: the same key
    draws the same network with a layer as without. Parameters of the layer are called `observation.gain`, ...
    """

    circuit: AbstractCircuit = part()
    layer: Observation = part(PREFIX)

    def __check_init__(self) -> None:
        n = len(self.cell_types)
        for name in self.layer_parameters:
            shape = getattr(self.layer, name).shape
            if shape not in ((), (n,)) or (shape and not self.cell_types):
                types = f"for each of {', '.join(self.cell_types)}" if n else "for all cells, which have no types"
                raise ValueError(f"observation.{name} must be one number, or one {types}, not of shape {shape}.")

    @property
    def label(self) -> str:
        """That of the circuit."""
        return self.circuit.label

    @property
    def stimulus_features(self) -> tuple[str, ...]:
        """Those of the circuit."""
        return self.circuit.stimulus_features

    @property
    def layer_parameters(self) -> list[str]:
        """Names of the parameters that the layer has."""
        names = [field.name for field in dataclasses.fields(self.layer) if "parameter" in field.metadata]
        return [name for name in names if getattr(self.layer, name) is not None]

    @property
    def cell_types(self) -> list[str]:
        """Of the recorded cells, each once, in the order of the circuit."""
        return list(dict.fromkeys(map(str, self.circuit.populations().get("cell_type", ()))))

    def draw(self, key: Key) -> ObservedInputs:
        key = as_key(key)
        return ObservedInputs(self.circuit.draw(key), jax.random.bits(jax.random.fold_in(key, OWN), (2,), "uint32"))

    def respond(self, z: ObservedInputs) -> Response:
        response = self.circuit.respond(z.circuit)
        types = map(str, self.circuit.populations().get("cell_type", ()))
        kinds = np.array([self.cell_types.index(kind) for kind in types], int)
        rates = self.layer.seen(response.rates, kinds, jax.random.wrap_key_data(z.seed, impl="threefry2x32"))
        return Response(rates, response.settled, response.residual, response.all_rates, response.status)

    def conditions(self) -> dict[str, np.ndarray]:
        return self.circuit.conditions()

    def populations(self) -> dict[str, np.ndarray]:
        return self.circuit.populations()

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> "AbstractObserved":
        return dataclasses.replace(self, circuit=self.circuit.at_conditions(features))

    def check_stimuli(self) -> list[str]:
        """What the circuit says of its stimuli; of blanks nothing, if there is a spontaneous rate."""
        said = self.circuit.check_stimuli() if isinstance(self.circuit, ChecksStimuli) else []
        return [s for s in said if self.layer.spontaneous is None or not isinstance(s, AboutBlanks)]


@final
class Observed(AbstractObserved):
    """A circuit without dynamics, seen through an `Observation`."""

    @classmethod
    def example(cls) -> "Observed":
        layer = Observation().with_values({"gain": 0.5, "gain_spread": 0.3, "noise": 1.0})
        return cls(FeedforwardM1.example(), layer)


@final
class ObservedRecurrent(AbstractObserved, AbstractRecurrentCircuit):
    """A recurrent circuit, seen through an `Observation`."""

    circuit: AbstractRecurrentCircuit = part()

    def jacobian(
        self, z: ObservedInputs, all_rates: Float[Array, "cells conditions"]
    ) -> Float[Array, "conditions cells cells"]:
        """That of the circuit, which knows nothing of being observed."""
        return self.circuit.jacobian(z.circuit, all_rates)

    @classmethod
    def example(cls) -> "ObservedRecurrent":
        layer = Observation().with_values({"gain": 0.5, "noise": 1.0, "additive": 0.1})
        return cls(SSN.example(), layer)


def observed(circuit: AbstractCircuit, layer: Observation) -> AbstractObserved:
    """See the recorded cells of any circuit through a layer: a circuit again.

    Parameters
    ----------
    circuit
        With rates in Hz.
    layer
        What lies between these and the curves.

    Raises
    ------
    ValueError
        For parameters of the layer that are neither one number nor one a recorded cell type.

    >>> import jax
    >>> from tuneful.circuits import FeedforwardM1, Observation, observed
    >>> circuit = observed(FeedforwardM1(grid=6), Observation(gain=0.1, noise=1.0, trials=5.0))
    >>> list(circuit.parameters())[-2:], circuit.sample(jax.random.key(0), 4).curves.shape
    (['observation.gain', 'observation.noise'], (4, 27))
    """
    if isinstance(circuit, AbstractRecurrentCircuit):
        return ObservedRecurrent(circuit, layer)
    return Observed(circuit, layer)


def taken_apart(circuit: AbstractCircuit) -> tuple[AbstractCircuit, Observation | None]:
    """A circuit without its layer, and the layer, if it has one."""
    return (circuit.circuit, circuit.layer) if isinstance(circuit, AbstractObserved) else (circuit, None)


def name_of(circuit: AbstractCircuit) -> str:
    """What sentences call a circuit: the name of its class, that of the one within for a layer."""
    return type(taken_apart(circuit)[0]).__name__


def known_to(circuit: AbstractCircuit, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of parameters by name, those of a layer only for a circuit that has one."""
    has_layer = isinstance(circuit, AbstractObserved)
    return {name: value for name, value in values.items() if has_layer or not name.startswith(PREFIX)}


def unit_of(circuit: AbstractCircuit) -> str:
    """The unit of the curves of a circuit: Hz, but for what a layer makes of it."""
    return circuit.layer.measured_in if isinstance(circuit, AbstractObserved) else "Hz"


def measured_like(circuit: AbstractCircuit, unit: Any, trials: float) -> AbstractCircuit:
    """The circuit with what its layer leaves to the data: numbers of trials, and the unit, if there is a gain."""
    if not isinstance(circuit, AbstractObserved):
        return circuit
    layer = circuit.layer
    own_unit = unit if layer.unit is None and layer.gain is not None else layer.unit
    own_trials = trials if layer.trials is None else layer.trials
    return dataclasses.replace(circuit, layer=dataclasses.replace(layer, trials=own_trials, unit=own_unit))
