"""The dynamics of supralinear circuits, T dr/dt = -r + f(W r + I): their steady states, and their Jacobian there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from tuneful.circuits.base import Response
from tuneful.circuits.parameters import as_float_array
from tuneful.networks.supralinear import power_law, saturating_power_law
from tuneful.solvers.steady_states import SteadyState, steady_state

Network = tuple[Array, Array]  # W transposed, (pre-synaptic, post-synaptic), and I, (conditions, cells)


@final
@dataclass(frozen=True, eq=False)
class SupralinearDynamics:
    """T dr/dt = -r + f(W r + I) [Arakaki et al. 2017, Eqs. 9 and 14].

    time_constants
        Of every cell, (cells,), ms.
    k, n, saturating, r0, r1
        See `tuneful.networks.supralinear.saturating_power_law`; the plain power law if not `saturating`.
    max_time
        Simulated time within which a network must settle, ms.
    tolerance
        Of the steady state, Hz (see `tuneful.solvers.steady_state`).
    factorised
        Whether equations of derivatives are solved by factorisation.

    >>> dynamics = SupralinearDynamics(np.array([16.0, 2.0]), 0.01, 2.0, True, 200.0, 1000.0)
    >>> found = dynamics.steady_state((jnp.zeros((2, 2)), jnp.array([[0.0, 20.0]])))
    >>> found.rates.round(2).tolist()
    [[0.0, 4.0]]
    """

    time_constants: np.ndarray
    k: float
    n: float
    saturating: bool
    r0: float
    r1: float
    max_time: float = 10_000.0
    tolerance: float | None = None
    factorised: bool = False

    def check(self) -> None:
        """Refuse constants that are none.

        Raises
        ------
        ValueError
            For the first.
        """
        positive = {name: getattr(self, name) for name in ("k", "n", "r0", "max_time")}
        if wrong := [name for name, value in positive.items() if not value > 0]:
            raise ValueError(f"{wrong[0]} must be positive, not {positive[wrong[0]]}.")
        if not self.r1 > self.r0:
            raise ValueError(f"r1 ({self.r1}) must be above r0 ({self.r0}).")
        if not min(self.time_constants) > 0:
            raise ValueError(f"tau must be above 0, not {min(self.time_constants):g}.")

    @property
    def gain(self) -> Callable[[Array], Array]:
        """The input-output function f, from input to rates, Hz."""
        if self.saturating:
            return partial(saturating_power_law, k=self.k, n=self.n, r0=self.r0, r1=self.r1)
        return partial(power_law, k=self.k, n=self.n)

    def steady_state(
        self, network: Network, witness: Array | None = None, inflow: Callable[[Array], Array] | None = None
    ) -> SteadyState:
        """The steady state that is reached from rest, in every condition: rates are (conditions, cells), Hz.

        `witness` is that of `tuneful.solvers.steady_state`. `inflow` gives W r of such rates, if its derivatives in
        the parameters of the weights, at rates that stay, are cheaper than those of W: used where `factorised`.
        """
        return steady_state(
            self._drive,
            network,
            self.time_constants,
            jnp.zeros(network[1].shape),
            tolerance=self.tolerance,
            max_time=self.max_time,
            witness=witness,
            ceiling=self.r0 if self.saturating else jnp.inf,
            slopes=self._slopes if self.factorised else None,
            around=partial(_with_weights_as_input, network, inflow) if self.factorised and inflow else None,
        )

    def jacobian(
        self, rates: Float[Array, "conditions cells"], network: Network
    ) -> Float[Array, "conditions cells cells"]:
        """T^-1 (diag(f') W - 1) at given rates, 1/ms."""
        feedback = self._slopes(rates, network)
        return (feedback - jnp.eye(rates.shape[-1])[None]) / as_float_array(self.time_constants)[None, :, None]

    @property
    def _drive(self) -> Callable[[Array, Network], Array]:
        gain = self.gain
        return lambda rates, network: gain(rates @ network[0] + network[1])

    def _slopes(self, rates: Array, network: Network) -> Array:
        """Derivative of the drive in the rates, diag(f') W, (conditions, cells, cells)."""
        weights, external = network
        _, slopes = jax.jvp(self.gain, (rates @ weights + external,), (jnp.ones_like(rates),))
        return slopes[:, :, None] * weights.T[None]


def _with_weights_as_input(network: Network, inflow: Callable[[Array], Array], rates: Array) -> Network:
    """The same network: a change of its weights drives cells as does a change of the input that they bring."""
    weights, external = network
    brought = inflow(rates)
    return jax.lax.stop_gradient(weights), external + (brought - jax.lax.stop_gradient(brought))


def response_of(found: SteadyState, rows: np.ndarray) -> Response:
    """What is recorded of a network: `rows` are the recorded cells. Rates below zero by the tolerance are zero."""
    rates = jnp.maximum(found.rates, 0).T
    settled, residual = found.settled.all(), found.residual.max()
    return Response(rates[rows], settled, residual, all_rates=rates, status=found.status.max())
