"""Sums over a grid of Gaussian receptive fields of random widths, with their derivatives.

Z(s) = sum_i exp(-|x_s - x_i|^2 / (2 sigma_i^2)), sigma_i = sigma_l + dsigma z_i, over all grid^3 inputs.

The exponential of a sum over axes is a product over axes. For each input we take one exponential per distinct
coordinate of the stimuli (9 on the 3 x 3 x 3 lattice instead of 27), multiply those of x and y, and leave the product
with z and the sum over inputs to one matrix product. The grid is walked plane by plane, so that the working set stays
in the processor's cache.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero

from tuneful.solvers.precision import exact_products

Positions = tuple[tuple[float, float, float], ...]


def grid_axis(grid: int, extent: float) -> np.ndarray:
    """Positions of the inputs along one axis, on [-extent, extent]."""
    return np.linspace(-extent, extent, grid)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def field_sums(grid: int, extent: float, stimuli: Positions, sigma_l: Array, dsigma: Array, width: Array) -> Array:
    """Sum the receptive fields at every stimulus.

    Parameters
    ----------
    grid, extent
        Inputs along an axis, and half the side of the grid.
    stimuli
        Positions, hashable.
    sigma_l, dsigma
        Scalars.
    width
        Uniform numbers z_i, (grid^3,), x slowest.

    Returns
    -------
    Array
        Z, (conditions,). Differentiable in `sigma_l` and `dsigma` in both modes, at the cost of one pass; not in
        `width`.
    """
    return _walk(grid, extent, stimuli, sigma_l, dsigma, width, with_slopes=False)[0]


@exact_products()
def _field_sums_jvp(grid: int, extent: float, stimuli: Positions, primals: Any, tangents: Any) -> tuple[Array, Array]:
    """dZ/dsigma_i = sum_i E_i |x_s - x_i|^2 / sigma_i^3, and dsigma_i = dsigma_l + z_i ddsigma.

    Two parameters and few conditions: the whole Jacobian costs less than one reverse pass over the inputs, and
    nothing of the size of the grid needs to be kept for it.
    """
    move_l, move_d, move_width = (None if isinstance(t, SymbolicZero) else t for t in tangents)
    if move_width is not None:
        raise NotImplementedError("Sums of receptive fields are not differentiable in the random inputs `width`.")
    sums, slope_l, slope_d = _walk(grid, extent, stimuli, *primals, with_slopes=True)
    moved = jnp.zeros_like(sums)
    moved = moved if move_l is None else moved + slope_l * move_l
    moved = moved if move_d is None else moved + slope_d * move_d
    return sums, moved


field_sums.defjvp(_field_sums_jvp, symbolic_zeros=True)


def _walk(
    grid: int,
    extent: float,
    stimuli: Positions,
    sigma_l: Array,
    dsigma: Array,
    width: Array,
    with_slopes: bool,
) -> tuple[Array, ...]:
    """Accumulate Z and, on request, its slopes in sigma_l and dsigma, one plane of constant x at a time."""
    axis = grid_axis(grid, extent)
    across = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
    design = _Design(stimuli)
    squares_x = jnp.asarray((axis[:, None] - design.x) ** 2, width.dtype)
    square_y, square_z = (
        jnp.asarray((c[:, None] - a) ** 2, width.dtype) for c, a in zip((design.y, design.z), across, strict=True)
    )

    def add_plane(total: Array, plane: tuple[Array, Array]) -> tuple[Array, None]:
        """Sum over the inputs of one plane: the fields, and if asked their two slopes beside them."""
        z, square_x = plane[0], plane[1][:, None]
        inverse = 1 / (sigma_l + dsigma * z)
        rate = -0.5 * inverse[None] ** 2
        x, y, field_z = jax.lax.optimization_barrier(  # kept, lest every product computes its exponentials again
            (jnp.exp(square_x * rate), jnp.exp(square_y * rate), jnp.exp(square_z * rate))
        )
        field_xy = design.pair(x, y)
        if not with_slopes:
            return total + field_xy @ field_z.T, None
        spread_xy = design.pair(x * square_x, y) + design.pair(x, y * square_y)
        slopes = jnp.concatenate([field_z * inverse[None] ** 3, field_z * inverse[None] ** 3 * z[None]])
        spread_slopes = jnp.tile(square_z, (2, 1)) * slopes
        total += field_xy @ jnp.concatenate([field_z, spread_slopes]).T
        return total.at[:, len(design.z) :].add(spread_xy @ slopes.T), None

    kinds = 3 if with_slopes else 1
    start = jnp.zeros((design.n_pairs, kinds * len(design.z)), width.dtype)
    total, _ = jax.lax.scan(add_plane, start, (width.reshape(grid, -1), squares_x))
    sums = total.reshape(design.n_pairs, kinds, len(design.z))[design.to_pair, :, design.to_z]
    return tuple(sums.T)


class _Design:
    """The distinct coordinates of the stimuli: x and y taken in pairs, z by itself."""

    def __init__(self, stimuli: Positions):
        position = np.asarray(stimuli)
        pairs, to_pair = np.unique(position[:, :2], axis=0, return_inverse=True)
        self.x, self._to_x = np.unique(pairs[:, 0], return_inverse=True)
        self.y, self._to_y = np.unique(pairs[:, 1], return_inverse=True)
        self.z, self.to_z = np.unique(position[:, 2], return_inverse=True)
        self.to_pair = to_pair.reshape(-1)
        self.n_pairs = len(pairs)

    def pair(self, x: Array, y: Array) -> Array:
        """Products of the pairs: an outer product where the design is a full lattice, which compiles best."""
        if self.n_pairs == len(self.x) * len(self.y):
            return (x[:, None] * y[None]).reshape(self.n_pairs, -1)
        return x[self._to_x] * y[self._to_y]
