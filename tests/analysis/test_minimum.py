"""The sandwich, against the scatter that the closed form has."""

import numpy as np
import pytest

from tuneful.analysis.clusters import summed
from tuneful.analysis.minimum import Minimum, correlation


def test_the_covariance_is_that_of_the_influence_of_units_and_of_the_sample(quadratic):
    minimum = quadratic.minimum()
    of_units = np.cov(quadratic.influence.T) / len(quadratic.influence)
    of_sample = np.linalg.inv(minimum.curvature) @ minimum.around.noise @ np.linalg.inv(minimum.curvature)
    np.testing.assert_allclose(minimum.covariance, of_units + of_sample, rtol=1e-9)
    assert minimum.simulation_share == pytest.approx(np.max(np.diag(of_sample) / np.diag(minimum.covariance)))


def test_clusters_of_identical_units_count_as_one_each(quadratic):
    """Every unit four times, in clusters: as the units alone, where without clusters they would seem to say more."""
    minimum = quadratic.minimum()
    repeated, numbers = np.repeat(minimum.scores, 4, axis=0) / 4, np.repeat(np.arange(len(minimum.scores)), 4)
    clustered = Minimum(minimum.point, minimum.around, minimum.curvature, summed(repeated, numbers))
    np.testing.assert_allclose(clustered.of_data, minimum.of_data, rtol=1e-9)
    apart = Minimum(minimum.point, minimum.around, minimum.curvature, summed(repeated, np.arange(len(repeated))))
    assert np.trace(apart.of_data) == pytest.approx(np.trace(minimum.of_data) / 4, rel=0.01)


def test_correlations_are_between_minus_one_and_one():
    found = correlation(np.array([[4.0, -2.0, 0.0], [-2.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1, -1, 0], [-1, 1, 0], [0, 0, 0]])
