"""Many realisations of one circuit: in turn or side by side on a device, side by side on several."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import jaxpr_as_fun
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from tuneful.errors import UserError
from tuneful.solvers.precision import exact_products
from tuneful.solvers.steady_states import FOUND

GIB = 2**30
COPIES = 3  # of an array of every shape that a realisation holds at a time, its derivative included (measured)
CHUNK = 24  # realisations that are computed at once: one program serves samples of all sizes


def in_chunks(compute: Callable[[Array], Any], n: int, first: int = 0, size: int = CHUNK) -> Any:
    """Stack what `compute` finds for n realisations, from number `first` on.

    Parameters
    ----------
    compute
        From the number of a realisation, uint32, to arrays that tell of it and of those after it, `size` in all. It
        should be compiled: that takes longer than most samples.
    """
    chunks = [jax.tree.map(np.asarray, compute(jnp.uint32(first + begun))) for begun in range(0, n, size)]
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *chunks)


@dataclass(frozen=True)
class Schedule:
    """How realisations share a device. It changes numbers by no more than rounding.

    side_by_side
        Whether realisations are computed as one batch, whose products are those of many matrices, and in which those
        that have settled make room for the others. None: as is faster, in turn on a CPU, where the matrix of one
        realisation stays in the cache, and side by side elsewhere.
    memory
        GiB on each device that realisations may hold. Larger samples are computed in parts, and derivatives keep only
        the steady states of what is not at hand: its random numbers and weights are made again.
    """

    side_by_side: bool | None = None
    memory: float = 4.0

    @property
    def is_side_by_side(self) -> bool:
        """Which of both it is here."""
        return jax.default_backend() != "cpu" if self.side_by_side is None else self.side_by_side

    def over(self, one: Callable[[Any], Any], inputs: Any) -> Any:
        """Map over the leading axis of the inputs on one device.

        Raises
        ------
        UserError
            If not even one realisation fits.
        """
        n = len(jax.tree.leaves(inputs)[0])
        one, program = _traced(one, jax.eval_shape(lambda i: jax.tree.map(lambda a: a[0], i), inputs))
        held = held_bytes(program)
        if held > self.memory * GIB:
            raise UserError(
                f"One realisation holds at least {held / GIB:.2g} GiB, {self.memory:g} are for all on a device: "
                "allow more (device_memory of a fit, memory of a Schedule), or take a smaller network."
            )
        at_once = max(1, int(self.memory * GIB / (COPIES * held)))
        fits, several = at_once >= n, one
        if not fits:
            several = jax.checkpoint(one, policy=jax.checkpoint_policies.save_only_these_names(FOUND))
        if not self.is_side_by_side:
            return jax.lax.map(several, inputs)
        if fits:
            return jax.vmap(one)(inputs)
        parts = -(-n // at_once)
        size = -(-n // parts)
        rows = jnp.minimum(jnp.arange(parts * size), n - 1).reshape(parts, size)
        together = jax.lax.map(jax.vmap(several), jax.tree.map(lambda a: a[rows], inputs))
        return jax.tree.map(lambda a: a.reshape(parts * size, *a.shape[2:])[:n], together)


FASTEST = Schedule()


def _traced(function: Callable[[Any], Any], shapes: Any) -> tuple[Callable[[Any], Any], Any]:
    """A function that was traced once, and the program that it is."""
    program, out = jax.make_jaxpr(function, return_shape=True)(shapes)

    def run(inputs: Any) -> Any:
        found = jaxpr_as_fun(program)(*jax.tree.leaves(inputs))
        return jax.tree.unflatten(jax.tree.structure(out), found)

    return run, program.jaxpr


def held_bytes(program: Any) -> int:
    """Bytes of one array of every shape that occurs in a program, loops and branches included."""
    return sum({a: a.size * a.dtype.itemsize for a in _arrays(program)}.values())


def _arrays(program: Any) -> Iterator[Any]:
    for equation in program.eqns:
        outputs = (v.aval for v in equation.outvars)
        yield from (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in outputs if hasattr(a, "dtype"))
    for inner in _programs_within(program):
        yield from _arrays(inner)


def _programs_within(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        for value in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield inner


@exact_products()
def map_realisations(
    function: Callable[[Any, Array], Any],
    circuit: Any,
    key: Array,
    n: int,
    first: ArrayLike = 0,
    schedule: Schedule = FASTEST,
) -> Any:
    """Evaluate `function(circuit, key_i)` for n keys, from number `first` on, as scheduled, and stack the results.

    Every realisation gets its own copy of the circuit's arrays. The derivative with respect to the circuit is then
    one sum over realisations, taken in one place and in one order, so that it has the same bits on any number of
    devices.

    Raises
    ------
    ValueError
        For fewer than one realisation.
    """
    if n < 1:
        raise ValueError(f"The number of realisations must be at least 1, not {n}.")
    arrays, static = eqx.partition(circuit, eqx.is_array)
    copies = jax.tree.map(lambda a: jnp.broadcast_to(a, (n, *a.shape)), arrays)
    numbers = jnp.arange(n, dtype=jnp.uint32) + jnp.asarray(first, jnp.uint32)

    def one(inputs: tuple[Any, Array]) -> Any:
        own_arrays, number = inputs
        return function(eqx.combine(own_arrays, static), jax.random.fold_in(key, number))

    devices = jax.devices()
    if len(devices) == 1 or n == 1:
        return schedule.over(one, (copies, numbers))
    return _map_on_devices(lambda inputs: schedule.over(one, inputs), (copies, numbers), n, devices)


def _map_on_devices(mapped: Callable[[Any], Any], inputs: Any, n: int, devices: list[Any]) -> Any:
    """Split the leading axis over the devices, repeating the last realisation where it does not divide."""
    padded = -(-n // len(devices)) * len(devices)
    rows = jnp.minimum(jnp.arange(padded), n - 1)
    mesh = Mesh(np.array(devices), ("realisation",))
    whole = NamedSharding(mesh, PartitionSpec())
    split = PartitionSpec("realisation")
    inputs = jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a[rows], whole), inputs)
    spread = jax.shard_map(mapped, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, whole)[:n], spread(inputs))
