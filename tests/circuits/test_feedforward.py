"""The feedforward M1 model against the oracle, finite differences, and a direct evaluation of its equations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import FeedforwardM1
from tuneful.circuits.feedforward import LATTICE

NAMES = ("sigma_l", "dsigma", "J", "phi_l", "dphi")

draw = eqx.filter_jit(lambda circuit, key: circuit.draw(key))
respond = eqx.filter_jit(lambda circuit, z: circuit.respond(z).rates)
sample = eqx.filter_jit(lambda circuit, key, n: circuit.sample(key, n).rates)


def oracle_case(case):
    """The circuit and inputs of one entry of feedforward.json, drawn as tests/reference/README.md says."""
    rng = np.random.default_rng(case["seed"])
    n = case["grid"] ** 3
    sigma, strength = rng.random(n), rng.random(n)
    mask = np.zeros(n)
    mask[rng.permutation(n)[: round(case["density"] * n)]] = 1
    circuit = FeedforwardM1(case["grid"], case["extent"], case["density"], **{k: case[k] for k in NAMES})
    return circuit, FeedforwardM1.inputs(sigma, strength, mask, rng.random())


def direct_curve(circuit, sigma, strength, mask, threshold):
    """Equations 3-8 written out over all inputs, without any of the tricks."""
    axis = np.linspace(-circuit.extent, circuit.extent, circuit.grid)
    position = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    width = float(circuit.sigma_l) + float(circuit.dsigma) * sigma
    squared = ((np.array(circuit.stimuli)[:, None] - position) ** 2).sum(-1)
    fields = np.exp(-squared / (2 * width**2))
    fields /= fields.sum(1, keepdims=True)
    drive = fields @ (float(circuit.J) * strength * mask)
    return np.maximum(drive - float(circuit.phi_l) - float(circuit.dphi) * threshold, 0)


@pytest.mark.parametrize("index", [0, 1])
def test_oracle(reference, x64, index):
    case = reference("feedforward")[index]
    circuit, z = oracle_case(case)
    np.testing.assert_allclose(respond(circuit, z)[0], case["tuning"], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "stimuli",
    [
        LATTICE,
        [[0.3, -1.2, 0.5], [1.1, 0.2, -0.4], [0.3, 0.2, 0.5]],
        [[-1, -1, -40 / 35], [0, 1, 30 / 35]],
        [[0, 0, 0]],
    ],
    ids=["lattice", "scattered", "own grid", "one condition"],
)
def test_matches_the_equations_at_any_stimuli(x64, stimuli):
    rng = np.random.default_rng(3)
    circuit = FeedforwardM1(grid=7, density=0.05, stimuli=stimuli, sigma_l=0.4, dsigma=0.8, J=300.0, phi_l=1.0)
    plain = rng.random(343), rng.random(343), (rng.random(343) < 0.05).astype(float), rng.random()
    rates = respond(circuit, FeedforwardM1.inputs(*plain))[0]
    np.testing.assert_allclose(rates, direct_curve(circuit, *plain), rtol=1e-12, atol=1e-12)


def test_gradients_match_finite_differences(reference, x64):
    circuit, z = oracle_case(reference("feedforward")[0])

    @eqx.filter_jit
    def curve(c):
        return c.respond(z).rates[0]

    by_reverse, by_forward = (eqx.filter_jit(d(curve))(circuit) for d in (eqx.filter_jacrev, eqx.filter_jacfwd))
    for name in NAMES:
        value = float(getattr(circuit, name))
        step = 1e-5 * abs(value)
        up, down = (circuit.with_values({name: value + s}) for s in (step, -step))
        numerical = (curve(up) - curve(down)) / (2 * step)
        # Central differences: truncation step^2 f''' / 6 and rounding eps f / step, both below 1e-8 of the slope.
        scale = np.abs(numerical).max()
        np.testing.assert_allclose(getattr(by_reverse, name), numerical, rtol=0, atol=1e-7 * scale)
        np.testing.assert_allclose(getattr(by_forward, name), getattr(by_reverse, name), rtol=1e-12)


def test_differentiable_under_jit_with_traced_parameters(x64):
    @jax.jit
    def mean_rate(sigma_l, phi_l):
        return (
            FeedforwardM1(grid=5, density=0.1, sigma_l=sigma_l, phi_l=phi_l).sample(jax.random.key(0), 3).rates.mean()
        )

    slope = jax.grad(mean_rate)(0.5, -1.0)
    numerical = (mean_rate(0.5 + 1e-6, -1.0) - mean_rate(0.5 - 1e-6, -1.0)) / 2e-6
    assert float(slope) == pytest.approx(float(numerical), rel=1e-6)


def test_random_inputs_are_not_silently_differentiated():
    circuit = FeedforwardM1(grid=4, density=0.1)
    z = circuit.draw(jax.random.key(0))
    with pytest.raises(NotImplementedError, match="width"):
        jax.grad(lambda w: circuit.respond(eqx.tree_at(lambda q: q.width, z, w)).rates.sum())(z.width)


def test_draws_have_the_stated_distribution():
    circuit = FeedforwardM1(grid=10, density=0.02, n_cells=3)
    z = jax.vmap(circuit.draw)(jax.random.split(jax.random.key(1), 200))
    assert z.source.shape == (200, 3, 20)
    assert all(len(set(cell)) == 20 for cell in np.asarray(z.source).reshape(-1, 20).tolist())
    counts = np.bincount(np.asarray(z.source).ravel(), minlength=1000)
    # 600 cells pick each input with probability 0.02: 12 +- 3.4; chi-square of 999 degrees of freedom within 5 sd.
    chi2 = ((counts - 12) ** 2 / (12 * 0.98)).sum()
    assert abs(chi2 - 999) < 5 * np.sqrt(2 * 999)
    for values in (z.width, z.strength, z.threshold):
        flat = np.asarray(values).ravel()
        assert flat.min() >= 0
        assert flat.max() <= 1
        assert abs(flat.mean() - 0.5) < 5 * np.sqrt(1 / 12 / flat.size)


def test_cells_share_receptive_fields_and_nothing_else():
    circuit = FeedforwardM1(grid=6, density=0.1, n_cells=4)
    z = draw(circuit, jax.random.key(2))
    rates = respond(circuit, z)
    for cell in range(4):
        alone = jax.tree.map(lambda a, cell=cell: a[cell : cell + 1] if a.ndim == 2 or a.size == 4 else a, z)
        np.testing.assert_allclose(respond(circuit, alone)[0], rates[cell], rtol=1e-5, atol=1e-4)
    assert len({tuple(row) for row in np.asarray(z.source).tolist()}) == 4


def test_trial_noise_has_the_stated_variance_and_is_off_by_default(x64):
    plain = FeedforwardM1(grid=6, density=0.1, J=3000.0)
    noisy = plain.with_values({"noise": 0.5})
    assert "noise" not in plain.parameters()
    assert list(noisy.parameters())[-1] == "noise"
    z = draw(plain, jax.random.key(0))
    rates = np.asarray(respond(plain, z))[0]
    assert rates.min() > 10 * 0.5 * np.sqrt(rates.max())  # far from the rectification
    draws = jax.random.normal(jax.random.key(1), (4000, 1, 27))
    seen = jax.jit(jax.vmap(lambda xi: noisy.respond(eqx.tree_at(lambda q: q.noise, z, xi)).rates[0]))(draws)
    # Mean and variance of 4,000 normal numbers, within five standard errors in all 27 conditions.
    sd = 0.5 * rates / np.sqrt(rates + 0.25)
    assert (np.abs(np.mean(seen, axis=0) - rates) < 5 * sd / np.sqrt(4000)).all()
    np.testing.assert_allclose(np.std(seen, axis=0), sd, rtol=5 / np.sqrt(8000))
    silent = FeedforwardM1(grid=6, density=0.1, phi_l=1e4, noise=0.5)
    assert not np.asarray(sample(silent, jax.random.key(2), 2)).any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"grid": 0}, "must be positive"),
        ({"grid": 2000}, "grid must be at most 1290"),
        ({"n_cells": 0}, "must be positive"),
        ({"extent": -1.0}, "must be positive"),
        ({"density": 0.0}, "density"),
        ({"density": 1.5}, "density"),
        ({"grid": 3, "density": 0.01}, "27 inputs"),
        ({"stimuli": [[0, 0]]}, "shape"),
        ({"stimuli": [[0, 0, np.nan]]}, "finite"),
    ],
)
def test_refuses_impossible_settings(settings, words):
    with pytest.raises(ValueError, match=words):
        FeedforwardM1(**settings)


def test_takes_the_conditions_of_a_dataset():
    features = {
        "x": np.array([0.0, 0.5]),
        "y": np.array([1.0, 1.0]),
        "z": np.array([0.0, -1.0]),
        "label": np.zeros(2),
    }
    circuit = FeedforwardM1(grid=4, density=0.1).at_conditions(features)
    assert circuit.stimuli == ((0.0, 1.0, 0.0), (0.5, 1.0, -1.0))
    assert {k: v.tolist() for k, v in circuit.conditions().items()} == {k: features[k].tolist() for k in "xyz"}
    with pytest.raises(ValueError, match="lack y"):
        circuit.at_conditions({"x": np.zeros(2)})


def test_positions_in_a_plane_are_those_at_height_zero():
    plane = {"x": np.array([0.0, 0.5]), "y": np.array([1.0, -1.0])}
    assert FeedforwardM1(grid=4, density=0.1).at_conditions(plane).stimuli == ((0.0, 1.0, 0.0), (0.5, -1.0, 0.0))


def test_positions_beyond_the_inputs_are_refused_where_a_fit_begins():
    assert FeedforwardM1(grid=4, density=0.1).check_stimuli() == []
    with pytest.raises(
        ValueError, match=r"position of -40 lies outside the inputs of the circuit, which span \[-3, 3\]"
    ):
        FeedforwardM1(grid=4, density=0.1, stimuli=[[0, 3.5, 0], [0, 1, -40]]).check_stimuli()


def test_batch_of_1000_at_full_size_stays_below_2_GiB():
    circuit = FeedforwardM1()
    compiled = jax.jit(lambda key: circuit.sample(key, 1000).rates).lower(jax.random.key(0)).compile()
    memory = compiled.memory_analysis()
    assert memory.temp_size_in_bytes + memory.output_size_in_bytes < 2**31
    gradient = eqx.filter_jit(eqx.filter_grad(lambda c, key: c.sample(key, 1000).rates.mean()))
    memory = gradient.lower(circuit, jax.random.key(0)).compile().compiled.memory_analysis()
    assert memory.temp_size_in_bytes + memory.output_size_in_bytes < 2**31


def test_realisations_do_not_depend_on_the_size_of_the_batch():
    circuit = FeedforwardM1(grid=5, density=0.1)
    few, many = (sample(circuit, jax.random.key(7), n) for n in (3, 8))
    np.testing.assert_array_equal(few, many[:3])
    with pytest.raises(ValueError, match="at least 1"):
        circuit.sample(jax.random.key(7), 0)


def test_single_precision_agrees_with_double(x64):
    circuit = FeedforwardM1(grid=12, sigma_l=0.3, dsigma=1.0)
    z = draw(circuit, jax.random.key(0))
    single = jax.tree.map(
        lambda a: a.astype(jnp.float32) if jnp.issubdtype(a.dtype, jnp.floating) else a, (circuit, z)
    )
    exact = np.asarray(respond(circuit, z))
    # Sums of 1,728 terms in float32: relative error well below n eps = 2e-4 of the drive (about 10 Hz).
    np.testing.assert_allclose(respond(*single), exact, atol=2e-4 * exact.max())
