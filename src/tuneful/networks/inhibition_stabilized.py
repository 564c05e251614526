"""Is a circuit inhibition stabilised: excitation alone would run away, inhibition holds it [Tsodyks et al. 1997]."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from tuneful.networks.linear_dynamics import effective_matrix
from tuneful.networks.random_weights import user_network
from tuneful.solvers.spectrum import spectral_abscissa


@dataclass(frozen=True)
class InhibitionStabilization:
    """Spectral abscissae of the excitatory cells by themselves, and of all cells; activity is stable below 1."""

    excitatory_abscissa: float
    abscissa: float

    @property
    def holds(self) -> bool:
        """Whether the circuit is inhibition stabilised."""
        return self.excitatory_abscissa > 1 > self.abscissa


def inhibition_stabilization(
    weights: np.ndarray, excitatory: np.ndarray | None = None, slopes: ArrayLike = 1.0, tau: ArrayLike = 1.0
) -> InhibitionStabilization:
    r"""Compare the stability of a circuit with that of its excitatory cells alone, inhibition frozen.

    At an operating point with slopes f', T dr/dt = -r + f(W r + u) has the Jacobian T^-1 (diag(f') W - 1), and
    T dx/dt = -x + W f(x) has T^-1 (W diag(f') - 1), with the same eigenvalues. They are stable iff the abscissa of
    1 + T^-1 (diag(f') W - 1) is below 1.

    Parameters
    ----------
    weights, excitatory
        (N, N), rows post-synaptic, and (N,), bool; types are read off the columns by default.
    slopes
        f' of every cell, (N,), in the unit of 1 / W; 1 for a linear network.
    tau
        Time constants, (N,) or one for all, in units of a reference.

    Raises
    ------
    ValueError
        If the matrix violates Dale's law (see `tuneful.circuits.user_network`), a slope is negative or not finite,
        or a time constant is not positive.

    >>> check = inhibition_stabilization(np.array([[2.0, -2.0], [2.0, -1.0]]))
    >>> check.holds, check.excitatory_abscissa
    (True, 2.0)
    >>> inhibition_stabilization(np.array([[2.0, -2.0], [2.0, -1.0]]), slopes=0.4).holds
    False
    """
    network = user_network(weights, excitatory)
    w, e = network.weights, network.excitatory
    f, t = (np.broadcast_to(np.asarray(a, np.float64), e.shape) for a in (slopes, tau))
    if not (np.isfinite(f).all() and (f >= 0).all() and np.isfinite(t).all() and (t > 0).all()):
        raise ValueError("slopes must be finite and not negative, time constants positive.")
    effective = effective_matrix(f[:, None] * w, t)
    return InhibitionStabilization(
        excitatory_abscissa=spectral_abscissa(effective[np.ix_(e, e)]) if e.any() else -np.inf,
        abscissa=spectral_abscissa(effective),
    )


def excitation_runs_away(jacobian: Float[Array, "*batch cells cells"]) -> Bool[Array, "*batch"]:
    r"""Tell whether the excitatory cells alone would leave an operating point, inhibition frozen; by one solve.

    The Jacobian J of a circuit that obeys Dale's law has no negative entry off the diagonal between excitatory cells,
    whatever the time constants: -J_EE is then a nonsingular M-matrix, and all eigenvalues of J_EE have negative real
    parts, iff the solution of -J_EE x = 1 is above zero [Berman & Plemmons 1994, ch. 6, condition I27]. At a stable
    operating point the circuit is inhibition stabilised iff this holds.

    Parameters
    ----------
    jacobian
        At the operating point, rows post-synaptic. Cells are excitatory or not by the sums of their columns without
        the diagonal; those that act on no other cell there do not matter.

    >>> j = jnp.array([[2.0, -2.0], [2.0, -1.0]]) - jnp.eye(2)
    >>> bool(excitation_runs_away(j)), bool(excitation_runs_away(0.4 * (j + jnp.eye(2)) - jnp.eye(2)))
    (True, False)
    """
    diagonal = jnp.eye(jacobian.shape[-1], dtype=bool)
    outgoing = jnp.where(diagonal, 0, jacobian).sum(axis=-2)
    is_excitatory = outgoing >= 0
    among = is_excitatory[..., None] & is_excitatory[..., None, :]
    alone = jnp.where(among, -jacobian, diagonal.astype(jacobian.dtype))
    x = jnp.linalg.solve(alone, jnp.ones_like(outgoing)[..., None])[..., 0]
    return ~jnp.all(x > 0, axis=-1)
