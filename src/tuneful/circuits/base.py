"""The generator contract: random inputs in, responses of the recorded cells out."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from tuneful.circuits.ensemble import map_realisations
from tuneful.circuits.parameters import Parameter, declared_parameters
from tuneful.solvers.spectrum import smoothed_spectral_abscissa
from tuneful.solvers.steady_states import Status


class Response(eqx.Module):
    """What one realisation of a circuit answers to every stimulus.

    A batch of realisations is the same structure with one more leading axis on every field.
    """

    rates: Array  # (cells, conditions), Hz: the recorded cells
    settled: Array  # (), bool: False rejects the realisation
    residual: Array  # (), Hz: distance from the steady state, 0 where it is known in closed form
    network: Array  # (cells of the network, conditions), Hz: recorded or not
    status: ArrayLike = Status.SETTLED  # (), int: how the search for a steady state ended

    @property
    def curves(self) -> Array:
        """The tuning curves of a batch, one a row: (realisations * cells, conditions), Hz."""
        return self.rates.reshape(-1, self.rates.shape[-1])

    @property
    def largest_rate(self) -> Array:
        """Over all cells of the network and all conditions, Hz; one a realisation."""
        return self.network.max(axis=(-2, -1))

    @property
    def accepted(self) -> Array:
        """Which rows of `curves` come from realisations that settled on finite rates."""
        finite = jnp.isfinite(self.rates).all(axis=(-2, -1))
        return jnp.repeat(self.settled & finite, self.rates.shape[-2])


class AbstractCircuit(eqx.Module):
    """A circuit model with random structure, seen as a generator G(stimulus, z) of tuning curves.

    A circuit describes the *statistics* of an ensemble of networks. Subclasses are final `equinox.Module`s: they
    declare learned parameters with `parameter(...)`, and write `draw` and `respond` for one realisation; batching
    is done here.
    """

    label: ClassVar[str]  # the short name used by the command line and in files

    @abstractmethod
    def draw(self, key: Array) -> Any:
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
    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        """Return this circuit with the stimuli of a dataset, given as features of its conditions."""

    @classmethod
    @abstractmethod
    def example(cls) -> Self:
        """The circuit at a known truth: what demonstrations and tests of recovery simulate from."""

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Return this circuit with other values of the named parameters, in natural units."""
        return dataclasses.replace(self, **values)

    @property
    def cells_per_realisation(self) -> int:
        """How many tuning curves one realisation yields."""
        return jax.eval_shape(lambda: self.respond(self.draw(jax.random.key(0)))).rates.shape[0]

    def parameters(self) -> dict[str, Parameter]:
        """Describe the learned parameters: name, symbol, unit, constraint."""
        return declared_parameters(self)

    def sample(self, key: Array, n: int) -> Response:
        """Draw n independent realisations and their responses.

        Realisations are computed in turn on every available device, so that memory holds the rates of all of them
        but the network of a few only. Realisation i depends on `key` and i alone, not on n or on the devices.

        **Arguments:** `key`, a JAX random key; `n`, the number of realisations.

        **Returns:** a `Response` whose fields have a leading axis of length n.
        """
        return map_realisations(lambda circuit, k: circuit.respond(circuit.draw(k)), self, key, n)


class AbstractRecurrentCircuit(AbstractCircuit):
    """A circuit whose responses are steady states of rate dynamics."""

    @abstractmethod
    def jacobian(self, z: Any, network: Array) -> Array:
        """Compute the Jacobian of the dynamics at given rates, in every condition: (conditions, n, n), 1/ms.

        Differentiable in the rates and in the parameters: with `respond(z).network`, the derivative has the movement
        of the steady state with the parameters.

        **Arguments:** `z`, the random inputs; `network`, rates of all cells as `Response.network` has them,
        (n, conditions), Hz.
        """

    def abscissa(self, z: Any, network: Array | None = None) -> Array:
        """Compute the spectral abscissa of the Jacobian, (conditions,), 1/ms: a steady state is stable if negative.

        Takes all eigenvalues, O(n^3), on a CPU. `network` is as in `jacobian`; by default the steady state is sought.
        """
        return jnp.linalg.eigvals(self._jacobian(z, network)).real.max(axis=-1)

    def smoothed_abscissa(self, z: Any, eps: float, network: Array | None = None) -> Array:
        """Compute the smoothed spectral abscissa of the Jacobian, (conditions,), 1/ms: above the abscissa, smooth.

        Differentiable in all parameters of the circuit, through the weights and through the steady state.

        **Arguments:** `z`; `eps`, 1/ms, see `tuneful.solvers.spectrum.smoothed_spectral_abscissa`; `network` as in
        `jacobian`; by default the steady state is sought.
        """
        return jax.lax.map(lambda j: smoothed_spectral_abscissa(j, eps), self._jacobian(z, network))

    def _jacobian(self, z: Any, network: Array | None) -> Array:
        return self.jacobian(z, self.respond(z).network if network is None else network)
