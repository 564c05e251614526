"""The generator contract: random inputs in, responses of the recorded cells out."""

import dataclasses
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from tuneful.circuits.ensemble import FASTEST, Schedule, map_realisations
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.parameters import Parameter, declared_parameters, value_of, with_values_of
from tuneful.display import card, in_a_line
from tuneful.errors import UserError, in_short
from tuneful.solvers.spectrum import smoothed_spectral_abscissa
from tuneful.solvers.steady_states import Status

Circuit = TypeVar("Circuit", bound="AbstractCircuit")


class Response(eqx.Module):
    """What one realisation of a circuit answers to every stimulus.

    A batch of realisations is the same structure with one more leading axis on every field.

    rates
        Of the recorded cells, Hz.
    settled
        False rejects the realisation.
    residual
        Distance from the steady state, Hz; 0 where it is known in closed form.
    all_rates
        Of all cells of the network, recorded or not, Hz.
    status
        How the search for a steady state ended, a `Status`.
    """

    rates: Float[Array, "*batch cells conditions"]
    settled: Bool[Array, "*batch"]
    residual: Float[Array, "*batch"]
    all_rates: Float[Array, "*batch network conditions"]
    status: Int[Array, "*batch"] | int

    def __init__(
        self,
        rates: Float[Array, "*batch cells conditions"],
        settled: Bool[Array, "*batch"],
        residual: Float[Array, "*batch"],
        all_rates: Float[Array, "*batch network conditions"] | None = None,
        status: Int[Array, "*batch"] | int = Status.SETTLED,
        *,
        network: Float[Array, "*batch network conditions"] | None = None,
    ):
        """Make a response. Without `all_rates` there are no other cells than the recorded ones.

        `network` is the earlier name of `all_rates`.
        """
        given = all_rates if network is None else network
        self.rates, self.settled, self.residual, self.status = rates, settled, residual, status
        self.all_rates = rates if given is None else given

    @property
    def curves(self) -> Float[Array, "curves conditions"]:
        """The tuning curves of a batch, one a row: (realisations * cells, conditions), Hz."""
        return self.rates.reshape(-1, self.rates.shape[-1])

    @property
    def largest_rate(self) -> Float[Array, "*batch"]:
        """Over all cells of the network and all conditions, Hz; one a realisation."""
        return self.all_rates.max(axis=(-2, -1))

    @property
    def accepted(self) -> Bool[Array, " curves"]:
        """Which rows of `curves` come from realisations that settled on finite rates."""
        finite = jnp.isfinite(self.rates).all(axis=(-2, -1))
        return jnp.repeat(self.settled & finite, self.rates.shape[-2])


