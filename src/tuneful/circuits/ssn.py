"""The stabilized supralinear network: excitatory and inhibitory cells on a line, with random weights.

Equations 9-16 of Arakaki, Barello & Ahmadian 2017.
"""

import dataclasses
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.circuits.base import AbstractRecurrentCircuit, Response
from tuneful.circuits.connectivity import Connection, Wiring, uniform_strength, weight_block
from tuneful.circuits.external_input import heterogeneous
from tuneful.circuits.geometry import Line
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.parameters import Positive, as_float_array, parameter
from tuneful.circuits.random_inputs import draw_uniform_blocks
from tuneful.circuits.stimuli import Apertures, Values, as_values, crossed
from tuneful.circuits.supralinear_dynamics import SupralinearDynamics, response_of
from tuneful.solvers.steady_states import SteadyState

RECORDED = {"E": (0,), "I": (1,), "both": (0, 1)}  # E cells are type 0, I cells type 1
PAIRS = (("EE", "EI"), ("IE", "II"))  # rows post-synaptic, columns pre-synaptic
SIGNS = (1.0, -1.0)  # of the outgoing weights of E and I cells: Dale's law
WIRING = Wiring(("E", "I"))
Block = Float[Array, "*batch sites sites"]


class SSNInputs(eqx.Module):
    """The random inputs z of one realisation.

    weights
        Uniform on [0, 1]: ((EE, IE), (EI, II)). Blocks are ordered as the transposed W is: by pre-synaptic type and
        site, then post-synaptic ones.
    drive
        Uniform on [-1, 1], one a cell: of the external input; used if it is heterogeneous.
    """

    weights: tuple[tuple[Block, Block], tuple[Block, Block]]
    drive: Float[Array, "*batch 2*sites"]


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

    Parameters
    ----------
    n_sites
        N.
    sizes, contrasts, positions
        b, A and c (the offset of the stimulus), one value a condition or one for all (`SSN.crossed` makes joint
        designs). Size 0 or contrast 0 is a blank: no input at all.
    J, dJ, sigma, V
        The learned parameters; V if heterogeneous input is wanted.
    weights_per
        "site" or "length".
    extent
        Half the length of the line.
    smoothness
        l.
    k, n, saturating, r0, r1
        See `saturating_power_law`.
    tau
        Time constants of E and I cells, ms.
    recorded
        Which cells to record: "E", "I" or "both" (E first).
    sites
        Positions of the recorded cells (the nearest of the grid): several make a sample cheaper, as neighbours in one
        large realisation are nearly as good as the same cell of several (ergodicity).
    max_time
        Simulated time within which a network must settle, ms.
    tolerance
        Of the steady state, Hz (see `steady_state`).
    factorised
        Whether equations of derivatives are solved by factorisation: for derivatives in all parameters at once.
    witness
        Zero; its derivative counts adjoint solves that did not converge.

    Raises
    ------
    ValueError
        For conditions of different lengths, sizes below 0, fewer than 3 sites, or a cell off the grid.

    >>> import jax
    >>> from tuneful.circuits import SSN
    >>> SSN(n_sites=51).sample(jax.random.key(0), 4).curves.shape
    (4, 5)
    """

    label: ClassVar[str] = "ssn"
    stimulus_features: ClassVar[tuple[str, ...]] = ("size", "contrast", "position")
    renamed: ClassVar[Mapping[str, str]] = {"cells": "recorded", "longest": "max_time"}

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
    recorded: Literal["E", "I", "both"] = eqx.field(static=True, default="E")
    sites: Values = eqx.field(static=True, default=(0.0,), converter=as_values)
    max_time: float = eqx.field(static=True, default=10_000.0)
    tolerance: float | None = eqx.field(static=True, default=None)
    factorised: bool = eqx.field(static=True, default=False, metadata={"is_setting": False})
    witness: Array = eqx.field(default=0.0, converter=as_float_array, metadata={"is_setting": False})

    def __check_init__(self) -> None:
        for name, shape in {"J": (2, 2), "dJ": (2, 2), "sigma": (2, 2), "V": (2,)}.items():
            value = getattr(self, name)
            if value is not None and getattr(value, "shape", shape) != shape:
                raise ValueError(f"{name} must have shape {shape}, not {value.shape}.")
        self.line.check(self.sites)
        self.apertures.check("SSN")
        if len(self.tau) != 2 or not min(self.tau) > 0:
            raise ValueError(f"tau must be two time constants above 0, not {reprlib.repr(self.tau)}.")
        if self.recorded not in RECORDED or self.weights_per not in ("site", "length"):
            raise ValueError(
                f'recorded must be "E", "I" or "both" and weights_per "site" or "length", not {self.recorded!r} and '
                f"{self.weights_per!r}."
            )
        self.dynamics.check()

    @staticmethod
    def crossed(**values: ArrayLike | Sequence) -> dict[str, Values]:
        """Cross stimulus features: every value of one with every value of the others, the last fastest.

        `SSN(**SSN.crossed(contrasts=(10, 20), sizes=(1, 2, 4)))` has six conditions.
        """
        return crossed(**values)

    def per_length(self) -> "SSN":
        """The same network with J and dJ as weights per unit length."""
        if self.weights_per == "length":
            return self
        return dataclasses.replace(self, weights_per="length", J=self.J / self.spacing, dJ=self.dJ / self.spacing)

    def per_site(self) -> "SSN":
        """The same network with J and dJ as weights between two sites, as in the paper."""
        if self.weights_per == "site":
            return self
        return dataclasses.replace(self, weights_per="site", J=self.J * self.spacing, dJ=self.dJ * self.spacing)

    def with_sites(self, n_sites: int) -> "SSN":
        """This circuit on another grid, with the same weights per unit length, in either parametrisation.

        Mean inputs stay. Random ones are averaged over fewer sites on a coarser grid, so that its realisations differ
        more: at the paper's values and 51 sites most saturate.
        """
        finer = dataclasses.replace(self.per_length(), n_sites=n_sites)
        return finer if self.weights_per == "length" else finer.per_site()

    @property
    def line(self) -> Line:
        """Where the sites are."""
        return Line(self.n_sites, self.extent)

    @property
    def apertures(self) -> Apertures:
        """What is shown."""
        return Apertures(self.sizes, self.contrasts, self.positions, self.smoothness)

    @property
    def dynamics(self) -> SupralinearDynamics:
        """How rates evolve."""
        shape = self.k, self.n, self.saturating, self.r0, self.r1
        return SupralinearDynamics(self.time_constants, *shape, self.max_time, self.tolerance, self.factorised)

    @property
    def spacing(self) -> float:
        """Distance between neighbouring sites."""
        return self.line.spacing

    @property
    def grid(self) -> np.ndarray:
        """x, (N,)."""
        return self.line.grid

    @property
    def stimuli(self) -> np.ndarray:
        """Size, contrast and position of every condition, (conditions, 3)."""
        return self.apertures.table

    @property
    def time_constants(self) -> np.ndarray:
        """Of every cell, (2N,), ms."""
        return np.repeat(self.tau, self.n_sites)

    def draw(self, key: Key) -> SSNInputs:
        for_weights, for_input = jax.random.split(as_key(key))
        ee, ie, ei, ii = draw_uniform_blocks(for_weights, (self.n_sites, self.n_sites), 4)
        return SSNInputs(((ee, ie), (ei, ii)), jax.random.uniform(for_input, (2 * self.n_sites,), minval=-1))

    @staticmethod
    def inputs(z: ArrayLike, drive: ArrayLike | None = None) -> SSNInputs:
        """Build z from plain arrays, as the paper writes them.

        Parameters
        ----------
        z
            Uniform on [0, 1], (2N, 2N): rows post-synaptic, E cells first.
        drive
            Uniform on [-1, 1], (2N,), of the external input; none by default.
        """
        uniform = as_float_array(z)
        (ee, ei), (ie, ii) = (jnp.split(rows, 2, axis=1) for rows in jnp.split(uniform, 2))
        external = jnp.zeros(len(uniform)) if drive is None else as_float_array(drive)
        return SSNInputs(((ee.T, ie.T), (ei.T, ii.T)), external)

    def respond(self, z: SSNInputs, extra: Array | None = None) -> Response:
        """Compute the steady-state rates of the recorded cells, (cells, conditions), and of all cells, E first.

        `extra` is added to the input of each cell, (2N,).
        """
        kinds, sites = RECORDED[self.recorded], self.line.nearest(self.sites)
        rows = np.concatenate([self.n_sites * kind + sites for kind in kinds])
        return response_of(self.steady_state(z, extra), rows)

    def steady_state(self, z: SSNInputs, extra: Array | None = None) -> SteadyState:
        """The steady state of the whole network in every condition: rates are (conditions, 2N), Hz."""
        weights = jax.checkpoint(SSN.weights)(self, z)  # what makes W is cheaper to compute again than to keep
        network = weights, self.external_input(z) + (0 if extra is None else extra[None])
        return self.dynamics.steady_state(network, self.witness, partial(WIRING.inflow, self._connections(z)))

    @property
    def network_types(self) -> np.ndarray:
        """Type of every cell, (2N,)."""
        return np.repeat(["E", "I"], self.n_sites)

    @property
    def at_recorded_places(self) -> np.ndarray:
        """Which cells are at the sites that are recorded, (2N,)."""
        return np.tile(np.isin(np.arange(self.n_sites), self.line.nearest(self.sites)), 2)

    def weights(self, z: SSNInputs) -> Float[Array, "cells cells"]:
        """W transposed, (2N, 2N): rows pre-synaptic, columns post-synaptic, E cells first."""
        return WIRING.joined(self._connections(z), self.n_sites)

    def external_input(self, z: SSNInputs) -> Float[Array, "conditions cells"]:
        """I, (conditions, 2N): the same for the E and the I cell of a site unless V makes it heterogeneous."""
        external = as_float_array(np.tile(self.apertures.at(self.grid), 2))
        return external if self.V is None else heterogeneous(external, self.V, z.drive)

    def jacobian(
        self, z: SSNInputs, all_rates: Float[Array, "cells conditions"]
    ) -> Float[Array, "conditions cells cells"]:
        """T^-1 (diag(f') W - 1) at given rates, (conditions, 2N, 2N), 1/ms."""
        return self.dynamics.jacobian(all_rates.T, (self.weights(z), self.external_input(z)))

    def _connections(self, z: SSNInputs) -> list[Connection]:
        squared = as_float_array(self.line.squared_distances)
        scale = self.spacing if self.weights_per == "length" else 1.0

        def block(sign: float, J: Array, dJ: Array, sigma: Array, u: Array) -> Array:
            return weight_block(uniform_strength(J, dJ, u), sigma, squared, sign * scale)

        def connection(post: int, pre: int) -> Connection:
            own = self.J[post, pre], self.dJ[post, pre], self.sigma[post, pre]
            return Connection(partial(block, SIGNS[pre]), own, z.weights[pre][post])

        return [connection(post, pre) for post, pre in WIRING.present]

    @property
    def gain(self) -> Callable[[Array], Array]:
        """The input-output function f, from input to rates, Hz."""
        return self.dynamics.gain

    @classmethod
    def example(cls) -> "SSN":
        return cls()

    def conditions(self) -> dict[str, np.ndarray]:
        return self.apertures.conditions()

    def populations(self) -> dict[str, np.ndarray]:
        """Type ("E", "I") and place of every recorded cell."""
        kinds, places = ["EI"[kind] for kind in RECORDED[self.recorded]], np.array(self.sites)
        return {"cell_type": np.repeat(kinds, len(places)), "position": np.tile(places, len(kinds))}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> "SSN":
        shown = self.apertures.at_conditions(features, "The SSN")
        return dataclasses.replace(self, sizes=shown.sizes, contrasts=shown.contrasts, positions=shown.positions)

    def check_stimuli(self) -> list[str]:
        return self.apertures.doubts(self.extent)
