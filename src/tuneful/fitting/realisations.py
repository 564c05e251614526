"""What realisations of a circuit answer and cost, in chunks: one compiled program for all that draws curves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from tuneful.circuits.base import AbstractCircuit, Response
from tuneful.circuits.ensemble import CHUNK, FASTEST, Schedule, in_chunks, map_realisations
from tuneful.fitting.unconstrained import with_unconstrained
from tuneful.objectives.penalties import AbstractPenalty
from tuneful.solvers import Status

FOR_PENALTIES = 2**31  # streams of a realisation's key that no circuit splits off
FOR_PARAMETERS = 2**31 + 2**30


class Realiser(eqx.Module):
    """A circuit and what its realisations cost: all that they depend on, so that their programs serve any data."""

    circuit: AbstractCircuit
    penalties: tuple[AbstractPenalty, ...] = ()
    schedule: Schedule = eqx.field(static=True, default=FASTEST)

    def realise(self, circuit: AbstractCircuit, key: Array) -> tuple[Response, Array]:
        """The responses of one realisation, and what it costs: the sum of all penalties, 0 if it did not settle."""
        z = circuit.draw(key)
        response = circuit.respond(z)
        own = [jax.random.fold_in(key, FOR_PENALTIES + i) for i in range(len(self.penalties))]
        costs = [p(circuit, z, response, k) for p, k in zip(self.penalties, own, strict=True)]
        return response, jnp.where(response.settled, sum(costs, jnp.zeros(())), 0)


class Answers(eqx.Module):
    """Rates of the recorded cells of each realisation, Hz, its cost, whether it settled, and its `Status`."""

    rates: Float[np.ndarray, "realisations cells conditions"]
    cost: Float[np.ndarray, " realisations"]
    settled: Bool[np.ndarray, " realisations"]
    status: Int[np.ndarray, " realisations"]

    @property
    def accepted(self) -> Bool[np.ndarray, " realisations"]:
        """Which settled on finite rates."""
        return self.settled & np.isfinite(self.rates).all(axis=(-2, -1))

    @property
    def usable(self) -> Bool[np.ndarray, " realisations"]:
        """Which of these did not settle in saturation."""
        return self.accepted & (self.status != Status.SATURATED)


def answers(realiser: Realiser, key: Array, realisations: int, first: int = 0, size: int = CHUNK) -> Answers:
    """Draw so many realisations, from a number on; `size` of them at once, by a program of that size."""
    return Answers(*in_chunks(lambda number: _answer(realiser, key, number, size), realisations, first, size))


@eqx.filter_jit
def _answer(realiser: Realiser, key: Array, first: Array, size: int) -> tuple[Array, ...]:
    def answer(circuit: AbstractCircuit, key: Array) -> tuple[Array, ...]:
        response, cost = realiser.realise(circuit, key)
        return response.rates, cost, response.settled, jnp.asarray(response.status)

    return map_realisations(answer, realiser.circuit, key, size, first, realiser.schedule)


def answers_around(
    realiser: Realiser, centre: dict[str, Array], spread: float, key: Array, realisations: int, first: int = 0
) -> tuple[Answers, Float[np.ndarray, "realisations n"]]:
    """Draw realisations that have each its own parameters, eta = centre + spread z with z standard normal.

    With a spread of 0 they are those of the circuit at the centre, by the same program and random numbers.

    Parameters
    ----------
    realiser
        The circuit; parameters that `centre` does not name stay as they are.
    centre
        Unconstrained parameters by name.
    spread
        In these.
    key, realisations, first
        As in `answers`.

    Returns
    -------
    The answers, and z in the order of `jax.flatten_util.ravel_pytree`.
    """
    about = realiser, centre, jnp.asarray(spread, jnp.result_type(float)), key
    *found, z = in_chunks(lambda number: _answer_around(*about, number), realisations, first)
    return Answers(*found), z


@eqx.filter_jit
def _answer_around(
    realiser: Realiser, centre: dict[str, Array], spread: Array, key: Array, first: Array
) -> tuple[Array, ...]:
    def answer(parts: tuple[AbstractCircuit, dict[str, Array], Array], key: Array) -> tuple[Array, ...]:
        circuit, centre, spread = parts
        flat, unravel = ravel_pytree(centre)
        z = jax.random.normal(jax.random.fold_in(key, FOR_PARAMETERS), flat.shape, flat.dtype)
        response, cost = realiser.realise(with_unconstrained(circuit, unravel(flat + spread * z)), key)
        return response.rates, cost, response.settled, jnp.asarray(response.status), z

    return map_realisations(answer, (realiser.circuit, centre, spread), key, CHUNK, first, realiser.schedule)
