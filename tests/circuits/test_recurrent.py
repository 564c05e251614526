"""Recurrent circuits from parts: against the SSN, loops over cells, an integration by SciPy, and exact symmetries."""

import dataclasses
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp
from scipy.stats import norm

from tuneful.circuits import SSN, Recurrent
from tuneful.circuits.base import TakesInput
from tuneful.circuits.parameters import with_fields
from tuneful.errors import UserError
from tuneful.registry import build, circuits, settings_of
from tuneful.solvers.steady_states import SteadyState

FOUR = {"types": ("PC", "PV", "SST", "VIP"), "absent": ("PC<-VIP", "SST<-SST"), "signs": (1, -1, -1, -1)}
network = eqx.filter_jit(lambda circuit, z: (circuit.weight_matrix(z), circuit.external_input(z)))
respond = eqx.filter_jit(lambda circuit, z: circuit.respond(z))
draw = eqx.filter_jit(lambda circuit, key: circuit.draw(key))


def plain_inputs(circuit, seed=0):
    """z as plain arrays and as the circuit takes it."""
    cells, rng = len(circuit.types) * circuit.space.count, np.random.default_rng(seed)
    plain = rng.random((cells, cells)), rng.uniform(-1, 1, cells), rng.normal(size=cells)
    return plain, circuit.inputs(*plain)


def equal_trees(one, other):
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


class AsParts(eqx.Module):
    """The SSN under the names of `Recurrent`."""

    ssn: SSN

    def draw(self, key):
        return self.ssn.draw(key)

    def weight_matrix(self, z):
        return self.ssn.weights(z)

    def external_input(self, z):
        return self.ssn.external_input(z)

    def respond(self, z):
        return self.ssn.respond(z)


def test_two_types_on_a_line_are_the_network_of_2017_bit_for_bit():
    settings = {"n_sites": 11, "sites": (0.8, -4), "sizes": (1, 4, 2), "contrasts": (10, 20, 0), "V": (0.3, 0.2)}
    ssn = AsParts(SSN(recorded="both", **settings))
    weights = {name: getattr(ssn.ssn, name) for name in ("J", "dJ", "sigma")}  # its defaults know nothing of n_sites
    parts = Recurrent(recorded=("E", "I"), **weights, **settings)
    z, of_ssn = (draw(circuit, jax.random.key(3)) for circuit in (parts, ssn))
    assert equal_trees(network(parts, z), network(ssn, of_ssn))
    answers = respond(parts, z), respond(ssn, of_ssn)
    assert equal_trees(*answers)
    assert np.asarray(answers[0].rates).any()
    plain, again = plain_inputs(parts)
    assert equal_trees(network(parts, again), network(ssn, SSN.inputs(*plain[:2])))
    for name, values in parts.populations().items():
        np.testing.assert_array_equal(values, ssn.ssn.populations()[name])


@pytest.mark.parametrize("circuit", [SSN(n_sites=5, sites=(4, 0)), Recurrent(n_sites=5, sites=(4, 0), recorded="I")])
def test_extra_input_is_added_for_each_cell_in_every_condition(monkeypatch, circuit):
    """Seen by a search that is told the network and answers with rest."""
    seen, conditions = [], len(circuit.sizes)

    def search(drive, network, tau, rest, **_):
        seen.append(network[1])
        return SteadyState(rest, jnp.ones(conditions, bool), jnp.zeros(conditions), jnp.zeros(conditions, int), None)

    monkeypatch.setattr("tuneful.circuits.supralinear_dynamics.steady_state", search)
    z, extra = draw(circuit, jax.random.key(0)), jnp.arange(10.0)
    circuit.respond(z)
    circuit.respond(z, extra)
    with_extra = np.asarray(seen[0]) + np.asarray(extra)
    np.testing.assert_array_equal(seen[1], with_extra)
    assert circuit.network_types.tolist() == ["E"] * 5 + ["I"] * 5
    assert np.flatnonzero(circuit.at_recorded_places).tolist() == [2, 4, 7, 9]
    assert isinstance(circuit, TakesInput)