class AbstractCircuit(eqx.Module):
    """A circuit model with random structure, seen as a generator G(stimulus, z) of tuning curves.

    A circuit describes the *statistics* of an ensemble of networks. Subclasses are final `equinox.Module`s: they
    declare learned parameters with `parameter(...)`, and write `draw` and `respond` for one realisation; batching
    is done here.

    label
        The short name used by the command line and in files.
    renamed
        Earlier names of settings, taken by configurations: {earlier: present}.
    stimulus_features
        Names of all features of stimuli that `at_conditions` looks at; data that vary in another are not fitted.
        Empty: those that `conditions` names.

    A circuit that cannot answer all stimuli says so in a method `check_stimuli`, see `ChecksStimuli`.
    """

    label: ClassVar[str]
    stimulus_features: ClassVar[tuple[str, ...]] = ()
    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @abstractmethod
    def draw(self, key: PRNGKeyArray) -> Any:
        """Draw z, the random inputs of one realisation, as a PyTree of arrays.

        z must not depend on the learned parameters: it is what makes the gradient of a sample a plain derivative.
        """

    @abstractmethod
    def respond(self, z: Any) -> Response:
        """Compute the rates of the recorded cells in every condition; differentiable in the parameters."""

    @abstractmethod
    def conditions(self) -> dict[str, np.ndarray]:
        """Name the features of the stimuli: each an array with one value a condition."""

    @abstractmethod
    def at_conditions(self: Circuit, features: Mapping[str, np.ndarray]) -> Circuit:
        """Return this circuit with the stimuli of a dataset, given as features of its conditions."""

    @classmethod
    @abstractmethod
    def example(cls: type[Circuit]) -> Circuit:
        """The circuit at a known truth: what demonstrations and tests of recovery simulate from."""

    def populations(self) -> dict[str, np.ndarray]:
        """Name the properties of the recorded cells: each an array with one value a row of `Response.rates`.

        Measured units that have such a property are compared with the cells of the same value. Empty, as here: the
        recorded cells are all alike.
        """
        return {}

    def with_values(self: Circuit, values: Mapping[str, Any]) -> Circuit:
        """Return this circuit with other values of the named parameters, in natural units."""
        return with_values_of(self, values)

    @property
    def cells_per_realisation(self) -> int:
        """How many tuning curves one realisation yields."""
        return self.response_shapes().rates.shape[0]

    def response_shapes(self) -> Response:
        """Find the shapes of one response, and compute nothing.

        Raises
        ------
        UserError
            If `draw` or `respond` fails, or answers with something else than one row a cell, one column a condition.
        """
        name = type(self).__name__
        try:
            response = eqx.filter_eval_shape(_response, self, jax.random.key(0))
        except Exception as error:
            file = getattr(sys.modules.get(type(self).__module__), "__file__", None) or ""
            raise UserError(f"{name} cannot draw and respond: {in_short(error, file)}.") from error
        conditions = len(next(iter(self.conditions().values()), ()))
        rates, settled = (np.shape(getattr(response, field, ())) for field in ("rates", "settled"))
        if rates[1:] != (conditions,) or settled != ():
            raise UserError(
                f"{name}.respond answers with rates of shape {rates} and settled of shape {settled}, where one "
                f"realisation has rates (cells, {conditions}), a row a cell and a column a condition, and settled ()."
            )
        return response

    def __repr__(self) -> str:
        values = ((name, value_of(self, name)) for name in self.parameters())
        shown = [in_a_line(values), in_a_line(self._changed_settings())]
        return f"<{type(self).__name__}: {'; '.join(filter(None, shown))}>"

    def _repr_html_(self) -> str:
        rows = [(p.symbol, name, value_of(self, name), p.unit, p.meaning) for name, p in self.parameters().items()]
        settings = in_a_line(self._changed_settings()) or "all settings at their defaults"
        return card(type(self).__name__, settings, (("", "parameter", "value", "unit", "meaning"), rows))

    def _changed_settings(self) -> Iterator[tuple[str, Any]]:
        """What is no parameter, and not at its default."""
        for field in dataclasses.fields(self):
            is_setting = field.metadata.get("is_setting", True) and "parameter" not in field.metadata
            value = getattr(self, field.name, None)
            if is_setting and repr(value) != repr(field.default):
                yield field.name, value

    def parameters(self) -> dict[str, Parameter]:
        """Describe the learned parameters: name, symbol, unit, constraint."""
        return declared_parameters(self)

    def sample(self, key: Key, n: int, schedule: Schedule = FASTEST) -> Response:
        """Draw n independent realisations and their responses.

        Realisations are computed on every available device, in turn or side by side, so that memory holds the rates
        of all of them but the network of a few only. Realisation i depends on `key` and i alone, not on n or on the
        devices.

        Parameters
        ----------
        key
            A random key of JAX, or a seed.
        n
            The number of realisations.
        schedule
            How realisations share a device.

        Returns
        -------
        Response
            Its fields have a leading axis of length n.
        """
        return _sampled(self, as_key(key), int(n), schedule)


@eqx.filter_jit  # once for all samples of a size
def _sampled(circuit: AbstractCircuit, key: Array, n: int, schedule: Schedule) -> Response:
    return map_realisations(lambda circuit, k: circuit.respond(circuit.draw(k)), circuit, key, n, schedule=schedule)


