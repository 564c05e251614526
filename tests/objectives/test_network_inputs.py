"""What networks are shown, by hand."""

import jax.numpy as jnp
import numpy as np

from tuneful.objectives import Measured
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.network_inputs import network_input

DATA = Measured.from_rates([[1.0, np.nan], [3.0, 4.0]])
RATES = jnp.array([[2.0, 9.0], [0.001, 5.0]])


def shown(**asked):
    feature_map = FeatureMap.of(DATA, whiten=True, ridge=0.01)
    asked = {"whiten": False, "tells_missing": False} | asked
    return np.asarray(network_input(RATES, jnp.array([0, 1]), DATA, feature_map, **asked))


def test_parts_are_curves_mask_label_and_silence():
    np.testing.assert_allclose(shown(), [[2.0, 0.0], [0.001, 5.0]])
    whole = shown(tells_missing=True, label=(0.0, 1.0), tells_silence=True)
    np.testing.assert_allclose(whole[:, 2:], [[1, 0, 0, 1, 0, 0], [1, 1, 0, 1, 1, 0]])


def test_whatever_is_written_in_a_missing_condition_is_not_seen():
    whitened = shown(whiten=True, tells_silence=True)
    feature_map = FeatureMap.of(DATA, whiten=True, ridge=0.01)
    other = RATES.at[0, 1].set(0.0)
    again = network_input(
        other, jnp.array([0, 1]), DATA, feature_map, whiten=True, tells_missing=False, tells_silence=True
    )
    np.testing.assert_array_equal(whitened, again)
