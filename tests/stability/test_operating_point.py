"""Stabilised operating points: gradient, plain integration from rest, constraints, and ends that are no successes."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks.supralinear import saturating_power_law
from tuneful.stability import stabilize_operating_point

# One function for all tests: what JAX compiles for it serves them all.
GAIN = partial(saturating_power_law, k=0.04, n=2.0, r0=100.0, r1=200.0)
TAU = (20.0, 10.0)
INPUTS = 10 + 2 * np.random.default_rng(3).normal(size=(2, 30))
RUNAWAY = random_network(30, 4, density=0.4, radius=3.0, gamma=0.5)  # saturates at 200 Hz
OSCILLATING = random_network(30, 3, density=0.4, radius=4.0, gamma=0.5)
SLOW = random_network(30, 0, density=0.4, radius=2.0, gamma=1.0)  # settles, with an abscissa above -0.02


def stabilized(network=RUNAWAY, target=-0.02, **options):
    inputs = options.pop("external", INPUTS)
    return stabilize_operating_point(network.weights, inputs, GAIN, TAU, target, ceiling=100.0, **options)


def plain_gain(u):
    """The saturating power law once more, in NumPy."""
    v0 = (100 / 0.04) ** 0.5
    above = 100 + 100 * np.tanh(2 * 100 / 100 * (u - v0) / v0)
    return np.where(u > v0, above, 0.04 * np.maximum(u, 0) ** 2)


def integrated(weights, external, duration=3000.0, step=0.1):
    """Forward Euler from rest, (conditions, N)."""
    tau = np.repeat(TAU, 15)
    rates = np.zeros((len(external), 30))
    for _ in range(round(duration / step)):
        rates = rates + step * (-rates + plain_gain(rates @ weights.T + external)) / tau
    return rates


def plain_abscissae(weights, rates, external):
    """Eigenvalues of the Jacobian by central differences."""
    tau = np.repeat(TAU, 15)
    found = []
    for r, i in zip(rates, external, strict=True):
        h = 1e-5 * np.eye(30)
        slope = np.stack([plain_gain(weights @ (r + d) + i) - plain_gain(weights @ (r - d) + i) for d in h], 1) / 2e-5
        found.append(np.linalg.eigvals((slope - np.eye(30)) / tau[:, None]).real.max())
    return np.array(found)


def assert_constraints(circuit, network):
    w, e = circuit.weights, network.excitatory
    np.testing.assert_array_equal(w[:, e], network.weights[:, e])
    assert (w[:, ~e] <= 0).all()
    assert not w[network.weights == 0].any()


@pytest.mark.parametrize("network", [RUNAWAY, OSCILLATING], ids=["runs away", "oscillates"])
def test_a_network_without_stable_state_has_one_in_the_end(network):
    before = integrated(network.weights, INPUTS)
    ten_ms_later = integrated(network.weights, INPUTS, duration=3010.0)
    assert before.max() > 100 if network is RUNAWAY else np.abs(ten_ms_later - before).max() > 1
    circuit = stabilized(network)
    assert (circuit.outcome, circuit.strength) == ("reached", 1.0)
    assert circuit.strengths[0] < 1
    assert all(check.holds for check in circuit.checks)
    assert_constraints(circuit, network)
    assert len(circuit.history) == len(circuit.strengths) == circuit.steps + 1
    # Deviations decay faster than exp(-0.02 t): nothing is left of 100 Hz after 3,000 ms but rounding.
    np.testing.assert_allclose(integrated(circuit.weights, INPUTS), circuit.rates, rtol=0, atol=1e-9)
    # Differences of f: rounding 1e-14 / 1e-5, and eigenvalues of a matrix that is not normal, by 1e2 at most.
    exact = plain_abscissae(circuit.weights, circuit.rates, INPUTS)
    np.testing.assert_allclose(circuit.abscissae, exact, rtol=0, atol=1e-6)
    assert circuit.abscissa <= -0.02


def test_every_condition_is_brought_to_the_target():
    both, first = stabilized(SLOW), stabilized(SLOW, external=INPUTS[0])
    assert both.reached
    assert first.reached
    assert both.abscissae.shape == (2,)
    assert first.rates.shape == (1, 30)
    assert (both.abscissae <= -0.02).all()


def test_lower_targets_and_silent_synapses():
    """With silent synapses free to grow, self-connections among them, inhibition has more ways."""
    allowed = np.ones((30, 30), bool)
    circuit = stabilized(SLOW, target=-0.045, allowed=allowed)
    assert circuit.reached
    assert all(check.holds for check in circuit.checks)
    assert (circuit.weights[SLOW.weights == 0] < 0).any()
    kept = stabilized(SLOW, target=-0.045)
    assert_constraints(kept, SLOW)


def test_a_stable_network_stays_as_it_is():
    circuit = stabilized(SLOW, target=-0.001)
    assert (circuit.outcome, circuit.steps) == ("reached", 0)
    np.testing.assert_array_equal(circuit.weights, SLOW.weights)


def test_without_places_nothing_can_be_reached():
    circuit = stabilized(SLOW, allowed=np.zeros((30, 30), bool))
    assert (circuit.outcome, circuit.reached) == ("stalled", False)
    assert circuit.explanation.startswith("not reached")
    np.testing.assert_array_equal(circuit.weights, SLOW.weights)
    assert [check.name for check in circuit.checks if not check.holds] == ["abscissa of the state reached from rest"]


def test_a_limit_of_steps_gives_the_best_on_the_way():
    circuit = stabilized(max_steps=1)
    assert (circuit.outcome, circuit.steps) == ("max_steps", 1)
    assert circuit.strength == circuit.strengths.max()
    assert not all(check.holds for check in circuit.checks)


@pytest.mark.parametrize("how", ["ctrl-c", "observer"])
def test_interruption_keeps_the_best(how):
    seen = []

    def observer(moment):
        seen.append((moment.steps, moment.state.abscissa))
        if moment.steps == 2 and how == "ctrl-c":
            raise KeyboardInterrupt
        return moment.steps == 2

    circuit = stabilized(target=-0.045, observers=[observer])
    assert circuit.outcome == "interrupted"
    assert [step for step, _ in seen] == [0, 1, 2]
    known = seen if how == "observer" else seen[:-1]  # the last is not known to all observers
    assert circuit.history.tolist() == [abscissa for _, abscissa in known]


def test_input_that_is_too_strong_leaves_no_state():
    circuit = stabilized(external=INPUTS + 1000)
    assert (circuit.outcome, circuit.steps) == ("no_state", 0)
    assert np.isnan(circuit.abscissa)
    assert np.isnan(circuit.rates).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 0.1}, "negative number"),
        ({"target": np.nan}, "negative number"),
        ({"target": -0.2}, "self-connections"),
        ({"external": np.ones(4)}, r"not \(4,\)"),
        ({"external": np.full(30, np.nan)}, "finite"),
        ({"allowed": np.ones((2, 2), bool)}, "allowed must be"),
        ({"eps": 0.0}, "eps must be positive"),
        ({"max_steps": -1}, "max_steps"),
        ({"excitatory": np.ones(30, bool)}, "is excitatory and has a negative weight"),
    ],
    ids=str,
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        stabilized(**options)
    with pytest.raises(ValueError, match="no inhibitory cell"):
        stabilize_operating_point(np.abs(RUNAWAY.weights), INPUTS, GAIN, TAU, -0.02)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gain": 3}, "gain must be a function, written in JAX"),
        ({"gain": np.tanh}, "gain must be a function, written in JAX"),
        ({"gain": lambda u: u[:, :1]}, "gain must be a function, written in JAX"),
        ({"target": None}, "target must be a number"),
        ({"max_steps": 1.5}, "max_steps must be a whole number"),
        ({"settings": 3}, "settings must be OperatingSettings"),
        ({"state": 3}, "state must be OperatingState"),
        ({"external": [1j, 0]}, "external must be real numbers"),
    ],
)
def test_arguments_of_other_kinds(changed, message):
    weights = np.array([[1.2, -0.5], [1.0, -0.2]])
    usual = {"weights": weights, "external": np.ones(2), "gain": jnp.tanh, "tau": (20.0, 10.0), "target": -0.03}
    with pytest.raises(ValueError, match=message):
        stabilize_operating_point(**usual | changed)
