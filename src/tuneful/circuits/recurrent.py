"""Recurrent circuits from parts: types of cells, where they are, how they connect, and what they are shown.

The network of Arakaki, Barello & Ahmadian 2017 (`SSN`) is one combination.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from operator import index
from typing import ClassVar, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.circuits.base import AbstractRecurrentCircuit, Response
from tuneful.circuits.connectivity import LAWS, Connection, Pair, Wiring, sparse_strength, weight_block
from tuneful.circuits.external_input import contrast_responses, expression_levels, heterogeneous
from tuneful.circuits.geometry import AbstractGeometry, Places, Ring, as_places
from tuneful.circuits.gratings import Gratings
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.parameters import Free, Positive, as_float_array, parameter
from tuneful.circuits.random_inputs import draw_uniform_blocks
from tuneful.circuits.recurrent_settings import (
    CONNECTIONS,
    Names,
    Probability,
    as_names,
    as_probability,
    check_settings,
    completed,
    connections_of,
    optional,
    own_or_shared,
    space_of,
)
from tuneful.circuits.stimuli import Apertures, Design, Discs, Values, as_values, crossed
from tuneful.circuits.supralinear_dynamics import SupralinearDynamics, response_of
from tuneful.circuits.typical_weights import typical_weights
from tuneful.solvers.steady_states import SteadyState

FOR_EXPRESSION = 2  # stream of a realisation's key
WEAKER, WIDER = 0.8, 1.1  # weights and reach of the truth that is simulated where nothing else is said


class RecurrentInputs(eqx.Module):
    """The random inputs z of one realisation.

    weights
        Uniform on [0, 1]: a block (pre-synaptic sites, post-synaptic sites) for every connection that exists.
    drive
        Uniform on [-1, 1], one a cell: of the external input; used if it is heterogeneous.
    expression
        Standard normal, one a cell: of the light-sensitive channel; None if no type has it.
    """

    weights: tuple[Float[Array, "*batch sites sites"], ...]
    drive: Float[Array, "*batch cells"]
    expression: Float[Array, "*batch cells"] | None


@final
class Recurrent(AbstractRecurrentCircuit):
    r"""A recurrent circuit of any number of cell types: at each of N sites, one cell of every type.

    Steady states of  T dr/dt = -r + f(W r + I(s)),  reached from rest, f a supralinear input-output function, with

        W_ij = +-m_ij w_ij exp(-d_ij^2 / (2 sigma_ab^2)),

    a and b the types of the post- and the pre-synaptic cell, d their distance, - for inhibitory b, m_ij = 1 with the
    probability of a connection, else 0. Strengths w_ij are J_ab + z_ij dJ_ab with z uniform on [0, 1], or log-normal
    with mean J_ab and standard deviation dJ_ab. A cell of type a receives

        I_i(s) = g_a A(s) h_i(s) (1 + V_a zeta_i) + I_a + e_i L l(s),

    h the shape of the stimulus (an aperture on a line, a disc on a sheet, exp(-d^2 / (2 w^2)) on a ring), A its
    contrast or a saturating function of it, g_a an input strength, zeta uniform on [-1, 1], I_a an input that is
    always there, L the strength of light l(s) on a cell of mean expression and e_i a log-normal level of expression
    of mean 1. With the two types E and I on a line it is the `SSN` [Arakaki et al. 2017], bit for bit.

    `J`, `dJ` and `sigma` have one entry for each connection that exists, row by row (`Wiring.present`), so that no
    fit moves what is absent; they also take matrices (rows post-synaptic), of which other entries are not looked at.
    Without values they are those of 2017, shared among types of a sign, as suits `n_sites` (`typical_weights`).

    Parameters
    ----------
    types, signs, tau
        Names of the types; 1 for excitatory and -1 for inhibitory ones (by default the first is excitatory, and no
        other); their time constants, ms (16 and 2 by default).
    absent
        Connections that do not exist, "post<-pre": ["PC<-VIP"].
    geometry, n_sites, extent, period
        "line" on [-extent, extent], "ring" of preferred orientations, or "sheet" on [-extent, extent]^2; sites along
        the line, around the ring, or along a side of the sheet.
    weights, connection_probability
        "uniform" or "log-normal"; the probability that two cells connect, one number or (types, types).
    J, dJ, sigma
        Learned: weights and reach of connections.
    V, input_strength, baseline
        Learned, if wanted: V and g of the driven types (V also one number for all), and I_a of all types.
    driven
        Types that receive the stimulus; None for all.
    contrast_exponent, semisaturation
        Learned, if wanted, each of the driven types or one number for all: of the saturating response to contrast
        (`relative_contrast_response`), else it is proportional.
    tuning_width
        w, learned, of a ring; a sixth of the period by default.
    light_types, light, light_strength, expression
        Types that are sensitive to light; its values l, one a condition or one for all; L, learned (below 0 it
        silences), and the coefficient of variation of e, learned if wanted.
    sizes, positions, orientations, contrasts
        The stimuli, one value a condition or one for all (`Recurrent.crossed` makes joint designs): sizes and
        positions on a line or a sheet (there pairs), orientations on a ring. Size 0 or contrast 0 is a blank.
    smoothness
        Of the edges of apertures and discs.
    k, n, saturating, r0, r1
        See `tuneful.networks.supralinear.saturating_power_law`.
    recorded, sites
        Types of the recorded cells (the first by default), and their places or preferred orientations.
    max_time, tolerance, factorised, witness
        As in `SSN`.

    Raises
    ------
    ValueError
        For settings that do not belong together, in one sentence.

    >>> import jax
    >>> from tuneful.circuits import Recurrent
    >>> circuit = Recurrent(types=("PC", "PV", "VIP"), absent=("PC<-VIP",), n_sites=21, recorded=("PC", "VIP"))
    >>> circuit.wiring.names[:4], circuit.populations()["cell_type"].tolist()
    (('PC←PC', 'PC←PV', 'PV←PC', 'PV←PV'), ['PC', 'VIP'])
    """

    label: ClassVar[str] = "recurrent"

    types: Names = eqx.field(static=True, default=("E", "I"), converter=optional(as_names))
    signs: Values = eqx.field(static=True, default=None, converter=optional(as_values))
    tau: Values = eqx.field(static=True, default=None, converter=optional(as_values))
    absent: Names = eqx.field(static=True, default=(), converter=optional(as_names))
    geometry: Literal["line", "ring", "sheet"] = eqx.field(static=True, default="line")
    n_sites: int = eqx.field(static=True, default=None, converter=optional(index))
    extent: float = eqx.field(static=True, default=4.0)
    period: float = eqx.field(static=True, default=180.0)
    weights: Literal["uniform", "log-normal"] = eqx.field(static=True, default="uniform")
    connection_probability: Probability = eqx.field(static=True, default=1.0, converter=optional(as_probability))
    J: Array = parameter(
        symbol="J", unit="1/Hz", constraint=Positive(), default=None, entries=connections_of,
        meaning="weight: the smallest of uniform ones, the mean of log-normal ones",
    )  # fmt: skip
    dJ: Array = parameter(
        symbol="δJ", unit="1/Hz", constraint=Positive(), default=None, entries=connections_of,
        meaning="range of uniform weights, standard deviation of log-normal ones",
    )  # fmt: skip
    sigma: Array = parameter(
        symbol="σ", unit="of distance", constraint=Positive(), default=None, entries=connections_of,
        meaning="reach of connections",
    )  # fmt: skip
    driven: Names = eqx.field(static=True, default=None, converter=optional(as_names))
    V: Array | None = parameter(
        symbol="V", unit="1", constraint=Positive(), default=None, meaning="heterogeneity of external input",
        entries=own_or_shared("V"),
    )  # fmt: skip
    input_strength: Array | None = parameter(
        symbol="g", unit="1", constraint=Positive(), default=None, meaning="strength of the stimulus",
        entries=lambda circuit: circuit.driven,
    )  # fmt: skip
    baseline: Array | None = parameter(
        symbol="I", unit="of input", constraint=Positive(), default=None, meaning="input without a stimulus",
        entries=lambda circuit: circuit.types,
    )  # fmt: skip
    contrast_exponent: Array | None = parameter(
        symbol="n_c", unit="1", constraint=Positive(), default=None, meaning="exponent of the response to contrast",
        entries=own_or_shared("contrast_exponent"),
    )  # fmt: skip
    semisaturation: Array | None = parameter(
        symbol="c_50", unit="%", constraint=Positive(), default=None, meaning="contrast of half the response",
        entries=own_or_shared("semisaturation"),
    )  # fmt: skip
    tuning_width: Array | None = parameter(
        symbol="w", unit="of orientation", constraint=Positive(), default=None, meaning="tuning width of the input"
    )
    light_types: Names = eqx.field(static=True, default=(), converter=optional(as_names))
    light: Values = eqx.field(static=True, default=(0.0,), converter=optional(as_values))
    light_strength: Array | None = parameter(
        symbol="L", unit="of input", constraint=Free(10.0), default=None, meaning="input by light, at mean expression"
    )
    expression: Array | None = parameter(
        symbol="CV_e", unit="1", constraint=Positive(), default=None, meaning="variation of expression between cells"
    )
    sizes: Values | None = eqx.field(static=True, default=None, converter=optional(as_values))
    positions: Places | None = eqx.field(static=True, default=None, converter=optional(as_places))
    orientations: Values | None = eqx.field(static=True, default=None, converter=optional(as_values))
    contrasts: Values = eqx.field(static=True, default=(20.0,), converter=optional(as_values))
    smoothness: float = eqx.field(static=True, default=0.25)
    k: float = eqx.field(static=True, default=0.01)
    n: float = eqx.field(static=True, default=2.2)
    saturating: bool = eqx.field(static=True, default=True)
    r0: float = eqx.field(static=True, default=200.0)
    r1: float = eqx.field(static=True, default=1000.0)
    recorded: Names = eqx.field(static=True, default=None, converter=optional(as_names))
    sites: Places = eqx.field(static=True, default=None, converter=optional(as_places))
    max_time: float = eqx.field(static=True, default=10_000.0)
    tolerance: float | None = eqx.field(static=True, default=None)
    factorised: bool = eqx.field(static=True, default=False, metadata={"is_setting": False})
    witness: Array = eqx.field(default=0.0, converter=as_float_array, metadata={"is_setting": False})

    def __post_init__(self) -> None:
        forms = {field.name: field.metadata.get("converter", lambda v: v) for field in dataclasses.fields(self)}
        given = {name: form(getattr(self, name)) for name, form in forms.items()}
        for name, value in completed(given).items():
            setattr(self, name, value)

    def __check_init__(self) -> None:
        check_settings(self)

    @staticmethod
    def crossed(**values: ArrayLike | Sequence) -> dict[str, Values]:
        """Cross stimulus features: every value of one with every value of the others, the last fastest.

        `Recurrent(**Recurrent.crossed(contrasts=(6, 12, 25), sizes=(5, 13, 36)))` has nine conditions.
        """
        return crossed(**values)

    @property
    def wiring(self) -> Wiring:
        """Which types connect."""
        return Wiring(self.types, self.absent, self.connection_probability)

    @property
    def space(self) -> AbstractGeometry:
        """Where the sites are."""
        return space_of(self.geometry, self.n_sites, self.extent, self.period)

    @property
    def stimuli(self) -> Apertures | Discs | Gratings:
        """What is shown."""
        if self.geometry == "ring":
            return Gratings(self.orientations or (), self.contrasts)
        places = np.array(self.positions)
        if self.geometry == "line":
            return Apertures(self.sizes or (), self.contrasts, as_values(places), self.smoothness)
        x, y = map(as_values, places.T)
        return Discs(self.sizes or (), self.contrasts, x, y, self.smoothness)

    @property
    def design(self) -> Design:
        """The features of the conditions: what is shown, and light."""
        shown = self.stimuli.design
        return Design(shown.features | ({"light": self.light} if self.light_types else {}), shown.named)

    @property
    def stimulus_features(self) -> Names:
        """What conditions may vary in."""
        return tuple(self.design.features)

    @property
    def dynamics(self) -> SupralinearDynamics:
        """How rates evolve."""
        tau, shape = np.repeat(self.tau, self.space.count), (self.k, self.n, self.saturating, self.r0, self.r1)
        return SupralinearDynamics(tau, *shape, self.max_time, self.tolerance, self.factorised)

    def draw(self, key: Key) -> RecurrentInputs:
        key, n, present = as_key(key), self.space.count, self.wiring.present
        for_weights, for_input = jax.random.split(key)
        blocks = draw_uniform_blocks(for_weights, (n, n), len(present))
        drawn = dict(zip(sorted(present, key=lambda pair: pair[::-1]), blocks, strict=True))  # the order of the SSN
        cells = (len(self.types) * n,)
        drive = jax.random.uniform(for_input, cells, minval=-1)
        levels = jax.random.normal(jax.random.fold_in(key, FOR_EXPRESSION), cells) if self.light_types else None
        return RecurrentInputs(tuple(drawn[pair] for pair in present), drive, levels)

    def inputs(
        self, z: ArrayLike, drive: ArrayLike | None = None, expression: ArrayLike | None = None
    ) -> RecurrentInputs:
        """Build z from plain arrays, cells type by type.

        Parameters
        ----------
        z
            Uniform on [0, 1], (cells, cells): rows post-synaptic.
        drive, expression
            Uniform on [-1, 1], and standard normal, (cells,); zeros by default.
        """
        n, none = self.space.count, jnp.zeros(len(self.types) * self.space.count)
        uniform = as_float_array(z).reshape(len(self.types), n, len(self.types), n)
        blocks = tuple(uniform[post, :, pre].T for post, pre in self.wiring.present)
        levels = none if expression is None else as_float_array(expression)
        own = none if drive is None else as_float_array(drive)
        return RecurrentInputs(blocks, own, levels if self.light_types else None)

    def respond(self, z: RecurrentInputs, extra: Array | None = None) -> Response:
        """Compute the steady-state rates of the recorded cells, (cells, conditions), and of all cells by type.

        `extra` is added to the input of each cell, (cells,).
        """
        kinds, sites = [self.types.index(kind) for kind in self.recorded], self.space.nearest(self.sites)
        rows = np.concatenate([self.space.count * kind + sites for kind in kinds])
        return response_of(self.steady_state(z, extra), rows)

    def steady_state(self, z: RecurrentInputs, extra: Array | None = None) -> SteadyState:
        """The steady state of the whole network in every condition: rates are (conditions, cells), Hz."""
        weights = jax.checkpoint(Recurrent.weight_matrix)(self, z)  # cheaper to compute again than to keep
        network = weights, self.external_input(z) + (0 if extra is None else extra[None])
        return self.dynamics.steady_state(network, self.witness, partial(self.wiring.inflow, self._connections(z)))

    @property
    def network_types(self) -> np.ndarray:
        return np.repeat(self.types, self.space.count)

    @property
    def at_recorded_places(self) -> np.ndarray:
        return np.tile(np.isin(np.arange(self.space.count), self.space.nearest(self.sites)), len(self.types))

    def weight_matrix(self, z: RecurrentInputs) -> Float[Array, "cells cells"]:
        """W transposed: rows pre-synaptic, columns post-synaptic, cells type by type."""
        return self.wiring.joined(self._connections(z), self.space.count)

    def external_input(self, z: RecurrentInputs) -> Float[Array, "conditions cells"]:
        """I, (conditions, cells)."""
        external = self._shown()
        if self.V is not None:
            external = heterogeneous(external, self._of_types(self.V), z.drive)
        if self.baseline is not None:
            external = external + jnp.repeat(self.baseline, self.space.count)[None]
        if z.expression is None or self.light_strength is None:
            return external
        levels = jnp.ones(()) if self.expression is None else expression_levels(self.expression, z.expression)
        sensitive = np.repeat(np.isin(self.types, self.light_types), self.space.count)
        lit = self.light_strength * as_float_array(self.design.table["light"])
        return external + lit[:, None] * jnp.where(sensitive, levels, 0)[None]

    def _connections(self, z: RecurrentInputs) -> list[Connection]:
        squared, law = as_float_array(self.space.squared_distances), LAWS[self.weights]

        def block(pair: Pair, J: Array, dJ: Array, sigma: Array, u: Array) -> Array:
            strength = sparse_strength(law, J, dJ, u, float(self.wiring.probabilities[pair]))
            return weight_block(strength, sigma, squared, self.signs[pair[1]])

        own = zip(self.wiring.present, self.J, self.dJ, self.sigma, z.weights, strict=True)
        return [Connection(partial(block, pair), tuple(parameters), u) for pair, *parameters, u in own]

    def _shown(self) -> Array:
        """What the stimuli bring to every cell but for its heterogeneity, (conditions, cells)."""
        shown, law = self.stimuli, (self.design.table["contrast"], self.contrast_exponent, self.semisaturation)
        if isinstance(shown, Gratings):
            to_site = shown.at(Ring(self.n_sites, self.period), self.tuning_width)
        else:
            to_site = as_float_array(shown.at(self.space.grid))
        responses = contrast_responses(self.driven, *law).items()
        own = dict.fromkeys(self.types, to_site) | {kind: to_site * by[:, None] for kind, by in responses}
        strength = self._of_types(jnp.ones(()) if self.input_strength is None else self.input_strength)
        return jnp.concatenate([g * own[kind] for kind, g in zip(self.types, strength, strict=True)], axis=1)

    def _of_types(self, values: Array) -> Array:
        """Values of the driven types, or one for all, as values of all types: 0 of others."""
        return jnp.zeros(len(self.types)).at[np.array([self.types.index(kind) for kind in self.driven])].set(values)

    def jacobian(
        self, z: RecurrentInputs, all_rates: Float[Array, "cells conditions"]
    ) -> Float[Array, "conditions cells cells"]:
        """T^-1 (diag(f') W - 1) at given rates, 1/ms."""
        return self.dynamics.jacobian(all_rates.T, (self.weight_matrix(z), self.external_input(z)))

    @classmethod
    def example(cls) -> "Recurrent":
        return cls().at_truth()

    def at_truth(self) -> "Recurrent":
        """This circuit with weights below, and a reach above, those where a fit starts if nothing else is said."""
        typical = typical_weights(self.wiring, self.signs, self.space, self.weights)
        change = {"J": WEAKER, "dJ": WEAKER, "sigma": WIDER}
        return self.with_values({name: change[name] * typical[name] for name in CONNECTIONS})

    def conditions(self) -> dict[str, np.ndarray]:
        return self.design.conditions()

    def populations(self) -> dict[str, np.ndarray]:
        """Type and place (`position`, `orientation`, or `x` and `y`) of every recorded cell."""
        places = np.array(self.sites).reshape(len(self.sites), -1)
        kinds = {"cell_type": np.repeat(self.recorded, len(places))}
        coordinates = zip(self.space.coordinates, places.T, strict=True)
        return kinds | {name: np.tile(column, len(self.recorded)) for name, column in coordinates}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> "Recurrent":
        values = self.design.at_conditions(features)
        if "x" in values:
            values["position"] = tuple(np.stack(np.broadcast_arrays(values.pop("x"), values.pop("y")), axis=-1))
        fields = {name if name == "light" else f"{name}s": value for name, value in values.items()}
        return dataclasses.replace(self, **fields)

    def check_stimuli(self) -> list[str]:
        lit = self.baseline is not None or (self.design.table["light"] != 0 if self.light_types else False)
        dark = self.stimuli.blank & ~np.asarray(lit)
        return self.stimuli.doubts(self.period if self.geometry == "ring" else self.extent, dark)
