"""Who connects to whom, and how strongly: types of cells, laws of random weights, and their reach."""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.scipy.special import ndtri
from jaxtyping import Float

from tuneful.solvers.precision import exact_products

ARROW, TYPED_ARROW = "←", "<-"
LEAST = 1e-6  # a uniform number nearer to 0 or 1 is taken for this far: quantiles stay finite

Pair = tuple[int, int]  # numbers of the post-synaptic and the pre-synaptic type
Law = Callable[[Array, Array, Array], Array]


def uniform_strength(smallest: Array, spread: Array, u: Array) -> Array:
    """Strengths from `smallest` to smallest + spread, all alike likely [Arakaki et al. 2017, Eq. 10]."""
    return smallest + spread * u


def log_normal_strength(mean: Array, deviation: Array, u: Array) -> Array:
    """Log-normal strengths of a mean and a standard deviation: exp(m + s xi) with xi the normal quantile of u.

    s^2 = log(1 + (deviation / mean)^2) and m = log(mean) - s^2 / 2. Strong weights are many times the mean, weak ones
    the most common, as measured between cortical cells [Song et al. 2005].
    """
    variance = jnp.log1p((deviation / mean) ** 2)
    normal = ndtri(jnp.clip(u, LEAST, 1 - LEAST))
    return mean * jnp.exp(jnp.sqrt(variance) * normal - variance / 2)


LAWS: Mapping[str, Law] = MappingProxyType({"uniform": uniform_strength, "log-normal": log_normal_strength})


def sparse_strength(law: Law, first: Array, second: Array, u: Array, probability: float) -> Array:
    """Strengths of connections that exist with a probability, 0 elsewhere.

    One uniform number a pair says both: the connection exists if u < p, and u / p, uniform given that, is the number
    of the law.

    >>> sparse_strength(uniform_strength, jnp.array(1.0), jnp.array(2.0), jnp.array([0.0, 0.25, 0.75]), 0.5).tolist()
    [1.0, 2.0, 0.0]
    """
    if probability == 1:
        return law(first, second, u)
    exists = u < probability
    # Derivatives of what is not taken must be finite, too.
    return jnp.where(exists, law(first, second, jnp.where(exists, u / probability, 0.5)), 0)


def weight_block(
    strength: Float[Array, "pre post"], reach: Array, squared: Float[Array, "pre post"], scale: float
) -> Float[Array, "pre post"]:
    """Weights from cells of one type to those of another: scale * strength * exp(-d^2 / (2 reach^2)).

    `scale` is 1, or -1 for inhibitory cells (Dale's law), times whatever else all weights are multiplied with.
    """
    return scale * strength * jnp.exp(-squared / (2 * reach**2))


Block = Callable[..., Array]  # (J, dJ, sigma, u) -> weights, (pre-synaptic sites, post-synaptic sites)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def inflow(
    block: Block, rates: Float[Array, "conditions pre"], parameters: tuple[Array, ...], u: Array
) -> Float[Array, "conditions post"]:
    """What a connection brings to its post-synaptic cells, r W, for derivatives in all of its few parameters at once.

    Every parameter is one number, so that r dW/dp is computed once for each, whatever the number of derivatives that
    are taken; derivatives of W itself would be as many matrices as these.

    >>> brought = inflow(lambda a, b, u: a * u + b, jnp.ones((1, 2)), (jnp.array(2.0), jnp.array(1.0)), jnp.eye(2))
    >>> brought.tolist()
    [[4.0, 4.0]]
    """
    return rates @ block(*parameters, u)


@partial(inflow.defjvp, symbolic_zeros=True)
@exact_products()
def _inflow_jvp(block: Block, primals: Any, tangents: Any) -> tuple[Array, Array]:
    rates, parameters, u = primals
    of_rates, of_parameters, of_u = tangents
    weights, along_u = jax.linearize(lambda u: block(*parameters, u), u)
    moved = jnp.zeros((*rates.shape[:-1], weights.shape[-1]), rates.dtype)
    for number, tangent in enumerate(of_parameters):
        if not isinstance(tangent, SymbolicZero):
            moved = moved + tangent * (rates @ _slope(block, parameters, u, number))
    if not isinstance(of_rates, SymbolicZero):
        moved = moved + of_rates @ weights
    if not isinstance(of_u, SymbolicZero):
        moved = moved + rates @ along_u(of_u)
    return rates @ weights, moved


def _slope(block: Block, parameters: tuple[Array, ...], u: Array, number: int) -> Array:
    """Derivative of all weights of a connection in the parameter of that number."""

    def along(parameter: Array) -> Array:
        return block(*parameters[:number], parameter, *parameters[number + 1 :], u)

    return jax.jvp(along, (parameters[number],), (jnp.ones_like(parameters[number]),))[1]