GEOMETRIES = {
    "line": {"n_sites": 5, "sizes": (1, 3, 0), "positions": (0.5, -1, 0), "contrasts": (20, 5, 20)},
    "ring": {"n_sites": 5, "orientations": (10, 350, 40), "contrasts": (20, 5, 0), "tuning_width": 25.0},
    "sheet": {"n_sites": 3, "sizes": (1, 3, 0), "positions": ((0.5, 1), (-1, 0), (0, 0)), "contrasts": (20, 5, 20)},
}
PARTS = {
    "weights": "log-normal", "connection_probability": ((1.0, 0.5, 1.0, 1.0),) * 4, "driven": ("PC", "SST"),
    "V": (0.2, 0.4), "input_strength": (1.5, 0.5), "baseline": (1.0, 2.0, 3.0, 4.0), "contrast_exponent": 2.0,
    "semisaturation": (10.0, 30.0), "light_types": ("VIP", "PV"), "light": (0.0, 2.0, 1.0), "light_strength": -3.0,
    "expression": 0.5,
}  # fmt: skip


def distance(circuit, a, b):
    apart = np.abs(np.asarray(a) - np.asarray(b)) % (circuit.period if circuit.geometry == "ring" else np.inf)
    return np.linalg.norm(np.minimum(apart, circuit.period - apart) if circuit.geometry == "ring" else apart)


def shape_of_stimulus(circuit, condition, place):
    if circuit.geometry == "ring":
        away = distance(circuit, place, circuit.orientations[condition])
        return np.exp(-(away**2) / (2 * 25.0**2))
    size, away = circuit.sizes[condition], distance(circuit, place, circuit.positions[condition])
    inside = [1 / (1 + np.exp(-(size / 2 + sign * away) / 0.25)) for sign in (1, -1)]
    return inside[0] * inside[1] * (size > 0)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_weights_and_inputs_are_what_loops_over_cells_make_of_the_equations(x64, geometry):
    circuit = Recurrent(geometry=geometry, extent=2.0, **FOUR, **GEOMETRIES[geometry], **PARTS)
    (u, zeta, normal), z = plain_inputs(circuit)
    weights, external = map(np.asarray, network(circuit, z))
    places = np.repeat(circuit.space.grid[None], 4, axis=0).reshape(4 * circuit.space.count, -1)
    kind = np.repeat(np.arange(4), circuit.space.count)
    numbers = {pair: i for i, pair in enumerate(circuit.wiring.present)}
    for i, j in np.ndindex(u.shape):
        number, p = numbers.get((kind[i], kind[j])), PARTS["connection_probability"][kind[i]][kind[j]]
        exact = 0.0
        if number is not None and u[i, j] < p:
            mean, sd, reach = (float(getattr(circuit, name)[number]) for name in ("J", "dJ", "sigma"))
            s = np.sqrt(np.log(1 + (sd / mean) ** 2))
            strength = np.exp(np.log(mean) - s**2 / 2 + s * norm.ppf(u[i, j] / p))
            fall = np.exp(-(distance(circuit, places[i], places[j]) ** 2) / (2 * reach**2))
            exact = (1 if kind[j] == 0 else -1) * strength * fall
        assert weights[j, i] == pytest.approx(exact, rel=1e-9, abs=1e-300), (i, j)
    s = np.sqrt(np.log(1 + 0.5**2))
    for condition, cell in np.ndindex(external.shape):
        c, name = circuit.contrasts[condition], circuit.types[kind[cell]]
        g, v, half = {"PC": (1.5, 0.2, 10), "SST": (0.5, 0.4, 30)}.get(name, (0, 0, 1))
        contrast = 100 * c**2 / (c**2 + half**2) * (100**2 + half**2) / 100**2
        shown = g * contrast * shape_of_stimulus(circuit, condition, places[cell]) * (1 + v * zeta[cell])
        level = np.exp(s * normal[cell] - s**2 / 2) * (name in ("VIP", "PV"))
        exact = shown + (1.0, 2.0, 3.0, 4.0)[kind[cell]] - 3.0 * circuit.light[condition] * level
        assert external[condition, cell] == pytest.approx(exact, rel=1e-9, abs=1e-12), (condition, cell)


