"""Random E/I networks: counts, signs, radius, and what is refused."""

import numpy as np
import pytest
import scipy.sparse

from tuneful.circuits import cell_types, random_network, random_networks, user_network
from tuneful.networks.random_weights import excitatory_weight


def test_published_start(reference):
    """The oracle draws its networks in the same way from the same generator."""
    for case in reference("soc"):
        network = random_network(
            case["n"], case["seed"], density=case["p"], radius=case["radius"], gamma=case["gamma"]
        )
        assert network.weights.sum() == pytest.approx(case["weights_sum"], rel=1e-13)
        assert np.linalg.eigvals(network.weights).real.max() == pytest.approx(case["abscissa"], abs=1e-10)


@pytest.mark.parametrize("fraction", [0.5, 0.8, 0.25])
@pytest.mark.parametrize("distribution", ["constant", "lognormal"])
def test_counts_signs_and_types(fraction, distribution):
    network = random_network(60, 3, density=0.15, excitatory_fraction=fraction, distribution=distribution, spread=0.7)
    assert (network.weights != 0).sum() == round(0.15 * 60 * 59)
    assert not np.diag(network.weights).any()
    assert network.excitatory.sum() == round(fraction * 60)
    assert (network.weights[:, network.excitatory] >= 0).all()
    assert (network.weights[:, ~network.excitatory] <= 0).all()
    np.testing.assert_array_equal(cell_types(network.weights), network.excitatory)


@pytest.mark.parametrize(("distribution", "spread"), [("constant", 0.0), ("lognormal", 0.5)])
def test_variance_gives_the_radius(distribution, spread):
    """N times the mean variance of an entry is R^2, counted over the off-diagonal entries of a large network."""
    n, radius, density, q = 1000, 5.0, 0.2, 0.7
    network = random_network(
        n, 0, density=density, radius=radius, excitatory_fraction=q, distribution=distribution, spread=spread
    )
    off = ~np.eye(n, dtype=bool)
    columns = [network.weights[:, cells][off[:, cells]] for cells in (network.excitatory, ~network.excitatory)]
    variance = q * columns[0].var() + (1 - q) * columns[1].var()
    # About 140,000 and 60,000 connections; the squares of lognormal weights have a relative deviation of
    # sqrt(exp(4 spread^2) - 1) = 1.3, so the variance is known to 1.3 / sqrt(60,000) = 0.5 %: four of those.
    assert n * variance == pytest.approx(radius**2, rel=0.02)
    assert excitatory_weight(n, density, radius, 3.0, q, spread) == pytest.approx(columns[0].sum() / 139860, rel=0.02)


def test_mask_and_seed():
    allowed = np.zeros((30, 30), bool)
    allowed[:10] = True
    network = random_network(30, 1, density=0.5, allowed=allowed)
    assert (network.weights != 0).sum() == 150
    assert not network.weights[~allowed].any()
    np.testing.assert_array_equal(network.weights, random_network(30, 1, density=0.5, allowed=allowed).weights)


def test_networks_of_a_batch_depend_on_their_number_only():
    three, two = random_networks(3, 20, seed=5), random_networks(2, 20, seed=5)
    for a, b in zip(three[:2], two, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
    assert (three[1].weights != three[2].weights).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n must be a whole number, 2 or more"),
        ({"density": 1.0}, "density"),
        ({"density": 1e-4}, "rounds to none"),
        ({"radius": -1.0}, "radius"),
        ({"gamma": 0.0}, "gamma"),
        ({"excitatory_fraction": 0.999}, "excitatory_fraction"),
        ({"distribution": "normal"}, "distribution"),
        ({"allowed": np.ones((3, 3), bool)}, "allowed"),
        ({"allowed": np.ones((20, 20))}, "truth values"),
    ],
)
def test_impossible_networks_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        random_network(**({"n": 20, "seed": 0} | options))


@pytest.mark.parametrize(
    ("weights", "excitatory", "message"),
    [
        (np.ones((2, 3)), None, "shape"),
        (np.full((2, 2), np.nan), None, "not finite"),
        (np.array([[0.0, -1], [1, 1]]), None, "both signs"),
        (np.array([[0.0, 0], [1, 0]]), None, "type is unknown"),
        (np.array([[0.0, -1], [1, 0]]), np.array([False, False]), "Column 0 is inhibitory"),
        (np.array([[0.0, -1], [1, 0]]), np.array([True, True]), "Column 1 is excitatory"),
        (np.array([[0.0, -1], [1, 0]]), np.array([1, 0]), "truth values"),
    ],
)
def test_matrices_that_break_the_rules_are_refused(weights, excitatory, message):
    with pytest.raises(ValueError, match=message):
        user_network(weights, excitatory)


def test_silent_columns_take_the_type_that_is_given():
    network = user_network(np.array([[0.0, 0], [1, 0]]), np.array([True, False]))
    assert network.weights[1, 0] == 1


def test_matrices_of_other_kinds():
    network = random_network(6, 0, density=0.5)
    dense, types = network.weights, network.excitatory
    for given in (
        scipy.sparse.csr_matrix(dense),
        scipy.sparse.coo_array(dense),
        dense.tolist(),
        dense.astype(object),
    ):
        np.testing.assert_array_equal(user_network(given, types).weights, dense)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.eye(2) * (1 + 1e-9j), "2 imaginary parts are not zero"),
        (np.eye(2) * (1 + 0j), "imaginary parts are all zero, so take the real part"),
        (np.array([["1", "0"], ["0", "1"]]), "not values of type <U1"),
        (np.array([[1, None], [0, 1]]), "not values of type object"),
        (np.ma.masked_equal(np.eye(2), 0), "masked entries"),
        (scipy.sparse.coo_array((10**6, 10**6)), "at most 16000"),
        ([[1, 2], [3]], "rows of equal length"),
        (np.eye(2) * 1e300, "largest weight is 1e\\+300"),
        (np.eye(2) * 1e-300, "largest weight is 1e-300"),
        (np.array([[0.0, 1.0], [-1.0, -1.0]]), "each row has one, so rows look presynaptic: transpose"),
    ],
)
def test_matrices_that_are_no_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        user_network(weights)


@pytest.mark.parametrize("name", ["radius", "gamma", "density", "spread"])
@pytest.mark.parametrize("value", [1e300, -1.0, np.inf, np.nan, "1"])
def test_extreme_arguments(name, value):
    with pytest.raises(ValueError, match=name):
        random_network(20, 0, distribution="lognormal", **{name: value})
