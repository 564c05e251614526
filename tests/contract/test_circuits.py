"""The generator contract, for every circuit that is installed, and for one as users write them."""

import dataclasses
from typing import ClassVar, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tuneful.circuits
from tuneful.circuits import AbstractCircuit, Positive, Response, parameter
from tuneful.registry import build, circuits, installed, settings_of
from tuneful.runs.presets import resolve

# Small versions, so that the contract is quick to check. A circuit without an entry is checked as it is.
SMALL = {
    "m1": {"grid": 5, "density": 0.1},
    "ssn": {"n_sites": 31},
    # Of every kind of parameter one.
    "recurrent": {
        "types": ["PC", "VIP"], "absent": ["VIP<-VIP"], "geometry": "ring", "n_sites": 11, "V": 0.2,
        "J": [0.05, 0.03, 0.06], "dJ": [0.02, 0.02, 0.02], "sigma": [20.0, 10.0, 30.0],
        "weights": "log-normal", "connection_probability": 0.8, "driven": ["PC"], "input_strength": [1.5],
        "baseline": [1.0, 1.0], "contrast_exponent": 1.5, "semisaturation": 20.0, "orientations": [0.0, 30.0],
        "contrasts": [5.0, 20.0], "light_types": ["VIP"], "light": [0.0, 1.0], "expression": 0.3,
    },
}  # fmt: skip


@final
class Elsewhere(AbstractCircuit):
    """A circuit of another package, written when `all_rates` was called `network`: it goes on working."""

    label: ClassVar[str] = "elsewhere"

    a: jax.Array = parameter(symbol="a", unit="Hz", constraint=Positive(), default=2.0, meaning="scale")
    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 2.0, 4.0))

    def draw(self, key):
        return jax.random.exponential(key, (2, 3))

    def respond(self, z):
        rates = self.a * z * jnp.array(self.sizes)[None]
        return Response(rates[:1], settled=jnp.array(True), residual=jnp.zeros(()), network=rates)

    def conditions(self) -> dict[str, np.ndarray]:
        return {"size": np.array(self.sizes)}

    def at_conditions(self, features) -> Self:
        return dataclasses.replace(self, sizes=tuple(features["size"].tolist()))

    @classmethod
    def example(cls) -> Self:
        return cls(a=5.0)


AVAILABLE = installed(tuneful.circuits, AbstractCircuit) | {"elsewhere": Elsewhere}


@pytest.fixture(scope="module", params=sorted(AVAILABLE))
def circuit(request):
    return build("circuit", AVAILABLE, {"name": request.param} | SMALL.get(request.param, {}))


draw = eqx.filter_jit(lambda circuit, key: circuit.draw(key))
respond = eqx.filter_jit(lambda circuit, z: circuit.respond(z).rates)


def sample(circuit, key):
    """Traced anew at every call, so that what is not the key's is seen; compiled once if traces are the same."""
    return eqx.filter_jit(lambda c, k: c.sample(k, 6))(circuit, key)


@pytest.fixture(scope="module")
def response(circuit):
    return sample(circuit, jax.random.key(0))


def test_response_has_the_promised_shapes(circuit, response):
    cells, conditions = circuit.cells_per_realisation, len(next(iter(circuit.conditions().values())))
    assert response.rates.shape == (6, cells, conditions)
    assert response.curves.shape == (6 * cells, conditions)
    assert response.accepted.shape == (6 * cells,)
    assert response.settled.dtype == bool
    assert response.residual.shape == response.largest_rate.shape == (6,)


def test_properties_of_recorded_cells_have_a_value_a_cell(circuit):
    for values in circuit.populations().values():
        assert np.shape(values) == (circuit.cells_per_realisation,)


def test_rates_are_rates(response):
    accepted = np.asarray(response.curves)[np.asarray(response.accepted)]
    assert len(accepted)
    assert (accepted >= 0).all()
    assert (np.asarray(response.largest_rate)[:, None, None] >= np.asarray(response.rates) * (1 - 1e-6)).all()


def test_the_same_key_gives_the_same_curves_and_another_key_others(circuit, response):
    np.testing.assert_array_equal(sample(circuit, jax.random.key(0)).rates, response.rates)
    assert not np.array_equal(sample(circuit, jax.random.key(1)).rates, response.rates)


def test_random_inputs_do_not_depend_on_the_parameters(circuit):
    doubled = circuit.with_values({name: 2 * getattr(circuit, name) for name in circuit.parameters()})
    jax.tree.map(np.testing.assert_array_equal, *(draw(c, jax.random.key(3)) for c in (circuit, doubled)))


def test_parameters_are_described_and_their_values_allowed(circuit):
    assert circuit.parameters()
    for name, about in circuit.parameters().items():
        assert about.symbol
        assert about.unit
        assert about.meaning
        assert bool(about.constraint.allows(getattr(circuit, name)))


def test_gradients_match_finite_differences(circuit, x64):
    circuit = build("circuit", AVAILABLE, settings_of(circuit))
    z = draw(circuit, jax.random.key(4))
    weights = np.random.default_rng(0).random(jax.eval_shape(circuit.respond, z).rates.shape)
    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda c: jnp.sum(weights * c.respond(z).rates)))
    gradient = loss(circuit)[1]
    scale = max(
        float(jnp.abs(getattr(gradient, name) * getattr(circuit, name)).max()) for name in circuit.parameters()
    )
    for name in circuit.parameters():
        value = getattr(circuit, name)
        step = 1e-5 * jnp.maximum(jnp.abs(value), 1e-2)
        for index in np.ndindex(value.shape):
            up, down = (circuit.with_values({name: value.at[index].add(s * step[index])}) for s in (1, -1))
            numerical = float((loss(up)[0] - loss(down)[0]) / (2 * step[index]))
            size = max(abs(numerical), scale)
            assert float(getattr(gradient, name)[index]) == pytest.approx(numerical, abs=1e-6 * size)


def test_conditions_go_there_and_back(circuit):
    again = circuit.at_conditions(circuit.conditions())
    z = draw(circuit, jax.random.key(5))
    np.testing.assert_allclose(respond(again, z), respond(circuit, z), rtol=1e-5)


def test_earlier_names_of_settings_lead_to_present_ones(circuit):
    fields = {field.name for field in dataclasses.fields(circuit)}
    assert set(circuit.renamed.values()) <= fields
    assert not set(circuit.renamed) & fields


def test_settings_rebuild_the_circuit(circuit):
    again = build("circuit", AVAILABLE, settings_of(circuit))
    assert eqx.tree_equal(again, circuit)


def test_the_example_is_not_where_a_fit_starts(circuit):
    start = build("circuit", circuits(), resolve(circuit.label, {}, []).circuit)
    example = type(circuit).example()
    assert not all(np.array_equal(getattr(start, name), getattr(example, name)) for name in circuit.parameters())