def test_dales_law_holds_and_what_is_absent_stays_absent():
    circuit = Recurrent(**FOUR, n_sites=7, extent=1.0)
    weights = np.asarray(network(circuit, draw(circuit, jax.random.key(0)))[0])
    blocks = weights.reshape(4, 7, 4, 7).swapaxes(1, 2)  # pre, post
    assert circuit.J.shape == circuit.dJ.shape == circuit.sigma.shape == (14,)
    for pre, post in np.ndindex(4, 4):
        if (post, pre) in {(0, 3), (2, 2)}:
            assert not blocks[pre, post].any()
        else:
            assert (blocks[pre, post] > 0).all() if pre == 0 else (blocks[pre, post] < 0).all()
    assert circuit.parameters()["J"].entries == circuit.wiring.names
    assert "PC←VIP" not in circuit.wiring.names


@pytest.fixture(scope="module")
def ring():
    """A ring of four types in the dark, before gratings, and in light; a realisation of it, and the same turned."""
    jax.config.update("jax_enable_x64", True)
    shown = {"orientations": (0, 0, 45, 0), "contrasts": (0, 20, 20, 20), "light_types": "VIP", "light": (0, 0, 0, 1)}
    circuit = Recurrent(**FOUR, geometry="ring", n_sites=8, expression=0.3, V=0.2, period=180.0, **shown)
    many = Recurrent(**FOUR, geometry="ring")  # weights of few sites are larger
    circuit = circuit.with_values({"J": 0.2 * many.J, "dJ": 0.2 * many.dJ, "sigma": 2 * many.sigma})
    plain, z = plain_inputs(circuit, 3)
    rows = np.roll(np.arange(32).reshape(4, 8), 2, axis=1).ravel()
    turned = circuit.inputs(plain[0][rows][:, rows], plain[1][rows], plain[2][rows])
    answers = [jax.tree.map(np.asarray, respond(circuit, realisation)) for realisation in (z, turned)]
    dynamics = jax.tree.map(np.asarray, network(circuit, z))
    yield circuit, dynamics, answers, rows
    jax.config.update("jax_enable_x64", False)


CIRCUITS = {
    "ssn": SSN(n_sites=9, J=0.3 * SSN().J, dJ=0.3 * SSN().dJ, V=(0.3, 0.2), sizes=(1, 4)),
    "three types": Recurrent(
        types=("PC", "PV", "VIP"), absent=("PC<-VIP",), n_sites=7, sizes=(1, 4), weights="log-normal",
        connection_probability=0.6, baseline=(1, 2, 1), J=np.full(8, 0.05), dJ=np.full(8, 0.03),
        sigma=np.full(8, 0.7),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CIRCUITS)
def test_derivatives_in_all_parameters_at_once_need_no_matrix_of_weights_for_each(x64, name):
    """They are those of the iterated equations, which are solved to eps^(3/4) of their right sides."""
    circuit = jax.tree.map(lambda a: a.astype(float) if eqx.is_array(a) else a, CIRCUITS[name])
    names = [name for name, about in circuit.parameters().items() if getattr(circuit, name) is not None]
    flat, unravel = ravel_pytree({name: getattr(circuit, name) for name in names})
    z = circuit.draw(jax.random.key(2))

    def rates(factorised):
        return lambda flat, z: with_fields(circuit, **unravel(flat), factorised=factorised).respond(z).rates

    def derivatives(of):
        """In all parameters, and along one direction of the random numbers."""
        along_z = jax.jvp(lambda z: of(flat, z), (z,), (jax.tree.map(jnp.sin, z),))[1]
        return jax.jacfwd(of)(flat, z), along_z

    both = rates(True), rates(False)
    found, expected = (jax.tree.map(np.asarray, jax.jit(derivatives, static_argnums=0)(of)) for of in both)
    assert (np.abs(found[0]).max(axis=(0, 1)) > 0).all()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9 * max(np.abs(b).max(), 1))
    matrices = "|".join(rf"f64\[{len(flat)},{n},{n}\]" for n in (circuit.n_sites, len(circuit.network_types)))
    maps = (jax.vmap(jax.linearize(lambda f, of=of: of(f, z), flat)[1]) for of in both)
    programs = (str(jax.make_jaxpr(along)(jnp.eye(len(flat)))) for along in maps)
    assert [bool(re.search(matrices, program)) for program in programs] == [False, True]


