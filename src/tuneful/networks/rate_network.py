r"""Steady states of a nonlinear rate network, their stability, and its derivative in the weights (NumPy, float64).

T dr/dt = -r + f(W r + I),   J = T^-1 (Phi W - 1),   Phi = diag f'(W r + I).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from tuneful.solvers.precision import computing_in
from tuneful.solvers.schur import SchurForm
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.solvers.steady_states import steady_state

Gain = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class RateNetwork:
    """Everything about a network but its weights.

    gain
        f, from input to rates, a function that JAX can evaluate and differentiate twice, entry by entry.
    external
        I, (conditions, N).
    tau
        (N,), ms.
    ceiling
        Hz; rates above it do not count as a steady state (saturation).
    max_time
        ms within which a network must settle from rest.
    max_newton_steps
        In which a steady state must be found from one nearby.
    """

    gain: Gain
    external: Float[np.ndarray, "conditions n"]
    tau: Float[np.ndarray, " n"]
    ceiling: float
    max_time: float = 5_000.0
    max_newton_steps: int = 12

    def from_rest(self, weights: np.ndarray) -> np.ndarray | None:
        """Rates (conditions, N) that the dynamics reach from rest; None if they do not settle in every condition."""
        with computing_in("float64"):
            rates, settled = map(
                np.asarray, _settle(self.gain, weights, self.external, self.tau, self.ceiling, self.max_time)
            )
        is_state = settled.all() and rates.max() <= self.ceiling
        return self.follow(weights, rates) if is_state else None

    def follow(self, weights: np.ndarray, rates: np.ndarray) -> np.ndarray | None:
        """The steady state near given rates by Newton's method, stable or not; None if there is none nearby.

        None too if a rate moves by more than half of the largest: that may be another branch of solutions.
        """
        now = rates
        for _ in range(self.max_newton_steps):
            driven, slope, _ = self.response(weights, now)
            distance = driven - now
            if np.abs(distance).max() <= 1e-11 * (1 + now.max()):
                moved = np.abs(now - rates).max()
                return now if moved <= 0.5 * rates.max() and now.max() <= self.ceiling else None
            matrices = np.eye(len(weights)) - slope[:, :, None] * weights
            try:
                now = now + np.linalg.solve(matrices, distance[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(now).all():
                return None
        return None

    def jacobians(self, weights: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """J at given rates, (conditions, N, N), 1/ms."""
        slope = self.response(weights, rates)[1]
        return (slope[:, :, None] * weights - np.eye(len(weights))) / self.tau[:, None]

    def abscissae(self, weights: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Spectral abscissa of J in every condition, 1/ms."""
        return np.array([spectral_abscissa(j) for j in self.jacobians(weights, rates)])

    def response(self, weights: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """f, f' and f'' of the inputs at given rates, each (conditions, N)."""
        with computing_in("float64"):
            f, slope, curvature = map(np.asarray, _derivatives(self.gain, rates @ weights.T + self.external))
        return f, slope, curvature

    def smoothed(
        self, weights: np.ndarray, rates: np.ndarray, eps: float, target: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        r"""Excess of the smoothed abscissae over a target, its gradient in W, and the abscissae.

        With G = ds/dJ [Vanbiervliet et al. 2009], H = T^-1 G and the movement of the steady state,
        dr = (1 - Phi W)^-1 Phi dW r, the derivative of one condition is

            ds/dW = Phi H + lambda r^T,   (1 - Phi W^T) lambda = diag(f'') (H o W) 1.

        Returns
        -------
        Mean over conditions of [s - target]_+; its gradient, (N, N); abscissae (conditions,).

        Raises
        ------
        ArithmeticError
            If eps is below rounding.
        """
        _, slope, curvature = self.response(weights, rates)
        excess, gradient, abscissae = 0.0, np.zeros_like(weights), []
        for k, jacobian in enumerate(self.jacobians(weights, rates)):
            form = SchurForm.of(jacobian)
            abscissae.append(form.abscissa)
            s, by_jacobian = form.smoothed_abscissa(eps)
            if s > target:
                h = by_jacobian / self.tau[:, None]
                matrix = np.eye(len(weights)) - slope[k][:, None] * weights.T
                moved = np.linalg.solve(matrix, curvature[k] * (h * weights).sum(axis=1))
                gradient += slope[k][:, None] * h + np.outer(moved, rates[k])
                excess += s - target
        return excess / len(rates), gradient / len(rates), np.array(abscissae)


@partial(jax.jit, static_argnums=0)
def _derivatives(gain: Gain, u: Any) -> tuple[Array, Array, Array]:
    def first(u: Array) -> Array:
        return jax.jvp(gain, (u,), (jnp.ones_like(u),))[1]

    return gain(u), *jax.jvp(first, (u,), (jnp.ones_like(u),))


@partial(jax.jit, static_argnums=(0, 5))
def _settle(gain: Gain, weights: Any, external: Any, tau: Any, ceiling: Any, max_time: float) -> tuple[Array, Array]:
    def drive(rates: Array, args: tuple[Array, Array]) -> Array:
        return gain(rates @ args[0].T + args[1])

    rest = jnp.zeros_like(external)
    found = steady_state(drive, (weights, external), tau, rest, max_time=max_time, ceiling=ceiling)
    return jnp.maximum(found.rates, 0), found.settled
