"""The last look at an answer: how often it holds where it should, and what it names where it does not."""

import numpy as np
import pytest
from scipy.stats import kstest

from tuneful.fitting.certificate import Certificate
from tuneful.fitting.linearised import Linearised


def certificate(gradient, noise, metric, sampling=np.nan):
    sampling = np.broadcast_to(sampling, (2, *np.shape(metric)))
    at = Linearised(np.array(0.0), np.asarray(gradient), np.asarray(metric), np.asarray(noise), sampling)
    return Certificate.of(at, at)


def test_at_minima_its_p_value_is_uniform():
    """To the 1 % line of Kolmogorov and Smirnov for 300 of them."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(3, 3))
    gradients = rng.normal(size=(300, 3)) @ factor.T * np.sqrt(2)
    found = [certificate(g, factor @ factor.T, np.eye(3)).p_value for g in gradients]
    assert kstest(found, "uniform").statistic < 1.63 / np.sqrt(300)


def test_what_still_slides_is_named_downhill():
    found = certificate([0.0, 3.0, 0.01], np.diag([1.0, 0.01, 1e-6]), np.diag([10.0, 1.0, 0.1]))
    assert not found.holds
    table = found.table(["a", "b", "c"])
    assert table["sliding"] == "b down"
    assert table["newton_step"]["b"] == pytest.approx(-3)
    assert table["chi_square"] == pytest.approx(9 / 0.02 + 1e-4 / 2e-6)


def test_one_that_holds_names_nothing():
    assert certificate([0.1, 0.0], np.eye(2), np.eye(2)).table(["a", "b"])["sliding"] is None


def test_no_slope_of_what_depends_on_nothing_certifies_nothing():
    found = certificate(np.zeros(2), np.zeros((2, 2)), np.zeros((2, 2)))
    assert found.is_empty
    assert not found.holds
    assert found.table(["a", "b"])["sliding"] is None


def test_the_covariance_counts_the_sampling_of_units_and_of_curves():
    """H^-1 (S_data + S_sim) H^-1 in one direction: 2^-2 (5 + 3); NaN where the objective does not know."""
    sampling = np.array([[[2.0]], [[5.0]]])
    assert certificate([0.0], [[3.0]], [[9.0]], sampling).covariance == pytest.approx(np.array([[2.0]]))
    assert np.isnan(certificate([0.0], [[3.0]], [[9.0]]).covariance).all()
