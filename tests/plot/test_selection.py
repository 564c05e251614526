"""The curves that figures show side by side."""

import numpy as np

from tuneful.curves import make_dataset
from tuneful.plot import selection

NAN = float("nan")
LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}


def test_nearest_looks_at_measured_conditions_only():
    generated = np.array([[1.0, 50.0], [9.0, 2.0]])
    assert selection.nearest(np.array([1.5, NAN]), generated) is not None
    np.testing.assert_array_equal(selection.nearest(np.array([1.5, NAN]), generated), generated[0])
    assert selection.nearest(np.array([NAN, NAN]), generated) is None


def test_every_unit_is_shown_beside_the_curve_nearest_to_it():
    """One generated curve a unit lies close to it; none is the first for all."""
    rng = np.random.default_rng(0)
    generated = rng.uniform(0, 100, (40, 6))
    for i in (0, 7, 39):
        measured = generated[i] + rng.uniform(-0.1, 0.1, 6)
        measured[i % 6] = NAN
        np.testing.assert_array_equal(selection.nearest(measured, generated), generated[i])


def test_the_gallery_shows_every_unit_with_its_own_neighbour():
    """Generated curves are those of the units in another order, a little off: whoever shows one for all is caught."""
    rng = np.random.default_rng(1)
    rates = rng.gamma(1.5, 8.0, (12, 27))
    aside = np.arange(12) < 8
    measured = make_dataset(rates, POSITIONS).assign_coords(held_out=("unit", aside))
    of_unit = rng.permutation(12)
    end = make_dataset(rates[of_unit] + rng.uniform(0, 1e-3, rates.shape), POSITIONS)
    pairs = selection.pairs(selection.held_out(measured), end)
    assert len({pair.unit for pair in pairs}) == 8
    units = measured["unit"].values.tolist()
    for pair in pairs:
        row = of_unit.tolist().index(units.index(pair.unit))
        np.testing.assert_array_equal(pair.nearest, end["rate"].values[row])
        assert 0 < pair.difference < 1e-3


def test_choice_spans_rates_and_modulation():
    rng = np.random.default_rng(0)
    rates = rng.gamma(2.0, 5.0, (200, 1)) * (1 + rng.uniform(0, 1, (200, 1)) * rng.normal(size=(200, 9)))
    chosen = selection.choose(rates)
    means, modulations = rates.mean(axis=1), rates.std(axis=1)
    assert len(set(chosen)) == 8
    assert np.quantile(means, 0.25) > means[chosen[0]]
    assert np.quantile(means, 0.75) < means[chosen[-1]]
    assert (modulations[chosen[1::2]] > modulations[chosen[::2]]).all()


def test_projection_is_the_linear_fit():
    positions = np.stack(list(POSITIONS.values()), axis=1)
    curve = 20 + positions @ [3.0, 0.0, 4.0] + np.random.default_rng(0).normal(size=27)
    curve[[2, 11]] = NAN
    found = selection.project(curve, positions)
    assert found is not None
    np.testing.assert_allclose(found.slope, 5.0, atol=4 / np.sqrt(18))  # 4 standard errors of a gradient
    residual = found.rates - found.offset - found.slope * found.positions
    r2 = 1 - (residual**2).sum() / ((found.rates - found.rates.mean()) ** 2).sum()
    np.testing.assert_allclose(found.r2, r2, rtol=1e-12)
    assert selection.project(np.full(27, 3.0), positions) is None
