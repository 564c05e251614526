"""Many realisations of one circuit: in turn on a device, side by side on several."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

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


def map_realisations(
    function: Callable[[Any, Array], Any], circuit: Any, key: Array, n: int, first: ArrayLike = 0
) -> Any:
    """Evaluate `function(circuit, key_i)` for n keys, from number `first` on, and stack the results.

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
        return jax.lax.map(one, (copies, numbers))
    return _map_on_devices(one, (copies, numbers), n, devices)


def _map_on_devices(one: Callable[[Any], Any], inputs: Any, n: int, devices: list[Any]) -> Any:
    """Split the leading axis over the devices, repeating the last realisation where it does not divide."""
    padded = -(-n // len(devices)) * len(devices)
    rows = jnp.minimum(jnp.arange(padded), n - 1)
    mesh = Mesh(np.array(devices), ("realisation",))
    whole = NamedSharding(mesh, PartitionSpec())
    split = PartitionSpec("realisation")
    inputs = jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a[rows], whole), inputs)
    spread = jax.shard_map(lambda i: jax.lax.map(one, i), mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, whole)[:n], spread(inputs))
