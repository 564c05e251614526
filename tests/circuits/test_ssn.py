"""The stabilized supralinear network against the oracle, its equations written in NumPy, and exact symmetries."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import tuneful.circuits.supralinear_dynamics
from tuneful.circuits import SSN
from tuneful.errors import UserError
from tuneful.registry import build, circuits, settings_of
from tuneful.solvers import Status, SteadyState
from tuneful.solvers.schur import SchurForm

NAMES = ("J", "dJ", "sigma")
PLAIN = {name: np.asarray(getattr(SSN(), name), float) for name in NAMES}
# One compiled program serves several tests: four conditions, the first two mirror images of each other.
SHIFT = 4 * 8 / 30
MIRRORED = {"sizes": (2, 2, 1, 4), "contrasts": (20, 20, 10, 20), "positions": (SHIFT, -SHIFT, 0, 0)}
QUIET = {"J": PLAIN["J"], "dJ": PLAIN["dJ"] / 2, "sigma": PLAIN["sigma"]}  # rates of some 10 Hz at 31 sites

solve = eqx.filter_jit(lambda circuit, z: circuit.steady_state(z))
draw_many = eqx.filter_jit(lambda circuit, keys: jax.vmap(circuit.draw)(keys))
spectral = eqx.filter_jit(lambda circuit, z: circuit.abscissa(z))
sample = eqx.filter_jit(lambda circuit, key, n: circuit.sample(key, n).curves)


def plain_inputs(sites, seed):
    return np.random.default_rng(seed).random((2 * sites, 2 * sites))


def ensemble(**settings):
    return SSN(n_sites=31, **{**MIRRORED, **QUIET, **settings})


@eqx.filter_jit
def curves_and_slopes(circuit, z):
    """Curves, their derivatives by the logarithms of the parameters, and along one direction in forward mode."""

    def curves(logarithms):
        return circuit.with_values({name: jnp.exp(v) for name, v in logarithms.items()}).respond(z).rates

    logarithms = {name: jnp.log(getattr(circuit, name)) for name in NAMES}
    rates, change = jax.linearize(curves, logarithms)
    back = jax.linear_transpose(change, logarithms)
    slopes = jax.vmap(lambda v: back(v)[0])(jnp.eye(rates.size).reshape(-1, *rates.shape))
    direction = jax.tree.map(lambda v: jnp.cos(jnp.arange(4.0)).reshape(2, 2), logarithms)
    return rates, slopes, direction, change(direction)


def oracle_circuit(case):
    circuit = SSN(case["n_sites"], sizes=case["sizes"], recorded="both", **{name: case[name] for name in NAMES})
    return circuit, SSN.inputs(plain_inputs(case["n_sites"], case["seed"]))


@pytest.mark.parametrize("index", range(4))
def test_oracle(reference, x64, index):
    case = reference("ssn")[index]
    rates, slopes, direction, along = curves_and_slopes(*oracle_circuit(case))
    np.testing.assert_allclose(rates, [case["tuning_E"], case["tuning_I"]], rtol=0, atol=1e-8)
    exact = case["d_tuning_E_d_log"]
    # Seed 2 has derivatives up to 800 Hz: there (1 - Phi W)^-1 multiplies the residual of 1e-10 Hz by hundreds, so
    # eight digits of the largest are all that can be asked for.
    largest = max(1.0, *(np.abs(exact[name]).max() for name in NAMES))
    for name in NAMES:
        np.testing.assert_allclose(slopes[name][:5], exact[name], rtol=0, atol=1e-8 * largest, err_msg=name)
    # Forward and reverse mode solve with a matrix and its transpose, to three quarters of the digits.
    by_reverse = sum(np.einsum("sij,ij->s", slopes[name], direction[name]) for name in NAMES)
    np.testing.assert_allclose(along.ravel(), by_reverse, rtol=0, atol=1e-9 * largest)


@pytest.mark.parametrize("index", [2, 3])  # the small ones: all eigenvalues of a large one take seconds
def test_oracle_of_the_abscissa(reference, x64, index):
    case = reference("ssn")[index]
    abscissa = spectral(*oracle_circuit(case))
    np.testing.assert_allclose(abscissa, case["jacobian_abscissa_per_ms"], rtol=0, atol=1e-8)


def test_jacobian_is_that_of_the_dynamics(x64):
    """Central differences of T^-1 (-r + f(W r + I)) in the rates."""
    circuit, z = SSN(n_sites=7, sizes=(1, 4)), SSN.inputs(plain_inputs(7, 0))
    rates = np.random.default_rng(1).random((14, 2)) * 5
    weights, external = circuit.weights(z).T, circuit.external_input(z)

    def velocity(r, condition):
        return (-r + circuit.gain(weights @ r + external[condition])) / circuit.time_constants

    jacobian = circuit.jacobian(z, jnp.asarray(rates))
    for condition in (0, 1):
        columns = [
            (velocity(rates[:, condition] + h, condition) - velocity(rates[:, condition] - h, condition)) / 2e-5
            for h in 1e-5 * np.eye(14)
        ]
        # The third derivative of f is of order one here: 1e-10 by the step squared, and rounding 1e-16 / 1e-5.
        np.testing.assert_allclose(jacobian[condition], np.stack(columns, axis=1), atol=1e-8)


def test_the_abscissa_of_given_rates_needs_no_search(monkeypatch, x64):
    circuit, z = ensemble(), SSN.inputs(plain_inputs(31, 5))
    network = solve(circuit, z).rates.T
    monkeypatch.setattr(tuneful.circuits.supralinear_dynamics, "steady_state", None)

    @eqx.filter_jit
    def spectra(network):
        given = z, network
        return circuit.jacobian(*given), circuit.abscissa(*given), circuit.smoothed_abscissa(z, 1e-3, network)

    jacobians, plain, smoothed = map(np.asarray, spectra(network))
    np.testing.assert_allclose(plain, [np.linalg.eigvals(j).real.max() for j in jacobians], atol=1e-10)
    np.testing.assert_allclose(smoothed, [SchurForm.of(j).smoothed_abscissa(1e-3)[0] for j in jacobians], atol=1e-10)
    assert (smoothed > plain).all()


def test_the_smoothed_abscissa_moves_with_weights_and_operating_point(x64):
    """Its implicit gradient against finite differences and the dense formula."""
    circuit, z = ensemble(), SSN.inputs(plain_inputs(31, 5))
    smoothed = eqx.filter_jit(eqx.filter_value_and_grad(lambda c: c.smoothed_abscissa(z, 1e-3)[0]))
    _, gradient = smoothed(circuit)
    for name in NAMES:
        value = getattr(circuit, name)
        for index in ((0, 0), (0, 1), (1, 0)):
            h = 1e-5 * value[index]
            up, down = (smoothed(circuit.with_values({name: value.at[index].add(s * h)}))[0] for s in (1, -1))
            numerical = float((up - down) / (2 * h))
            # Rates are known to 1e-10 Hz, over steps of 1e-6; the curvature is of the order of the gradient.
            assert float(getattr(gradient, name)[index]) == pytest.approx(numerical, rel=1e-4), (name, index)

    # ds = <G, dJ>, J = T^-1 (diag(f'(u)) W - 1): by the weights at fixed rates, and by the rates.
    network = solve(circuit, z).rates.T
    linear = eqx.filter_jit(lambda c: (c.weights(z).T, c.external_input(z)[0], c.jacobian(z, network)[0]))
    weights, external, jacobian = map(np.asarray, linear(circuit))
    rates = np.asarray(network)[:, 0]
    u = weights @ rates + external
    slope, curve = (
        np.asarray(jax.jit(jax.vmap(d))(u)) for d in (jax.grad(circuit.gain), jax.grad(jax.grad(circuit.gain)))
    )
    g = SchurForm.of(jacobian).smoothed_abscissa(1e-3)[1]
    g = g / circuit.time_constants[:, None]
    moved = np.linalg.solve(np.eye(62) - slope[:, None] * weights.T, curve * (g * weights).sum(axis=1))
    by_weights = slope[:, None] * g + np.outer(moved, rates)
    scaled = eqx.filter_jit(eqx.filter_grad(lambda c: jnp.vdot(by_weights, c.weights(z).T)))(circuit)
    for name in NAMES:
        np.testing.assert_allclose(getattr(gradient, name), getattr(scaled, name), rtol=1e-6, err_msg=name)


def test_weights_are_equations_10_and_11_and_obey_dales_law(x64):
    circuit, z = SSN(n_sites=7, **PLAIN), plain_inputs(7, 0)
    weights = np.asarray(circuit.weights(SSN.inputs(z))).T
    x = np.linspace(-4, 4, 7)
    for i, j in np.ndindex(14, 14):
        a, b = i // 7, j // 7
        size = PLAIN["J"][a, b] + z[i, j] * PLAIN["dJ"][a, b]
        exact = (1, -1)[b] * size * np.exp(-((x[i % 7] - x[j % 7]) ** 2) / (2 * PLAIN["sigma"][a, b] ** 2))
        # Exponents of up to 560 multiply their own rounding.
        assert weights[i, j] == pytest.approx(exact, rel=1e-12, abs=1e-300)
    near = SSN(n_sites=7, extent=1.0, **PLAIN)  # so that no weight underflows
    drawn = np.asarray(near.weights(near.draw(jax.random.key(0)))).T
    assert (drawn[:, :7] > 0).all()
    assert (drawn[:, 7:] < 0).all()


def test_external_input_is_equation_12_in_every_condition(x64):
    circuit = SSN(n_sites=9, sizes=(1, 4), contrasts=(10, 30), positions=(0.5, -1))
    external = np.asarray(circuit.external_input(SSN.inputs(plain_inputs(9, 0))))
    x = np.linspace(-4, 4, 9)
    for row, size, contrast, position in zip(external, (1, 4), (10, 30), (0.5, -1), strict=True):
        sides = [1 / (1 + np.exp(-(size / 2 + sign * (x - position)) / 0.25)) for sign in (1, -1)]
        np.testing.assert_allclose(row, np.tile(contrast * sides[0] * sides[1], 2), rtol=1e-12, atol=1e-12)


def test_a_stimulus_moved_by_sites_is_the_same_input_moved(x64):
    still, moved = SSN(n_sites=33, positions=0), SSN(n_sites=33, positions=0.75)
    none = SSN.inputs(plain_inputs(33, 0))
    before, after = (np.asarray(c.external_input(none))[:, :33] for c in (still, moved))
    np.testing.assert_allclose(after[:, 3:], before[:, :-3], rtol=1e-12, atol=1e-13)


@pytest.fixture(scope="module")
def realisation():
    """A network with heterogeneous input, its mirror image, and the steady states of both."""
    jax.config.update("jax_enable_x64", True)
    z, zeta = plain_inputs(31, 5), np.random.default_rng(6).uniform(-1, 1, 62)
    backwards = np.concatenate([np.arange(31)[::-1], np.arange(31)[::-1] + 31])
    circuit = ensemble(V=(0.3, 0.2))
    found = solve(circuit, SSN.inputs(z, zeta))
    image = solve(circuit, SSN.inputs(z[backwards][:, backwards], zeta[backwards]))
    jax.config.update("jax_enable_x64", False)
    return found, image, backwards


def test_the_mirror_image_of_network_and_stimuli_has_the_mirror_image_of_the_rates(realisation):
    found, image, backwards = realisation
    assert found.settled.all()
    rates = np.asarray(found.rates)
    assert (rates.max(axis=1) > 1).all()
    # Both solve to 1e-10 Hz; (1 - Phi W)^-1 multiplies that by less than 1,000.
    np.testing.assert_allclose(np.asarray(image.rates)[[1, 0, 2, 3]][:, backwards], rates, rtol=0, atol=1e-7)
    assert np.abs(rates[1] - rates[0]).max() > 1  # and the two conditions differ in one network


def test_vanishing_heterogeneity_is_none(x64, realisation):
    z, zeta = plain_inputs(31, 5), np.random.default_rng(6).uniform(-1, 1, 62)
    tiny = solve(ensemble(V=(1e-13, 1e-13)), SSN.inputs(z, zeta))
    none = solve(ensemble(), SSN.inputs(z, zeta))
    np.testing.assert_allclose(tiny.rates, none.rates, rtol=0, atol=1e-7)
    assert np.abs(realisation[0].rates - none.rates).max() > 0.1


def test_without_saturation_quiet_networks_are_the_same(x64):
    z = SSN.inputs(plain_inputs(31, 5))
    with_ceiling, without = solve(ensemble(), z), solve(ensemble(saturating=False), z)
    assert float(with_ceiling.rates.max()) < 200
    np.testing.assert_allclose(without.rates, with_ceiling.rates, rtol=0, atol=1e-7)


def test_external_input_varies_between_cells_as_v_says(x64):
    """I (1 + V zeta), zeta uniform on [-1, 1]: mean I, variance I^2 V^2 / 3, and one zeta for all conditions."""
    circuit, plain = SSN(n_sites=5, sizes=(1, 4), V=(0.6, 0.3)), SSN(n_sites=5, sizes=(1, 4))
    z = draw_many(circuit, jax.random.split(jax.random.key(0), 4000))
    mean = np.asarray(plain.external_input(SSN.inputs(plain_inputs(5, 0))))
    relative = np.asarray(jax.jit(jax.vmap(circuit.external_input))(z)) / mean
    np.testing.assert_allclose(relative[:, 0], relative[:, 1], rtol=1e-12)
    v = np.repeat([0.6, 0.3], 5)
    assert (np.abs(relative[:, 0].mean(0) - 1) < 5 * v / np.sqrt(3 * 4000)).all()
    # The variance of 4,000 uniform numbers: kurtosis 9/5, so a relative standard error of sqrt(4/5 / 4000).
    np.testing.assert_allclose(relative[:, 0].var(0), v**2 / 3, rtol=5 * np.sqrt(0.8 / 4000))
    across = np.corrcoef(relative[:, 0].T) - np.eye(10)
    assert np.abs(across).max() < 5 / np.sqrt(4000)
    no_draw = circuit.external_input(SSN.inputs(plain_inputs(5, 0)))
    np.testing.assert_allclose(no_draw, mean, rtol=1e-14)


def test_draws_are_uniform_and_their_blocks_independent():
    circuit = SSN(n_sites=21)
    z = draw_many(circuit, jax.random.split(jax.random.key(1), 300))
    blocks = np.array([np.asarray(b, float).reshape(300, -1) for rows in z.weights for b in rows])
    for u in blocks:
        n = u.size
        assert 0 < u.min() < u.max() < 1
        # Mean 1/2 with variance 1/12; the variance itself has variance (1/80 - 1/144) / n.
        assert abs(u.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / n)
        assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)
    assert np.abs(np.corrcoef(blocks.reshape(4, -1)) - np.eye(4)).max() < 5 / np.sqrt(n)
    drive = np.asarray(z.drive, float)
    assert -1 < drive.min() < drive.max() < 1
    assert abs(drive.mean()) < 5 * np.sqrt(1 / 3 / drive.size)
    assert abs(np.corrcoef(drive[:, :21].ravel(), blocks[0][:, :21].ravel())[0, 1]) < 5 / np.sqrt(300 * 21)
    assert all(a.shape == (300, 21, 21) for rows in z.weights for a in rows)


def test_plain_inputs_are_laid_out_as_the_paper_writes_them():
    z = np.arange(36.0).reshape(6, 6)
    (ee, ie), (ei, ii) = SSN.inputs(z).weights
    for block, rows, columns in ((ee, 0, 0), (ei, 0, 3), (ie, 3, 0), (ii, 3, 3)):
        np.testing.assert_array_equal(block.T, z[rows : rows + 3, columns : columns + 3])
    assert not np.asarray(SSN.inputs(z).drive).any()
    np.testing.assert_array_equal(SSN.inputs(z, np.arange(6)).drive, np.arange(6))


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({}, [5]),
        ({"recorded": "I"}, [16]),
        ({"recorded": "both"}, [5, 16]),
        ({"sites": (-4, 0.7, 4)}, [0, 6, 10]),
        ({"recorded": "both", "sites": (1.6, -1.6)}, [7, 3, 18, 14]),
    ],
)
def test_recorded_cells_are_the_nearest_to_the_sites_asked_for(monkeypatch, settings, rows):
    """A solver that returns numbered rates: cell k has rate k in the first condition and k - 1 in the second."""
    rates = np.arange(22.0) - np.array([[0], [1]])
    status = jnp.array([Status.SATURATED, Status.SETTLED])
    found = SteadyState(jnp.array(rates), jnp.array([True, True]), jnp.array([1e-6, 2e-6]), status, jnp.array(7))
    monkeypatch.setattr(tuneful.circuits.supralinear_dynamics, "steady_state", lambda *_, **__: found)
    circuit = SSN(n_sites=11, sizes=(1, 2), **settings)
    response = circuit.respond(SSN.inputs(plain_inputs(11, 0)))
    np.testing.assert_array_equal(response.rates, np.maximum(rates, 0)[:, rows].T)
    np.testing.assert_array_equal(response.all_rates, np.maximum(rates, 0).T)
    assert (bool(response.settled), int(response.status)) == (True, Status.SATURATED)
    assert float(response.residual) == pytest.approx(2e-6)
    assert circuit.cells_per_realisation == len(rows)


def test_the_search_is_told_what_the_circuit_says(monkeypatch):
    told = {}
    status = jnp.full(5, Status.SETTLED)
    found = SteadyState(jnp.ones((5, 6)), jnp.ones(5, bool), jnp.zeros(5), status, jnp.array(7))
    monkeypatch.setattr(
        tuneful.circuits.supralinear_dynamics, "steady_state", lambda *_, **given: told.update(given) or found
    )
    circuit = SSN(n_sites=3, max_time=50.0, tolerance=1e-3, witness=2.0)
    circuit.steady_state(SSN.inputs(plain_inputs(3, 0)))
    assert told == {
        "max_time": 50.0, "tolerance": 1e-3, "ceiling": 200.0, "witness": circuit.witness,
        "slopes": None, "around": None,
    }  # fmt: skip
    assert float(SSN().witness) == 0
    assert "witness" not in circuit.parameters()


def test_a_realisation_settles_if_all_its_conditions_do(monkeypatch):
    status = jnp.array([Status.SETTLED, Status.MOVING])
    found = SteadyState(jnp.ones((2, 6)), jnp.array([True, False]), jnp.array([0.0, 3.0]), status, jnp.array(7))
    monkeypatch.setattr(tuneful.circuits.supralinear_dynamics, "steady_state", lambda *_, **__: found)
    response = SSN(n_sites=3, sizes=(1, 2)).respond(SSN.inputs(plain_inputs(3, 0)))
    assert (bool(response.settled), int(response.status), float(response.residual)) == (False, Status.MOVING, 3)


def test_crossed_features_vary_the_last_fastest():
    crossed = SSN.crossed(contrasts=(10, 20), sizes=(1, 2, 4))
    assert crossed == {"contrasts": (10.0,) * 3 + (20.0,) * 3, "sizes": (1.0, 2.0, 4.0) * 2}
    circuit = SSN(**SSN.crossed(contrasts=(10, 20), sizes=(1, 2, 4), positions=0.5))
    np.testing.assert_array_equal(circuit.stimuli[:, 1], [10, 10, 10, 20, 20, 20])
    np.testing.assert_array_equal(circuit.stimuli[:, [0, 2]], [[1, 0.5], [2, 0.5], [4, 0.5]] * 2)


def test_weights_per_length_and_per_site_are_the_same_network(x64):
    circuit, z = SSN(n_sites=13, **PLAIN), SSN.inputs(plain_inputs(13, 0))
    per_length = circuit.per_length()
    assert per_length.weights_per == "length"
    np.testing.assert_allclose(per_length.J, PLAIN["J"] * 12 / 8, rtol=1e-14)
    np.testing.assert_allclose(per_length.weights(z), circuit.weights(z), rtol=1e-14)
    back = per_length.per_site()
    for name in NAMES:
        np.testing.assert_allclose(getattr(back, name), getattr(circuit, name), rtol=1e-14)
    assert back.weights_per == "site"
    assert circuit.per_site() is circuit
    assert per_length.per_length() is per_length


def test_another_number_of_sites_keeps_the_weights_per_length(x64):
    circuit = SSN(n_sites=81, **PLAIN)
    coarse = circuit.with_sites(41)
    assert (coarse.n_sites, coarse.weights_per) == (41, "site")
    np.testing.assert_allclose(coarse.J, 2 * PLAIN["J"], rtol=1e-14)
    np.testing.assert_allclose(coarse.dJ, 2 * PLAIN["dJ"], rtol=1e-14)
    for fine in (circuit.per_length(), coarse.per_length().with_sites(81)):
        np.testing.assert_allclose(fine.J, circuit.per_length().J, rtol=1e-14)
        assert fine.weights_per == "length"
    # What a cell in the middle receives from all sites with rate one: sums over a grid of spacing 0.1 and 0.2 of a
    # Gaussian 0.2 wide are its integral to exp(-2 pi^2) = 3e-9 (trapezoids of a smooth function).
    half = [c.weights(SSN.inputs(np.full((2 * c.n_sites,) * 2, 0.5))) for c in (circuit, coarse)]
    for post in (0, 1):
        for pre in (0, 1):
            received = [
                float(w[pre * n : (pre + 1) * n, post * n + n // 2].sum())
                for w, n in zip(half, (81, 41), strict=True)
            ]
            assert received[1] == pytest.approx(received[0], rel=3e-3 if (post, pre) == (1, 0) else 2e-8)


def test_mean_curves_hardly_depend_on_the_number_of_sites():
    """Weak weights, whose spread over realisations hardly bends the mean: within five standard errors."""
    weak = {"J": 2 * PLAIN["J"], "dJ": PLAIN["dJ"] / 4, "sigma": PLAIN["sigma"]}
    coarse = SSN(n_sites=31, sizes=(1, 4), **weak)
    curves = [np.asarray(sample(c, jax.random.key(i), 60)) for i, c in enumerate((coarse, coarse.with_sites(61)))]
    difference = curves[1].mean(0) - curves[0].mean(0)
    error = np.sqrt(sum(c.var(0) / len(c) for c in curves))
    assert (np.abs(difference) < 5 * error).all()
    assert (error < 0.1 * curves[0].mean(0)).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_sites": 2}, "n_sites must be at least 3, not 2"),
        (
            {"sizes": (1, 2), "contrasts": (1, 2, 3)},
            r"one value a condition, or one for all, not 2, 3, 1: SSN\.crossed",
        ),
        ({"sizes": 1, "contrasts": (1, 2, 3), "positions": (0, 1)}, "not 1, 3, 2"),
        ({"sites": (0, 4.1)}, r"sites must lie on \[-4, 4\]"),
        ({"sites": -2.1, "extent": 2.0}, r"sites must lie on \[-2, 2\]"),
        ({"tau": 16.0}, "tau must be two time constants above 0"),
        ({"tau": (16, 0)}, "tau must be two time constants above 0"),
        ({"tau": (1, 2, 3)}, "tau must be two time constants above 0"),
        ({"sizes": (1, -2)}, "The size of condition 1 is -2, and no stimulus is smaller than 0"),
        ({"recorded": "e"}, 'recorded must be "E", "I" or "both"'),
        ({"weights_per": "area"}, "weights_per \"site\" or \"length\", not 'E' and 'area'"),
        ({"sizes": ()}, "expected a finite number"),
        ({"contrasts": np.nan}, "expected a finite number"),
        ({"positions": [[0.0]]}, "expected a finite number"),
    ],
)
def test_refuses_impossible_settings(monkeypatch, settings, words):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks of types at run time
    with pytest.raises(ValueError, match=words):
        SSN(**settings)


def test_takes_the_conditions_of_a_dataset_and_gives_them_back():
    features = {"size": np.array([1.0, 2]), "contrast": np.array([5.0, 20]), "label": np.zeros(2)}
    circuit = SSN(positions=0.5).at_conditions(features)
    assert (circuit.sizes, circuit.contrasts, circuit.positions) == ((1.0, 2.0), (5.0, 20.0), (0.5,))
    assert {k: v.tolist() for k, v in circuit.conditions().items()} == {"size": [1, 2], "contrast": [5, 20]}
    again = SSN(positions=0.5).at_conditions(circuit.conditions())
    np.testing.assert_array_equal(again.stimuli, circuit.stimuli)
    by_contrast = SSN(sizes=2, contrasts=(5, 10, 20))
    assert {k: v.tolist() for k, v in by_contrast.conditions().items()} == {"size": [2] * 3, "contrast": [5, 10, 20]}
    np.testing.assert_array_equal(SSN().at_conditions(by_contrast.conditions()).stimuli, by_contrast.stimuli)
    assert list(SSN().conditions()) == ["size"]


@pytest.mark.parametrize("saturating", [True, False])
def test_a_blank_is_no_input_to_which_the_answer_has_a_finite_derivative(saturating):
    circuit = SSN(n_sites=3, V=(0.2, 0.1), saturating=saturating, sizes=(2.0, 0.0))
    z = circuit.draw(jax.random.key(0))
    drive, slopes = jax.jvp(circuit.external_input, (z,), (z,))
    assert np.asarray(drive[0]).all()
    assert not np.asarray(drive[1]).any()
    assert not np.asarray(slopes[1]).any()
    assert not np.asarray(circuit.jacobian(z, jnp.zeros((6, 2)))[1] + jnp.diag(1 / circuit.time_constants)).any()


def test_conditions_that_lack_a_feature_are_refused():
    with pytest.raises(ValueError, match="needs stimulus sizes, a feature `size`; the data have contrast"):
        SSN().at_conditions({"contrast": np.ones(3)})
    with pytest.raises(ValueError, match="The circuit has 2 values of contrast, but the data have none"):
        SSN(sizes=1, contrasts=(1, 2)).at_conditions({"size": np.ones(2)})
    with pytest.raises(ValueError, match="The circuit has 2 values of position, but the data have none"):
        SSN(sizes=1, positions=(1, 2)).at_conditions({"size": np.ones(2)})


@pytest.mark.parametrize(
    "settings",
    [
        {"J": [[1, 2], [3, 4]], "recorded": "both", "sites": [-1, 1], "weights_per": "length"},
        {"sizes": [1, 2], "contrasts": [10.0], "tolerance": 1e-4, "saturating": False, "tau": [10, 5]},
        {"V": [0.3, 0.2]},
    ],
)
def test_settings_of_the_command_line_make_the_circuit_and_describe_it(settings):
    circuit = build("circuit", circuits(), {"name": "ssn", "n_sites": 11} | settings)
    assert eqx.tree_equal(circuit, SSN(n_sites=11, **settings))
    assert eqx.tree_equal(build("circuit", circuits(), settings_of(circuit)), circuit)
    names = {field.name for field in dataclasses.fields(circuit)} - {"witness", "factorised"}
    assert names | {"name"} == set(settings_of(circuit))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"J": [1, 2]}, "does not have the shape of its default"),
        ({"recorded": "EI"}, "circuit.recorded = 'EI' is not of the expected type"),
        ({"tau": [1, 2, 3]}, "circuit ssn cannot be built: tau must be two time constants"),
        ({"sigmas": 1.0}, "no setting 'sigmas'. Did you mean 'sigma'"),
    ],
)
def test_mistakes_in_settings_are_one_sentence(settings, words):
    with pytest.raises(UserError) as error:
        build("circuit", circuits(), {"name": "ssn"} | settings)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_heterogeneity_is_learned_only_where_it_is_asked_for():
    assert list(SSN().parameters()) == ["J", "dJ", "sigma"]
    assert list(SSN(V=(0.1, 0.1)).parameters()) == ["J", "dJ", "sigma", "V"]
    assert SSN().parameters()["J"].entries == (("EE", "EI"), ("IE", "II"))


def test_recorded_cells_have_a_type_and_a_place():
    populations = SSN(n_sites=5, recorded="both", sites=(0.0, 2.0)).populations()
    assert populations["cell_type"].tolist() == ["E", "E", "I", "I"]
    assert populations["position"].tolist() == [0.0, 2.0, 0.0, 2.0]
    assert SSN(recorded="I").populations()["cell_type"].tolist() == ["I"]
