"""Is excitation alone unstable, and the whole stable? By hand, and for circuits that are built to be."""

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks import circuit_scalars, inhibition_stabilization
from tuneful.networks.inhibition_stabilized import excitation_runs_away
from tuneful.stability import stabilize

PAIR = np.array([[2.0, -2.0], [2.0, -1.0]])  # trace 1, determinant 2: eigenvalues 1/2 +- i sqrt(7)/2


def test_a_pair_by_hand():
    check = inhibition_stabilization(PAIR)
    assert check.holds
    assert (check.excitatory_abscissa, check.abscissa) == (2.0, pytest.approx(0.5))


@pytest.mark.parametrize(
    ("slopes", "holds"),
    [(0.4, False), ([0.4, 1.0], False), ([1.0, 0.1], False), ([0.6, 1.0], True)],
    ids=["weak", "weak excitation", "inhibition does not follow", "strong enough"],
)
def test_the_operating_point_decides(slopes, holds):
    assert inhibition_stabilization(PAIR, slopes=slopes).holds is holds


def test_slopes_act_on_rows_or_on_columns_alike():
    network, slopes = random_network(40, 0), np.random.default_rng(0).uniform(0.2, 1.5, 40)
    by_rows = inhibition_stabilization(network.weights, slopes=slopes)
    columns = network.weights * slopes
    e = network.excitatory
    assert by_rows.abscissa == pytest.approx(np.linalg.eigvals(columns).real.max(), rel=1e-9)
    assert by_rows.excitatory_abscissa == pytest.approx(np.linalg.eigvals(columns[np.ix_(e, e)]).real.max(), rel=1e-9)


def test_slow_inhibition_does_not_stabilise():
    """T^-1 (W - 1) has trace 1 - 2 / tau: positive for tau > 2."""
    assert inhibition_stabilization(PAIR, tau=[1.0, 1.9]).holds
    assert not inhibition_stabilization(PAIR, tau=[1.0, 2.1]).holds


def test_a_stability_optimised_circuit_is():
    network = random_network(60, 0, radius=4.0)
    assert not inhibition_stabilization(network.weights, network.excitatory).holds
    circuit = stabilize(network.weights, network.excitatory, target=0.5)
    check = inhibition_stabilization(circuit.weights, circuit.excitatory)
    scalars = circuit_scalars(circuit.weights, circuit.excitatory)
    assert check.holds
    assert check.excitatory_abscissa == pytest.approx(scalars.excitatory_abscissa)
    assert check.abscissa == pytest.approx(scalars.abscissa)


def test_without_excitatory_cells_nothing_is_to_be_stabilised():
    assert not inhibition_stabilization(-np.ones((2, 2))).holds


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="slopes"):
        inhibition_stabilization(PAIR, slopes=[-1.0, 1.0])
    with pytest.raises(ValueError, match="time constants"):
        inhibition_stabilization(PAIR, tau=0.0)
    with pytest.raises(ValueError, match="Dale"):
        inhibition_stabilization(PAIR.T)


def test_one_linear_solve_says_what_eigenvalues_say():
    """Of networks at slopes that bring the excitatory abscissa to both sides of 1, whatever the time constants."""
    rng, said = np.random.default_rng(0), []
    for scale in (0.4, 0.9, 0.99, 1.01, 1.1, 3.0):
        network, tau = random_network(30, 1), rng.uniform(0.5, 2.0, 30)
        e, slopes = network.excitatory, rng.uniform(0.2, 1.5, 30)
        feedback = slopes[:, None] * network.weights
        feedback *= scale / np.linalg.eigvals(feedback[np.ix_(e, e)]).real.max()
        said.append(bool(excitation_runs_away(jnp.asarray((feedback - np.eye(30)) / tau[:, None], jnp.float32))))
    assert said == [False, False, False, True, True, True]


def test_a_cell_without_others_runs_away_by_itself():
    jacobians = jnp.array([[[0.5]], [[-0.5]]])
    assert excitation_runs_away(jacobians).tolist() == [True, False]