@runtime_checkable
class ChecksStimuli(Protocol):
    """A circuit that knows which stimuli it can answer: it is asked before a fit begins."""

    def check_stimuli(self) -> list[str]:
        """Sentences on stimuli that are answered and seldom meant, such as sizes above that of the network.

        Raises
        ------
        ValueError
            For stimuli that cannot be answered.
        """
        ...


@runtime_checkable
class TakesInput(Protocol):
    """A recurrent circuit whose cells can be given input besides what stimuli bring: perturbations are asked of it.

    network_types
        Name of the type of every cell of the network, in the order of `Response.all_rates`.
    at_recorded_places
        Which of these cells are where cells are recorded, whatever their type.
    """

    @property
    def network_types(self) -> np.ndarray: ...

    @property
    def at_recorded_places(self) -> np.ndarray: ...

    def respond(self, z: Any, extra: Array | None = None) -> Response:
        """Respond with `extra` added to the input of each cell of the network, (cells,), in every condition."""
        ...


@runtime_checkable
class KnowsTruth(Protocol):
    """A circuit whose parameters depend on its settings: what to take for true is not what `example` says."""

    def at_truth(self) -> AbstractCircuit:
        """This circuit, with all its settings, at parameters that demonstrations take for the truth."""
        ...


class AbstractRecurrentCircuit(AbstractCircuit):
    """A circuit whose responses are steady states of rate dynamics.

    A circuit with a field `witness` that it hands to `tuneful.solvers.steady_state` has its failing adjoint solves
    counted by a fit. It is a scalar array, zero, not a learned parameter and not a setting
    (`witness: Array = eqx.field(default=0.0, converter=..., metadata={"is_setting": False})`, see `SSN`). A field
    `factorised`, false and no setting either, asks for `slopes` in that call where a fit takes derivatives in all
    parameters at once.
    """

    @abstractmethod
    def jacobian(self, z: Any, all_rates: Float[Array, "cells conditions"]) -> Float[Array, "conditions cells cells"]:
        """Compute the Jacobian of the dynamics at given rates, in every condition, 1/ms.

        Differentiable in the rates and in the parameters: with `respond(z).all_rates`, the derivative has the
        movement of the steady state with the parameters.

        Parameters
        ----------
        z
            The random inputs.
        all_rates
            Rates of all cells as `Response.all_rates` has them, Hz.
        """

    def abscissa(
        self, z: Any, all_rates: Float[Array, "cells conditions"] | None = None
    ) -> Float[Array, " conditions"]:
        """Compute the spectral abscissa of the Jacobian, 1/ms: a steady state is stable if it is negative.

        Takes all eigenvalues, O(n^3), on a CPU.

        Parameters
        ----------
        z
            The random inputs.
        all_rates
            As in `jacobian`; by default the steady state is sought.
        """
        return jnp.linalg.eigvals(self._jacobian(z, all_rates)).real.max(axis=-1)

    def smoothed_abscissa(
        self, z: Any, eps: float, all_rates: Float[Array, "cells conditions"] | None = None
    ) -> Float[Array, " conditions"]:
        """Compute the smoothed spectral abscissa of the Jacobian, 1/ms: above the abscissa, smooth.

        Differentiable in all parameters of the circuit, through the weights and through the steady state.

        Parameters
        ----------
        z
            The random inputs.
        eps
            1/ms, see `tuneful.solvers.spectrum.smoothed_spectral_abscissa`.
        all_rates
            As in `jacobian`; by default the steady state is sought.
        """
        return jax.lax.map(lambda j: smoothed_spectral_abscissa(j, eps), self._jacobian(z, all_rates))

    def _jacobian(self, z: Any, all_rates: Array | None) -> Array:
        return self.jacobian(z, self.respond(z).all_rates if all_rates is None else all_rates)


@eqx.filter_jit
def _response(circuit: AbstractCircuit, key: Array) -> Response:
    """Compute one response; kept once traced, as tracing the search for a steady state takes most of a second."""
    return circuit.respond(circuit.draw(key))