def test_the_steady_state_of_four_types_on_a_ring_is_where_scipy_ends(ring):
    circuit, (weights, external), (response, _), _ = ring
    assert response.settled
    for rates, inputs in zip(response.all_rates.T, external, strict=True):

        def change(_, rates, inputs=inputs):
            return (0.01 * np.maximum(weights.T @ rates + inputs, 0) ** 2.2 - rates) / circuit.dynamics.time_constants

        end = solve_ivp(change, (0, 1500), np.zeros(32), method="LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
        assert rates.max() < 200
        np.testing.assert_allclose(rates, end, rtol=1e-6, atol=1e-7)


def test_a_turned_realisation_answers_turned_gratings_as_before(ring):
    """Two sites are 45 degrees: condition 2 of the one is condition 1 of the other."""
    _, _, (still, turned), rows = ring
    np.testing.assert_allclose(turned.all_rates[:, 2], still.all_rates[rows, 1], rtol=1e-7, atol=1e-9)
    assert np.abs(still.all_rates[:, 2] - still.all_rates[:, 1]).max() > 0.1


def test_a_blank_is_no_input_and_light_changes_rates(ring):
    circuit, (_, external), (response, _), _ = ring
    assert not external[0].any()
    assert not response.all_rates[:, 0].any()
    lit = external[3] - external[1]
    assert (lit[24:] > 0).all()
    assert not lit[:24].any()
    change = response.all_rates[:, 3] - response.all_rates[:, 1]
    assert (change[24:] > 0).all()
    assert np.abs(change[:24]).max() > 1e-3  # cells without a channel, through the network
    assert circuit.check_stimuli()[0].startswith("Condition 0 is without a stimulus")
    assert dataclasses.replace(circuit, baseline=(1, 1, 1, 1)).check_stimuli() == []


def test_matrices_and_lists_of_connections_are_the_same():
    wiring = {"types": ("A", "B"), "absent": "A<-B", "n_sites": 5}
    whole = Recurrent(**wiring, J=[[1, 7], [2, 3]], dJ=[[4, 7], [5, 6]], sigma=np.ones((2, 2)))
    listed = Recurrent(**wiring, J=[1, 2, 3], dJ=[4, 5, 6], sigma=[1, 1, 1])
    assert eqx.tree_equal(whole, listed)
    assert whole.signs == (1.0, -1.0)
    assert whole.tau == (16.0, 2.0)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_conditions_and_settings_go_there_and_back(geometry):
    circuit = Recurrent(geometry=geometry, **FOUR, **GEOMETRIES[geometry], **PARTS)
    assert eqx.tree_equal(build("circuit", circuits(), settings_of(circuit)), circuit)
    elsewhere = {"line": {"positions": 0.0}, "sheet": {"positions": ((0, 0),)}}.get(geometry, {})
    again = dataclasses.replace(circuit, light=0.0, **elsewhere)
    again = again.at_conditions(circuit.conditions())
    assert eqx.tree_equal(again, circuit)
    assert circuit.stimulus_features == tuple(circuit.conditions())


def test_a_feature_that_data_lack_stays_as_it_is():
    circuit = Recurrent(n_sites=5, sizes=2.0).at_conditions({"contrast": np.array([5.0, 20.0])})
    conditions = {name: values.tolist() for name, values in circuit.conditions().items()}
    assert conditions == {"size": [2, 2], "contrast": [5, 20]}
    with pytest.raises(ValueError, match="The circuit has 8 values of orientation, but the data have none"):
        Recurrent(geometry="ring", n_sites=5).at_conditions({"size": np.ones(2)})


@pytest.mark.parametrize(
    ("settings", "properties"),
    [
        (
            {"recorded": ("PC", "VIP"), "sites": (0.0, 2.0)},
            {"cell_type": ["PC", "PC", "VIP", "VIP"], "position": [0, 2, 0, 2]},
        ),
        ({"geometry": "ring", "sites": (0, 90)}, {"cell_type": ["PC", "PC"], "orientation": [0, 90]}),
        ({"geometry": "sheet", "sites": ((0, 1), (2, 3))}, {"cell_type": ["PC", "PC"], "x": [0, 2], "y": [1, 3]}),
    ],
)
def test_recorded_cells_have_a_type_and_a_place(settings, properties):
    circuit = Recurrent(**FOUR, n_sites=5, **settings)
    assert {name: values.tolist() for name, values in circuit.populations().items()} == properties
    assert circuit.cells_per_realisation == len(properties["cell_type"])


def test_the_truth_of_a_circuit_keeps_its_settings():
    circuit = Recurrent(**FOUR, n_sites=5, V=0.2)
    truth = circuit.at_truth()
    np.testing.assert_allclose(truth.J, 0.8 * circuit.J, rtol=1e-6)
    assert eqx.tree_equal(dataclasses.replace(truth, J=circuit.J, dJ=circuit.dJ, sigma=circuit.sigma), circuit)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"geometry": "cube"}, "geometry must be one of line, ring, sheet and weights one of uniform, log-normal"),
        ({"signs": (1, 2)}, "signs must be 2 numbers, 1 for excitatory and -1 for inhibitory types, not (1.0, 2.0)"),
        ({"tau": (1, 2, 3)}, "tau must be 2 numbers, time constants above 0"),
        ({"J": [1, 2, 3]}, "J must be one value for each of E←E, E←I, I←E, I←I, not (3,)"),
        ({"V": [1.0]}, "V must be one value for each of E, I, not (1,)"),
        ({"semisaturation": [1.0]}, "semisaturation must be one value for each of E, I, not (1,)"),
        ({"recorded": "X"}, "recorded must be different names out of E, I, not ('X',)"),
        ({"driven": ()}, "driven must be different names out of E, I, not ()"),
        ({"light": (0, 1)}, "light needs light_types"),
        ({"expression": 0.1}, "light needs light_types"),
        ({"geometry": "ring", "sizes": (1, 2)}, "A ring has no sizes: leave them out"),
        ({"orientations": (0, 90)}, "A line has no orientations: leave them out"),
        ({"positions": ((0, 0),)}, "positions of stimuli are numbers on a line, and pairs [x, y] on a sheet"),
        ({"sizes": (1, 2), "contrasts": (1, 2, 3)}, "not 2, 3, 1: Recurrent.crossed makes joint designs"),
        ({"light_types": "E", "light": (0, 1)}, "not 5, 1, 1, 2: Recurrent.crossed"),
        ({"k": 0.0}, "k must be positive"),
    ],
)
def test_settings_that_do_not_belong_together_are_one_sentence(monkeypatch, settings, words):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks of types at run time
    with pytest.raises(ValueError, match=r"^[A-Za-z]") as error:
        Recurrent(n_sites=5, **settings)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_of_files_are_checked_as_those_of_others():
    with pytest.raises(UserError, match=r"circuit.geometry = 'cube' is not of the expected type"):
        build("circuit", circuits(), {"name": "recurrent", "geometry": "cube"})
    with pytest.raises(UserError, match=r"The circuit recurrent cannot be built: absent = .E<-X. names no type 'X'"):
        build("circuit", circuits(), {"name": "recurrent", "absent": ["E<-X"]})
