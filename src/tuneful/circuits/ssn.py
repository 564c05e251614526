"""The stabilized supralinear network: excitatory and inhibitory cells on a line, with random weights.

Equations 9-16 of Arakaki, Barello & Ahmadian 2017.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Literal, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from tuneful.circuits.base import AbstractRecurrentCircuit, Response
from tuneful.circuits.parameters import Positive, as_float_array, parameter
from tuneful.circuits.random_inputs import draw_uniform_quartet
from tuneful.networks.supralinear import power_law, saturating_power_law
from tuneful.solvers.steady_states import SteadyState, steady_state

Values = tuple[float, ...]
RECORDED = {"E": (0,), "I": (1,), "both": (0, 1)}  # E cells are type 0, I cells type 1
PAIRS = (("EE", "EI"), ("IE", "II"))  # rows post-synaptic, columns pre-synaptic
SIGNS = (1.0, -1.0)  # of the outgoing weights of E and I cells: Dale's law


def as_values(values: ArrayLike) -> Values:
    """Convert a number or a sequence of numbers to a hashable form, known when the circuit is compiled."""
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"expected a finite number, or a sequence of them, not {values!r}.")
    return tuple(array.tolist())


class SSNInputs(eqx.Module):
    """The random inputs z of one realisation.

    Blocks of the weights are ordered as the transposed W is: by pre-synaptic type and site, then post-synaptic ones.
    """

    weights: tuple[tuple[Array, Array], tuple[Array, Array]]  # uniform on [0, 1]: ((EE, IE), (EI, II)), each (N, N)
    drive: Array  # (2N,), uniform on [-1, 1]: of the external input; used if it is heterogeneous


@final
class SSN(AbstractRecurrentCircuit):
    r"""Stabilized supralinear network: N sites on a line, each with one excitatory and one inhibitory cell.

    Steady states of  T dr/dt = -r + f(W r + I(s)),  reached from rest, with

        W_ij = +-(J_ab + z_ij dJ_ab) exp(-(x_i - x_j)^2 / (2 sigma_ab^2)),
        I_i(s) = A sig((b_s/2 + x_i - c_s)/l) sig((b_s/2 - x_i + c_s)/l),  sig the logistic function,

    a the type (E, I) of the post-synaptic cell i, b that of the pre-synaptic cell j, - for inhibitory j, z uniform on
    [0, 1], sites x on a regular grid on [-extent, extent] [Arakaki et al. 2017, Eqs. 9-12]. `J`, `dJ`, `sigma` are
    2 x 2 with rows post-synaptic: ((EE, EI), (IE, II)). Defaults are the true values of the paper (Table 3). The
    input-output function f is k [u]_+^n, by default with the saturation of Eq. 14 between r0 and r1.

    With `V` = (V_E, V_I), external input differs between cells: I_i(s) (1 + V_a zeta_i), zeta uniform on [-1, 1]
    [after Arakaki et al. 2019].

    Nothing in the paper's equations scales the weights with N, so that the same numbers mean another network at
    another N. With `weights_per="length"`, J and dJ are weights per unit length of the line, which the sites on it
    share; `per_length()` and `per_site()` convert.

    **Arguments:** the learned parameters `J`, `dJ`, `sigma`, and `V` if heterogeneous input is wanted; `n_sites`, N;
    `sizes`, `contrasts` (A) and `positions` (c, the offset of the stimulus), one value a condition or one for all
    (`SSN.crossed` makes joint designs); `extent`; `smoothness`, l; `k`, `n`, `saturating`, `r0`, `r1`,
    see `saturating_power_law`; `tau`, time constants of E and I cells, ms;
    `cells`, which to record: "E", "I" or "both" (E first); `sites`, positions of the recorded cells (the nearest of
    the grid): several make a sample cheaper, as neighbours in one large realisation are nearly as good as the same
    cell of several (ergodicity); `longest`, simulated time within which a network must settle, ms; `tolerance` of
    the steady state, Hz (see `steady_state`).

    **Raises:** `ValueError` for conditions of different lengths, fewer than 3 sites, or a cell off the grid.

    ```python
    >>> import jax
    >>> from tuneful.circuits import SSN
    >>> SSN(n_sites=51).sample(jax.random.key(0), 4).curves.shape
    (4, 5)

    ```
    """

    label: ClassVar[str] = "ssn"

    n_sites: int = eqx.field(static=True, default=201)
    sizes: Values = eqx.field(static=True, default=(0.5, 1.0, 2.0, 4.0, 6.0), converter=as_values)
    contrasts: Values = eqx.field(static=True, default=(20.0,), converter=as_values)
    positions: Values = eqx.field(static=True, default=(0.0,), converter=as_values)
    J: Array = parameter(
        symbol="J",
        unit="1/Hz",
        constraint=Positive(),
        default=((0.0957, 0.0638), (0.1197, 0.0479)),
        meaning="smallest weight",
        entries=PAIRS,
    )
    dJ: Array = parameter(
        symbol="δJ",
        unit="1/Hz",
        constraint=Positive(),
        default=((0.7660, 0.5106), (0.9575, 0.3830)),
        meaning="range of weights",
        entries=PAIRS,
    )
    sigma: Array = parameter(
        symbol="σ",
        unit="stimulus units",
        constraint=Positive(),
        default=((0.6667, 0.2), (1.333, 0.2)),
        meaning="reach of connections",
        entries=PAIRS,
    )
    V: Array | None = parameter(
        symbol="V",
        unit="1",
        constraint=Positive(),
        default=None,
        meaning="heterogeneity of external input",
        entries=("E", "I"),
    )
    weights_per: Literal["site", "length"] = eqx.field(static=True, default="site")
    extent: float = eqx.field(static=True, default=4.0)
    smoothness: float = eqx.field(static=True, default=0.25)
    k: float = eqx.field(static=True, default=0.01)
    n: float = eqx.field(static=True, default=2.2)
    saturating: bool = eqx.field(static=True, default=True)
    r0: float = eqx.field(static=True, default=200.0)
    r1: float = eqx.field(static=True, default=1000.0)
    tau: Values = eqx.field(static=True, default=(16.0, 2.0), converter=as_values)
    cells: Literal["E", "I", "both"] = eqx.field(static=True, default="E")
    sites: Values = eqx.field(static=True, default=(0.0,), converter=as_values)
    longest: float = eqx.field(static=True, default=10_000.0)
    tolerance: float | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        for name, shape in {"J": (2, 2), "dJ": (2, 2), "sigma": (2, 2), "V": (2,)}.items():
            value = getattr(self, name)
            if value is not None and getattr(value, "shape", shape) != shape:
                raise ValueError(f"{name} must have shape {shape}, not {value.shape}.")
        positive = {name: getattr(self, name) for name in ("extent", "smoothness", "k", "n", "r0", "longest")}
        if wrong := [name for name, value in positive.items() if not value > 0]:
            raise ValueError(f"{wrong[0]} must be positive, not {positive[wrong[0]]}.")
        if self.n_sites < 3 or not self.r1 > self.r0:
            raise ValueError(
                f"n_sites must be at least 3, not {self.n_sites}, and r1 ({self.r1}) above r0 ({self.r0})."
            )
        if len({len(self.sizes), len(self.contrasts), len(self.positions)} - {1}) > 1:
            raise ValueError(
                "sizes, contrasts and positions must have one value a condition, or one for all, not "
                f"{len(self.sizes)}, {len(self.contrasts)}, {len(self.positions)}: SSN.crossed makes joint designs."
            )
        if max(map(abs, self.sites)) > self.extent:
            raise ValueError(f"sites must lie on [-{self.extent:g}, {self.extent:g}], not {self.sites}.")
        if len(self.tau) != 2 or not min(self.tau) > 0 or not min(self.sizes) > 0:
            raise ValueError(f"sizes and the two time constants must be positive, not {self.sizes} and {self.tau}.")
        if self.cells not in RECORDED or self.weights_per not in ("site", "length"):
            raise ValueError(
                f'cells must be "E", "I" or "both" and weights_per "site" or "length", not {self.cells!r} and '
                f"{self.weights_per!r}."
            )

    @staticmethod
    def crossed(**values: ArrayLike) -> dict[str, Values]:
        """Cross stimulus features: every value of one with every value of the others, the last fastest.

        `SSN(**SSN.crossed(contrasts=(10, 20), sizes=(1, 2, 4)))` has six conditions.
        """
        grid = np.meshgrid(*map(as_values, values.values()), indexing="ij")
        return {name: as_values(axis.ravel()) for name, axis in zip(values, grid, strict=True)}

    def per_length(self) -> Self:
        """The same network with J and dJ as weights per unit length."""
        if self.weights_per == "length":
            return self
        return dataclasses.replace(self, weights_per="length", J=self.J / self.spacing, dJ=self.dJ / self.spacing)

    def per_site(self) -> Self:
        """The same network with J and dJ as weights between two sites, as in the paper."""
        if self.weights_per == "site":
            return self
        return dataclasses.replace(self, weights_per="site", J=self.J * self.spacing, dJ=self.dJ * self.spacing)

    def with_sites(self, n_sites: int) -> Self:
        """This circuit on another grid, with the same weights per unit length, in either parametrisation.

        Mean inputs stay. Random ones are averaged over fewer sites on a coarser grid, so that its realisations differ
        more: at the paper's values and 51 sites most saturate.
        """
        finer = dataclasses.replace(self.per_length(), n_sites=n_sites)
        return finer if self.weights_per == "length" else finer.per_site()

    @property
    def spacing(self) -> float:
        """Distance between neighbouring sites."""
        return 2 * self.extent / (self.n_sites - 1)

    @property
    def grid(self) -> np.ndarray:
        """x, (N,)."""
        return np.linspace(-self.extent, self.extent, self.n_sites)

    @property
    def time_constants(self) -> np.ndarray:
        """Of every cell, (2N,), ms."""
        return np.repeat(self.tau, self.n_sites)

    def draw(self, key: Array) -> SSNInputs:
        for_weights, for_input = jax.random.split(key)
        ee, ie, ei, ii = draw_uniform_quartet(for_weights, (self.n_sites, self.n_sites))
        return SSNInputs(((ee, ie), (ei, ii)), jax.random.uniform(for_input, (2 * self.n_sites,), minval=-1))

    @staticmethod
    def inputs(z: ArrayLike, drive: ArrayLike | None = None) -> SSNInputs:
        """Build z from plain arrays, as the paper writes them.

        **Arguments:** `z`, uniform on [0, 1], shape (2N, 2N): rows post-synaptic, E cells first; `drive`, uniform on
        [-1, 1], shape (2N,), of the external input (none by default).
        """
        uniform = as_float_array(z)
        (ee, ei), (ie, ii) = (jnp.split(rows, 2, axis=1) for rows in jnp.split(uniform, 2))
        external = jnp.zeros(len(uniform)) if drive is None else as_float_array(drive)
        return SSNInputs(((ee.T, ie.T), (ei.T, ii.T)), external)

    def respond(self, z: SSNInputs) -> Response:
        found = self.steady_state(z)
        rates = jnp.maximum(found.rates, 0).T
        rows = [self.n_sites * kind + site for kind in RECORDED[self.cells] for site in self._recorded]
        return Response(
            rates[np.array(rows)], found.settled.all(), found.residual.max(), network=rates, status=found.status.max()
        )

    def steady_state(self, z: SSNInputs) -> SteadyState:
        """The steady state of the whole network in every condition: rates are (conditions, 2N), Hz."""
        weights = jax.checkpoint(SSN.weights)(self, z)  # what makes W is cheaper to compute again than to keep
        return steady_state(
            self._drive,
            (weights, self.external_input(z)),
            self.time_constants,
            jnp.zeros((len(self.stimuli), 2 * self.n_sites)),
            tolerance=self.tolerance,
            longest=self.longest,
            ceiling=self.r0 if self.saturating else jnp.inf,
        )

    def weights(self, z: SSNInputs) -> Array:
        """W transposed, (2N, 2N): rows pre-synaptic, columns post-synaptic, E cells first."""
        squared = as_float_array((self.grid[:, None] - self.grid) ** 2)
        scale = self.spacing if self.weights_per == "length" else 1.0

        def block(pre: int, post: int) -> Array:
            size = self.J[post, pre] + self.dJ[post, pre] * z.weights[pre][post]
            return SIGNS[pre] * scale * size * jnp.exp(-squared / (2 * self.sigma[post, pre] ** 2))

        return jnp.block([[block(pre, post) for post in (0, 1)] for pre in (0, 1)])

    def external_input(self, z: SSNInputs) -> Array:
        """I, (conditions, 2N): the same for the E and the I cell of a site unless V makes it heterogeneous."""
        x = self.grid
        size, contrast, position = (column[:, None] for column in self.stimuli.T)
        inside = _logistic((size / 2 + x - position) / self.smoothness)
        stimulus = contrast * inside * _logistic((size / 2 - x + position) / self.smoothness)
        external = as_float_array(np.tile(stimulus, 2))
        return external if self.V is None else external * (1 + jnp.repeat(self.V, self.n_sites) * z.drive)

    def jacobian(self, z: SSNInputs, network: Array) -> Array:
        """T^-1 (diag(f') W - 1) at given rates, (conditions, 2N, 2N), 1/ms."""
        weights, rates = self.weights(z), network.T
        _, slopes = jax.jvp(self.gain, (rates @ weights + self.external_input(z),), (jnp.ones_like(rates),))
        feedback = slopes[:, :, None] * weights.T - jnp.eye(len(weights))
        return feedback / as_float_array(self.time_constants)[:, None]

    @property
    def stimuli(self) -> np.ndarray:
        """Size, contrast and position of every condition, (conditions, 3)."""
        return np.stack(np.broadcast_arrays(self.sizes, self.contrasts, self.positions), axis=-1)

    @property
    def gain(self) -> Callable[[Array], Array]:
        """The input-output function f, from input to rates, Hz."""
        if self.saturating:
            return partial(saturating_power_law, k=self.k, n=self.n, r0=self.r0, r1=self.r1)
        return partial(power_law, k=self.k, n=self.n)

    @property
    def _recorded(self) -> np.ndarray:
        """Indices of the recorded sites."""
        return np.rint((np.array(self.sites) + self.extent) / self.spacing).astype(int)

    @property
    def _drive(self) -> Callable[[Array, tuple[Array, Array]], Array]:
        gain = self.gain
        return lambda rates, network: gain(rates @ network[0] + network[1])

    @classmethod
    def example(cls) -> Self:
        return cls()

    def conditions(self) -> dict[str, np.ndarray]:
        varied = {"contrast": self.contrasts, "position": self.positions}
        names = ["size", *(name for name, values in varied.items() if len(values) > 1)]
        columns: dict[str, np.ndarray] = dict(zip(("size", "contrast", "position"), self.stimuli.T, strict=True))
        return {name: columns[name] for name in names}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        if "size" not in features:
            raise ValueError(f"The SSN needs stimulus sizes, a feature `size`; the data have {', '.join(features)}.")
        ours = {"contrast": self.contrasts, "position": self.positions}
        for name, values in ours.items():
            if name not in features and len(values) > 1:
                raise ValueError(f"The circuit has {len(values)} values of {name}, but the data have none.")
        contrasts, positions = (np.asarray(features.get(name, values)) for name, values in ours.items())
        return dataclasses.replace(self, sizes=np.asarray(features["size"]), contrasts=contrasts, positions=positions)


def _logistic(v: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(v / 2)) / 2
