"""Bands of what is computed of a circuit: by hand, and against what is known of normal draws."""

import jax
import numpy as np
import pytest

from tuneful.analysis.predictions import OTHER_KEYS, PredictionDescent, mean_slopes, numbers_by_name, predict
from tuneful.descents import Moment

KEY = jax.random.key(3)


@pytest.fixture(scope="module")
def draws(toy):
    return [toy.with_values({"a": 2.0 + 0.1 * i}) for i in range(41)]


def twice(circuit, key):
    """2 a; and something that depends on the key alone, of standard deviation one."""
    return {"a": 2 * float(circuit.a), "noise": jax.random.normal(key, (300,))}


def test_bands_are_quantiles_over_draws_with_one_key(toy, draws):
    found = predict(twice, draws[20], draws, KEY, truth=draws[3])
    assert found.values["a"] == pytest.approx(8.0)
    assert found.band("a") == pytest.approx([4.4, 8.0, 11.6])  # of 4, 4.2, ..., 12, the 5 % ends
    assert found.truth["a"] == pytest.approx(4.6)
    assert found.simulation_error("a") == 0.0
    assert (found.band("noise") == found.values["noise"]).all()  # the same realisations at all draws
    # a sample variance of 9 has the relative standard error (2 / 8)^.5, the mean of 300 of them .029: 4 of these
    assert (found.simulation_error("noise") ** 2).mean() == pytest.approx(1.0, abs=4 * 0.029)
    assert found.table()["a"]["truth"] == pytest.approx(4.6)
    assert "over 41 draws" in repr(found)


def test_draws_without_a_value_are_counted_and_left_out(draws):
    def lost(circuit, key):
        return np.array([float(circuit.a) if circuit.a > 3 else np.nan, np.nan])

    found = predict(lost, draws[20], draws, KEY)
    assert found.lost("value").tolist() == [11, 41]
    low, median, high = found.band("value")
    assert (low[0], high[0]) == pytest.approx((3.1 + 0.05 * 2.9, 6.0 - 0.05 * 2.9))
    assert np.isnan([low[1], median[1], high[1]]).all()
    assert found.table()["value"]["low"][1] is None
    assert found.truth == {}


@pytest.mark.parametrize("wrong", ["a text", {"x": "y"}, None, {}, {"x": [[1], [2, 3]]}])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="A prediction must be a number"):
        numbers_by_name(wrong)


def test_other_shapes_at_other_parameters_are_refused(draws):
    with pytest.raises(ValueError, match=r"returned .* at a draw"):
        predict(lambda circuit, key: np.zeros(int(circuit.a)), draws[0], draws, KEY)


def test_it_goes_on_from_a_packed_state_and_stops_when_asked(draws):
    descent = PredictionDescent(twice, draws[20], draws, KEY, None)
    state, _ = descent.step(descent.init())
    assert descent.unpack(descent.pack(state)).shape == (1, 301)
    told = []

    def stop(moment: Moment):
        told.append(moment.record)
        return moment.steps == OTHER_KEYS + 2

    with pytest.raises(KeyboardInterrupt):
        predict(twice, draws[20], draws, KEY, observers=[stop])
    assert told[-1] == "draw 2 of 41"


def test_slopes_need_draws_with_values_that_vary():
    points = np.random.default_rng(0).normal(size=(40, 3))
    slopes, share = mean_slopes(points, np.append(points[:-1] @ [1.0, -2.0, 0.0] + 7, np.nan))
    assert slopes == pytest.approx([1.0, -2.0, 0.0], abs=1e-12)
    assert share == pytest.approx(1.0)
    # of a product of normal variables, the mean gradient is zero, and slopes explain nothing but by chance, n / draws
    _, chance = mean_slopes(points, points[:, 0] * points[:, 1])
    assert chance < 4 * 3 / 40
    with pytest.raises(ValueError, match="same at all draws"):
        mean_slopes(points, np.ones(40))
    with pytest.raises(ValueError, match="7 draws have a value, and slopes in 3 parameters need 8"):
        mean_slopes(points[:7], points[:7, 0])
