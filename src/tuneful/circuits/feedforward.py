"""The feedforward model of motor cortex: random sparse sums of Gaussian receptive fields, rectified.

Equations 3-8 of Arakaki, Barello & Ahmadian 2017, after Lalazar, Abbott & Vaadia 2016.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from tuneful.circuits.base import AbstractCircuit, Response
from tuneful.circuits.field_sums import Positions, field_sums, grid_axis
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.parameters import Free, Positive, as_float_array, parameter
from tuneful.circuits.random_inputs import draw_coarse_uniform, draw_distinct

SIDE = (-1.0, 0.0, 1.0)
LARGEST_GRID = 1290  # grid^3 is a 32-bit integer
LATTICE: Positions = tuple(itertools.product(SIDE, SIDE, SIDE))


def as_positions(positions: ArrayLike | Sequence) -> Positions:
    """Convert hand positions of shape (conditions, 3) to a hashable form, known when the circuit is compiled.

    Raises
    ------
    ValueError
        If they have another shape, or are not finite.
    """
    array = np.asarray(positions, dtype=float)
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        raise ValueError(f"stimuli must be finite positions of shape (conditions, 3), not of shape {array.shape}.")
    return tuple((x, y, z) for x, y, z in array.tolist())


class FeedforwardInputs(eqx.Module):
    """The random inputs z of one realisation: uniform numbers on [0, 1], and which inputs connect.

    Absent connections are not stored: `source` and `strength` list those that exist.

    width
        z^sigma of every input, grid^3 of them.
    source
        The inputs that a cell listens to.
    strength
        z^J of these connections.
    threshold
        z^phi.
    noise
        Standard normal, of the trials' average; used if the model has noise.
    """

    width: Float[Array, "*batch inputs"]
    source: Int[Array, "*batch cells connections"]
    strength: Float[Array, "*batch cells connections"]
    threshold: Float[Array, "*batch cells"]
    noise: Float[Array, "*batch cells conditions"]


@final
class FeedforwardM1(AbstractCircuit):
    r"""Motor-cortex cells that sum a random sparse set of spatial receptive fields.

    Inputs i sit on a regular grid that spans [-extent, extent]^3 and answer to a hand position x_s with

        h_i(s) = exp(-|x_s - x_i|^2 / (2 sigma_i^2)) / Z(s),  sum_i h_i(s) = 1,  sigma_i = sigma_l + z_i^sigma dsigma;

    a cell answers with G(s) = [sum_i J z_i^J M_i h_i(s) - phi]_+, where the binary mask M picks a fraction `density`
    of all inputs without replacement and phi = phi_l + z^phi dphi. All z are uniform on [0, 1]
    [Arakaki et al. 2017, Eqs. 3-8; Lalazar et al. 2016].

    With `noise` = kappa, measured rates are averages over few trials: G + kappa sqrt(G) xi, rectified, with xi normal
    and independent in every condition. (For Poisson spikes kappa^2 is one over the time observed in a condition; the
    square root is smoothed below 1/4 Hz.) None, the default, is the model of the paper.

    Parameters
    ----------
    grid
        Inputs along an axis.
    extent
        Half the side of the grid, in units of the stimulus spacing.
    density
        The fraction of inputs that connect.
    sigma_l, dsigma, J, phi_l, dphi, noise
        The learned parameters; `noise` if the model has it.
    n_cells
        Recorded cells per realisation (same receptive fields, own connections and threshold: nearly as good as
        independent ones and much cheaper).
    stimuli
        Hand positions, (conditions, 3).

    Raises
    ------
    ValueError
        For an empty grid, a density that connects nothing, or positions not of shape (S, 3).

    >>> import jax
    >>> from tuneful.circuits import FeedforwardM1
    >>> circuit = FeedforwardM1(grid=10)
    >>> circuit.sample(jax.random.key(0), 4).curves.shape
    (4, 27)
    """

    label: ClassVar[str] = "m1"
    stimulus_features: ClassVar[tuple[str, ...]] = ("x", "y", "z")
    renamed: ClassVar[Mapping[str, str]] = {"cells": "n_cells"}

    grid: int = eqx.field(static=True, default=40)
    extent: float = eqx.field(static=True, default=3.0)
    density: float = eqx.field(static=True, default=0.01)
    sigma_l: Array = parameter(
        symbol="σ_l",
        unit="lattice spacings",
        constraint=Positive(),
        default=0.3,
        meaning="smallest receptive-field width",
    )
    dsigma: Array = parameter(
        symbol="δσ",
        unit="lattice spacings",
        constraint=Positive(),
        default=3.0,
        meaning="range of receptive-field widths",
    )
    J: Array = parameter(symbol="J", unit="Hz", constraint=Positive(), default=1000.0, meaning="largest weight")
    phi_l: Array = parameter(
        symbol="φ_l",
        unit="Hz",
        constraint=Free(10.0),
        reference=lambda circuit: circuit.mean_drive - circuit.dphi / 2,
        default=0.0,
        meaning="smallest threshold",
    )
    dphi: Array = parameter(symbol="δφ", unit="Hz", constraint=Positive(), default=2.0, meaning="range of thresholds")
    noise: Array | None = parameter(
        symbol="κ", unit="√Hz", constraint=Positive(), default=None, meaning="noise of the trial average over √rate"
    )
    n_cells: int = eqx.field(static=True, default=1)
    stimuli: Positions = eqx.field(static=True, default=LATTICE, converter=as_positions)

    def __check_init__(self) -> None:
        if self.grid < 1 or self.n_cells < 1 or not self.extent > 0:
            raise ValueError(
                f"grid, n_cells and extent must be positive, not {self.grid}, {self.n_cells} and {self.extent}."
            )
        if self.grid > LARGEST_GRID:
            raise ValueError(f"grid must be at most {LARGEST_GRID}, beyond which inputs cannot be numbered.")
        if not 0 < self.density <= 1 or self.connections < 1:
            raise ValueError(
                f"density must lie in (0, 1] and connect at least one of {self.grid**3} inputs, not {self.density}."
            )

    @property
    def connections(self) -> int:
        """The number of inputs that a cell listens to."""
        return round(self.density * self.grid**3)

    @property
    def mean_drive(self) -> Array:
        """Mean of sum_i J z_i^J M_i h_i over realisations, Hz: the receptive fields sum to one."""
        return self.J * self.density / 2

    def draw(self, key: Key) -> FeedforwardInputs:
        width, source, strength, threshold, noise = jax.random.split(as_key(key), 5)
        n = self.grid**3
        return FeedforwardInputs(
            width=draw_coarse_uniform(width, n),
            source=jax.vmap(lambda k: draw_distinct(k, n, self.connections))(jax.random.split(source, self.n_cells)),
            strength=jax.random.uniform(strength, (self.n_cells, self.connections)),
            threshold=jax.random.uniform(threshold, (self.n_cells,)),
            noise=jax.random.normal(noise, (self.n_cells, len(self.stimuli))),
        )

    @staticmethod
    def inputs(sigma: ArrayLike, strength: ArrayLike, mask: ArrayLike, threshold: ArrayLike) -> FeedforwardInputs:
        """Build z of one recorded cell from plain arrays, as the paper writes them.

        Parameters
        ----------
        sigma, strength
            Uniform numbers z^sigma and z^J, (grid^3,), ordered with x slowest and z fastest.
        mask
            The binary M, (grid^3,).
        threshold
            z^phi, a scalar.
        """
        source = np.flatnonzero(np.asarray(mask))
        return FeedforwardInputs(
            width=as_float_array(sigma),
            source=jnp.asarray(source)[None],
            strength=as_float_array(strength)[source][None],
            threshold=as_float_array(threshold)[None],
            noise=jnp.zeros((1, 1)),
        )

    def respond(self, z: FeedforwardInputs) -> Response:
        normaliser = field_sums(self.grid, self.extent, self.stimuli, self.sigma_l, self.dsigma, z.width)
        weights = self.J * z.strength
        threshold = self.phi_l + self.dphi * z.threshold
        fields = self._fields(z.source, z.width)
        drive = jnp.einsum("csk,ck->cs", fields, weights) / normaliser[None]
        rates = jax.nn.relu(drive - threshold[:, None])
        if self.noise is not None:
            rates = jax.nn.relu(rates + self.noise * rates / jnp.sqrt(rates + 0.25) * z.noise)
        return Response(rates, settled=jnp.array(True), residual=jnp.zeros(()), all_rates=rates)

    def _fields(self, source: Array, width: Array) -> Array:
        """Receptive fields before normalisation of the connected inputs: (cells, conditions, connections)."""
        axis = jnp.asarray(grid_axis(self.grid, self.extent), width.dtype)
        place = [axis[i][:, None] for i in jnp.unravel_index(source, (self.grid,) * 3)]
        squared = sum(
            (x[None, :, None] - p) ** 2
            for x, p in zip(jnp.asarray(np.array(self.stimuli), width.dtype).T, place, strict=True)
        )
        sigma = self.sigma_l + self.dsigma * width[source]
        return jnp.exp(-squared / (2 * sigma[:, None] ** 2))

    @classmethod
    def example(cls) -> "FeedforwardM1":
        return cls().with_values(
            {"sigma_l": 0.4, "dsigma": 0.8, "J": 8000.0, "phi_l": 20.0, "dphi": 25.0, "noise": 0.3}
        )

    def conditions(self) -> dict[str, np.ndarray]:
        return dict(zip("xyz", np.asarray(self.stimuli, dtype=float).T, strict=True))

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> "FeedforwardM1":
        """Move the hand to the positions of a dataset; without `z` they are in the plane z = 0."""
        if missing := [name for name in "xy" if name not in features]:
            raise ValueError(
                "The feedforward M1 model needs hand positions x, y, z (or x, y in a plane); the data lack "
                f"{', '.join(missing)}: give every condition its position, in columns of these names or in headers "
                "like x=-1;y=0;z=1."
            )
        planes = {"z": np.zeros_like(features["x"])} | dict(features)
        return dataclasses.replace(self, stimuli=np.stack([np.asarray(planes[name]) for name in "xyz"], axis=-1))

    def check_stimuli(self) -> list[str]:
        """Refuse positions beyond the inputs, where receptive fields that sum to one mean nothing."""
        farthest = max((value for position in self.stimuli for value in position), key=abs)
        if abs(farthest) > self.extent:
            raise ValueError(
                f"A hand position of {farthest:g} lies outside the inputs of the circuit, which span "
                f"[{-self.extent:g}, {self.extent:g}]: give positions in units of the stimulus spacing, or a larger "
                "extent."
            )
        return []
