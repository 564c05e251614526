"""Circuits as simulators of likelihood-free inference take them: from parameters in a row to curves."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.ensemble import CHUNK
from tuneful.circuits.keys import as_key
from tuneful.circuits.observation import name_of
from tuneful.errors import UserError
from tuneful.fitting.unconstrained import own_values, parameter_names, unconstrained_values, with_unconstrained

Summary = Callable[[np.ndarray], ArrayLike]  # from curves, (curves, conditions), to numbers


@final
class Simulator:
    """A circuit as a function of its parameters; made by `simulator`.

    Attributes
    ----------
    names
        Of the n parameters in a row, in their order: `J`, `J[0, 1]`, ...
    start
        Those of the circuit, unconstrained, (n,).
    bounds
        Lowest and highest unconstrained values of a box around it, (2, n): within a factor e^width of positive ones.
    natural_bounds
        The corners of the box in own units, (2, n).
    """

    def __init__(
        self, circuit: AbstractCircuit, curves: int, names: Sequence[str], summary: Summary | None, width: float
    ):
        self._circuit, self._summary = circuit, summary
        unconstrained = unconstrained_values(circuit, names)
        flat, self._unravel = ravel_pytree(unconstrained)
        self._entries, self._curves = tuple(unconstrained), curves
        self.names, self.start = parameter_names(unconstrained), np.asarray(flat)
        self.bounds = self.start + width * np.array([[-1.0], [1.0]], self.start.dtype)
        self.natural_bounds = self.to_natural(self.bounds)

    def __repr__(self) -> str:
        shape = self._curves, len(next(iter(self._circuit.conditions().values())))
        return f"<Simulator: {name_of(self._circuit)}, {len(self.names)} parameters to curves {shape}>"

    def __call__(self, theta: Any, seed: int = 0) -> np.ndarray:
        """Simulate curves at one or several points.

        Random numbers depend on the seed, on the parameters and on how often they came before in this call: neither
        the size of batches nor the number of workers matters. Ask with another seed for other curves of one point.

        Parameters
        ----------
        theta
            Unconstrained parameters, (n,), or (b, n); NumPy, or anything with a method `numpy()`, such as a tensor.
        seed
            Decides all random numbers.

        Returns
        -------
        np.ndarray
            float32, (curves, conditions), or (b, curves, conditions); NaN in rows of realisations that did not settle
            on finite rates. With a summary, what that makes of the curves of every point, stacked.
        """
        points = self._points(theta)
        rows = np.atleast_2d(points)
        realisations = -(-self._curves // self._circuit.cells_per_realisation)
        numbers = np.tile(np.arange(realisations, dtype=np.uint32), len(rows))
        streams = np.column_stack([np.repeat(_streams(rows), realisations, axis=0), numbers])
        rates = _in_chunks(self._circuit, self._unravel, np.repeat(rows, realisations, axis=0), streams, as_key(seed))
        curves = rates.reshape(len(rows), -1, rates.shape[-1])[:, : self._curves].astype(np.float32)
        found = curves if self._summary is None else np.stack([np.asarray(self._summary(one)) for one in curves])
        return found if points.ndim == 2 else found[0]

    def to_natural(self, theta: Any) -> np.ndarray:
        """Unconstrained parameters in own units, of the same shape, (n,) or (b, n)."""
        points = self._points(theta)
        return np.asarray(jax.vmap(self._natural)(jnp.atleast_2d(points))).reshape(points.shape)

    def to_unconstrained(self, values: Any) -> np.ndarray:
        """Parameters in own units on the unconstrained side, of the same shape, (n,) or (b, n).

        Raises
        ------
        ValueError
            For a value outside its constraint.
        """
        points = self._points(values)
        return np.stack([self._unconstrained(row) for row in np.atleast_2d(points)]).reshape(points.shape)

    def _natural(self, row: Array) -> Array:
        return own_values(self._circuit, self._unravel(row))

    def _unconstrained(self, row: np.ndarray) -> np.ndarray:
        circuit = self._circuit.with_values(self._unravel(jnp.asarray(row)))
        return np.asarray(ravel_pytree(unconstrained_values(circuit, self._entries))[0])

    def _points(self, theta: Any) -> np.ndarray:
        array = theta.detach() if hasattr(theta, "detach") else theta  # a tensor of which derivatives are kept
        array = np.asarray(array.numpy() if hasattr(array, "numpy") else array, self.start.dtype)
        if array.ndim not in (1, 2) or array.shape[-1] != len(self.names) or not array.size:
            raise UserError(
                f"Parameters must have the shape ({len(self.names)},) or (points, {len(self.names)}), in the order "
                f"{', '.join(self.names)}, and not {array.shape}."
            )
        return array


def simulator(
    circuit: AbstractCircuit,
    *,
    curves: int = 100,
    conditions: Mapping[str, ArrayLike] | None = None,
    parameters: Sequence[str] | None = None,
    summary: Summary | None = None,
    width: float = 2.0,
) -> Simulator:
    """Make a function from parameters to curves, for programs of likelihood-free inference such as sbi or pyABC.

    Parameters
    ----------
    circuit
        The generator; parameters that do not vary stay as they are.
    curves
        How many, at every point; several are of one realisation if the circuit records several cells.
    conditions
        Features of the stimuli, name -> values; those of the circuit by default.
    parameters
        Names of those that vary; all by default.
    summary
        From the curves of a point, (curves, conditions), to numbers of any fixed shape; the curves themselves by
        default.
    width
        Half the side of the box `bounds`, in unconstrained parameters: logarithms of positive ones.

    Returns
    -------
    Simulator
        Called with unconstrained parameters.

    Raises
    ------
    UserError
        For arguments that are none, for parameters that the circuit does not have, and for stimuli that it cannot
        answer.

    >>> from tuneful.circuits import FeedforwardM1
    >>> simulate = simulator(FeedforwardM1(grid=6), curves=5, parameters=["J", "dphi"])
    >>> simulate.names, simulate(simulate.start).shape, simulate(simulate.bounds, seed=1).shape
    (['J', 'dphi'], (5, 27), (2, 5, 27))
    """
    if not isinstance(circuit, AbstractCircuit):
        raise UserError("A simulator is made from a circuit, such as tuneful.circuits.SSN().")
    if curves < 1 or not width > 0:
        raise UserError(f"curves must be 1 or more and width positive, and they are {curves} and {width}.")
    try:
        if conditions is not None:
            circuit = circuit.at_conditions({name: np.asarray(values) for name, values in conditions.items()})
        return Simulator(circuit, int(curves), parameters or tuple(circuit.parameters()), summary, width)
    except KeyError as error:
        raise UserError(f"{type(circuit).__name__} needs the feature {error} of every condition.") from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _streams(rows: np.ndarray) -> np.ndarray:
    """Two numbers of a stream of random numbers for each point: what it is, and how often it came before."""
    before = dict[int, int]()
    found = np.zeros((len(rows), 2), np.uint32)
    for stream, row in zip(found, rows, strict=True):
        content = zlib.crc32(row.tobytes())
        stream[:] = content, before.get(content, 0)
        before[content] = int(stream[1]) + 1
    return found


def _in_chunks(circuit: Any, unravel: Any, rows: np.ndarray, streams: np.ndarray, key: Array) -> np.ndarray:
    """Rates of all realisations, (realisations, cells, conditions), by one program for any number of them."""
    n = len(rows)
    chunks = np.minimum(np.arange(-(-n // CHUNK) * CHUNK), n - 1).reshape(-1, CHUNK)  # the last again, to the end
    return np.concatenate([np.asarray(_rates(circuit, unravel, rows[i], streams[i], key)) for i in chunks])[:n]


@eqx.filter_jit
def _rates(
    circuit: AbstractCircuit, unravel: Any, rows: np.ndarray, streams: np.ndarray, key: Array
) -> Float[Array, "some cells conditions"]:
    def one(inputs: tuple[Array, Array]) -> Array:
        row, stream = inputs
        own = functools.reduce(jax.random.fold_in, stream, key)
        at = with_unconstrained(circuit, unravel(row))
        response = at.respond(at.draw(own))
        return jnp.where(response.accepted[:, None], response.rates, jnp.nan)

    return jax.lax.map(one, (jnp.asarray(rows), jnp.asarray(streams)))