@dataclass(frozen=True, eq=False)
class Connection:
    """A connection of one type with another: its weights as a function of its parameters and of random numbers u."""

    block: Block
    parameters: tuple[Array, ...]
    u: Float[Array, "pre post"]

    @property
    def weights(self) -> Float[Array, "pre post"]:
        """From every site to every site."""
        return self.block(*self.parameters, self.u)

    def inflow(self, rates: Float[Array, "conditions pre"]) -> Float[Array, "conditions post"]:
        """What it brings to post-synaptic cells, see `inflow`."""
        return inflow(self.block, rates, self.parameters, self.u)


@final
@dataclass(frozen=True)
class Wiring:
    """Types of cells, and which of them connect to which.

    types
        Names.
    absent
        Connections that do not exist, "post-synaptic<-pre-synaptic".
    probability
        Of a connection between two cells, one for all or (post-synaptic, pre-synaptic): 0 is absent as well.

    >>> wiring = Wiring(("PC", "VIP"), absent=("PC<-VIP",))
    >>> wiring.present, wiring.names
    (((0, 0), (1, 0), (1, 1)), ('PC←PC', 'VIP←PC', 'VIP←VIP'))
    """

    types: tuple[str, ...]
    absent: tuple[str, ...] = ()
    probability: float | tuple[tuple[float, ...], ...] = 1.0

    def check(self) -> None:
        """Refuse types without a name of their own, connections of types that there are not, and no connections.

        Raises
        ------
        ValueError
            If there are any.
        """
        arrows = (ARROW, TYPED_ARROW)
        bad = [name for name in self.types if not name or any(arrow in name for arrow in arrows)]
        if not self.types or bad or len(set(self.types)) < len(self.types):
            raise ValueError(f'types must be different names, such as ["E", "I"], not {reprlib.repr(self.types)}.')
        shape = (len(self.types),) * 2
        try:
            probabilities = np.broadcast_to(self.probability, shape)
        except ValueError:
            probabilities = np.array(np.nan)
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise ValueError(
                f"connection_probability must be one number from 0 to 1, or {shape[0]} rows of {shape[1]} (rows "
                f"post-synaptic), not {reprlib.repr(self.probability)}."
            )
        if not self.present:
            raise ValueError("All connections are absent: leave some, or use a feedforward circuit.")

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Of every connection, (post-synaptic, pre-synaptic)."""
        return np.broadcast_to(np.array(self.probability, float), (len(self.types),) * 2)

    @cached_property
    def present(self) -> tuple[Pair, ...]:
        """The connections that exist, (post, pre), row by row."""
        absent = {self._pair(name) for name in self.absent}
        pairs = np.ndindex(self.probabilities.shape)
        return tuple(
            (post, pre) for post, pre in pairs if (post, pre) not in absent and self.probabilities[post, pre]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What the connections that exist are called."""
        return tuple(f"{self.types[post]}{ARROW}{self.types[pre]}" for post, pre in self.present)

    def of_present(self, matrix: Array) -> Array:
        """The entries of a matrix (post-synaptic, pre-synaptic) that belong to connections that exist, (present,)."""
        posts, pres = np.array(self.present).T
        return matrix[posts, pres]

    def joined(self, connections: Sequence[Connection], sites: int) -> Float[Array, "cells cells"]:
        """W transposed, from the connections that exist, row by row as they are `present`; zero where none is."""
        kinds, known = range(len(self.types)), dict(zip(self.present, connections, strict=True))

        def entry(post: int, pre: int) -> Array:
            return known[post, pre].weights if (post, pre) in known else jnp.zeros((sites, sites))

        return jnp.block([[entry(post, pre) for post in kinds] for pre in kinds])

    def inflow(
        self, connections: Sequence[Connection], rates: Float[Array, "conditions cells"]
    ) -> Float[Array, "conditions cells"]:
        """W r of all cells, connection by connection (`inflow`)."""
        of_type = jnp.split(rates, len(self.types), axis=-1)
        brought = [jnp.zeros_like(own) for own in of_type]
        for (post, pre), connection in zip(self.present, connections, strict=True):
            brought[post] = brought[post] + connection.inflow(of_type[pre])
        return jnp.concatenate(brought, axis=-1)

    def _pair(self, name: str) -> Pair:
        post, _, pre = (part.strip() for part in name.replace(ARROW, TYPED_ARROW).partition(TYPED_ARROW))
        if unknown := [kind for kind in (post, pre) if kind not in self.types]:
            raise ValueError(
                f'absent = "{name}" names no type {unknown[0]!r}: write "post<-pre", both of {", ".join(self.types)}.'
            )
        return self.types.index(post), self.types.index(pre)
