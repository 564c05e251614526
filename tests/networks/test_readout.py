"""The readout is a ridge regression with a free offset."""

import numpy as np
import pytest

from tuneful.networks import fit_readout

RNG = np.random.default_rng(0)
RATES, TARGET = RNG.normal(size=(30, 6)) + 2, RNG.normal(size=30)


def test_it_solves_the_normal_equations():
    readout = fit_readout(RATES, TARGET, noise=0.7)
    design = np.hstack([RATES, np.ones((30, 1))])
    penalty = 30 * 0.7**2 * np.diag([1.0] * 6 + [0.0])
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ TARGET)
    np.testing.assert_allclose([*readout.weights, readout.offset], solution, atol=1e-12)


def test_it_is_the_best_under_noise_of_that_size():
    """Against least squares on very many noisy copies of the rates."""
    copies = 4000
    noisy = np.tile(RATES, (copies, 1)) + 0.7 * np.random.default_rng(1).normal(size=(30 * copies, 6))
    design = np.hstack([noisy, np.ones((len(noisy), 1))])
    solution, residual, _, _ = np.linalg.lstsq(design, np.tile(TARGET, copies), rcond=None)
    readout = fit_readout(RATES, TARGET, noise=0.7)
    errors = np.sqrt(residual[0] / len(noisy) * np.diag(np.linalg.inv(design.T @ design)))
    assert (np.abs(readout.weights - solution[:6]) < 5 * errors[:6]).all()


def test_without_noise_enough_cells_fit_anything():
    rates = RNG.normal(size=(10, 40))
    readout = fit_readout(rates, TARGET[:10], noise=0)
    np.testing.assert_allclose(readout(rates), TARGET[:10], atol=1e-12)


def test_only_the_cells_named_are_read():
    cells = np.array([True, False, True, True, False, True])
    readout = fit_readout(RATES, TARGET, cells)
    assert (readout.weights[~cells] == 0).all()
    np.testing.assert_allclose(readout.weights[cells], fit_readout(RATES[:, cells], TARGET).weights)


def test_outputs_are_independent():
    both = fit_readout(RATES, np.stack([TARGET, TARGET[::-1]], axis=1))
    second = fit_readout(RATES, TARGET[::-1])
    np.testing.assert_allclose(both.weights[:, 1], second.weights)
    np.testing.assert_allclose(both(RATES)[:, 1], second(RATES))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"target": TARGET[:5]}, "do not fit"),
        ({"rates": RATES * np.nan}, "finite"),
        ({"noise": -1.0}, "noise"),
        ({"cells": np.zeros(6, bool)}, "cells"),
        ({"cells": np.ones(6)}, "cells"),
    ],
)
def test_bad_input_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        fit_readout(**({"rates": RATES, "target": TARGET} | change))


@pytest.mark.parametrize("changed", [{"noise": "a"}, {"rates": 1j * np.ones((3, 1))}, {"target": None}])
def test_arguments_that_are_no_numbers(changed):
    with pytest.raises(ValueError, match=f"{next(iter(changed))} must be"):
        fit_readout(**{"rates": np.ones((3, 1)), "target": np.ones(3)} | changed)
