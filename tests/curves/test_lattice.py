"""Linearity and complexity over positions: against the definitions condition by condition, and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuneful.curves import compute
from tuneful.curves.lattice import neighbours

NAN = np.nan
GRID = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), -1).reshape(27, 3)
POSITION = dict(zip("xyz", GRID.T, strict=True))


def by_hand(name, curve, conditions):
    """The definition, for one curve, condition by condition: an independent truth for missing entries."""
    seen = np.flatnonzero(~np.isnan(curve))
    r = curve[seen]
    if len(r) == 0 or r.max() == r.min():
        return NAN
    if name == "r2":
        design = np.c_[np.ones(len(seen)), *(conditions[a][seen] for a in "xyz")]
        if len(seen) < 5 or np.linalg.matrix_rank(design) < 4:
            return NAN
        fit = design @ np.linalg.lstsq(design, r, rcond=None)[0]
        return 1 - ((r - fit) ** 2).sum() / ((r - r.mean()) ** 2).sum()
    u = 2 * (curve - r.min()) / (r.max() - r.min()) - 1
    at = np.stack([conditions[a] for a in "xyz"], 1)
    steps = [abs(u[i] - u[j]) for i in seen for j in seen if i < j and np.abs(at[i] - at[j]).sum() == 1]
    return np.std(steps) if len(steps) >= 2 else NAN


@given(
    rates=arrays(float, (4, 27), elements=st.integers(0, 40).map(float)),
    kept=arrays(bool, (2, 27)),
    which=arrays(int, 4, elements=st.integers(0, 1)),
)
@pytest.mark.parametrize("name", ["r2", "complexity"])
def test_missing_conditions_are_left_out(name, rates, kept, which):
    rates = np.where(kept[which], rates, NAN)
    expected = np.array([by_hand(name, curve, POSITION) for curve in rates])
    np.testing.assert_allclose(compute(name, rates, POSITION), expected, atol=1e-9)


def test_r2_is_undefined_where_the_fit_is_not_determined():
    curve = np.arange(27.0)[None]
    on_a_plane = np.where(GRID[:, 0] == 0, curve, NAN)
    four_points = np.where(np.isin(np.arange(27), [0, 1, 3, 9]), curve, NAN)
    assert np.isnan(compute("r2", on_a_plane, POSITION)).all()
    assert np.isnan(compute("r2", four_points, POSITION)).all()
    assert compute("r2", curve, POSITION) == pytest.approx(1)


@pytest.mark.parametrize("height", [None, 0.0, -7.5])
def test_in_a_plane_r2_and_complexity_are_those_of_two_dimensions(height):
    x, y = (axis.ravel() for axis in np.meshgrid([-1.0, 0, 1], [-1.0, 0, 1], indexing="ij"))
    plane = {"x": x, "y": y} | ({} if height is None else {"z": np.full(9, height)})
    curves = np.random.default_rng(0).uniform(0, 9, (5, 9))
    design = np.c_[np.ones(9), x, y]
    residual = curves.T - design @ np.linalg.lstsq(design, curves.T, rcond=None)[0]
    np.testing.assert_allclose(
        compute("r2", curves, plane), 1 - residual.var(axis=0) / curves.var(axis=1), rtol=1e-12
    )
    assert len(neighbours(plane)[0]) == 12
    expected = [by_hand("complexity", curve, {"x": x, "y": y, "z": 0 * x}) for curve in curves]
    np.testing.assert_allclose(compute("complexity", curves, plane), expected, rtol=1e-12)


def test_without_two_neighbours_or_any_axis_nothing_is_defined():
    angle = np.arange(8) * np.pi / 4
    center_out = {"x": np.cos(angle), "y": np.sin(angle)}
    curves = np.random.default_rng(0).uniform(0, 9, (2, 8))
    assert np.isfinite(compute("r2", curves, center_out)).all()
    assert np.isnan(compute("complexity", curves, center_out)).all()
    assert np.isnan(compute("r2", curves, {"x": np.ones(8), "y": np.ones(8)})).all()


@pytest.mark.parametrize(
    "levels",
    [
        ([-1, 0, 1], [-1, 0, 1], [-1, 0, 1]),
        ([-35, 0, 35], [-35, 0, 35], [-40, -5, 30]),
        ([0.1, 0.2, 5.0], [3.0, 2.0], [0.0, 7.0, 9.0, 9.5]),
        ([0.0], [1.0], [0.0, 1.0]),
    ],
)
def test_neighbours_of_any_full_grid(levels):
    at = np.stack(np.meshgrid(*levels, indexing="ij"), -1).reshape(-1, 3)
    at = np.random.default_rng(0).permutation(at)  # the order of conditions does not matter
    first, second = neighbours(dict(zip("xyz", at.T, strict=True)))
    a, b, c = map(len, levels)
    assert len(first) == (a - 1) * b * c + a * (b - 1) * c + a * b * (c - 1)
    assert ((at[first] != at[second]).sum(axis=1) == 1).all()


def test_floating_point_noise_does_not_make_new_levels():
    noisy = POSITION | {"x": POSITION["x"] + 1e-13 * np.arange(27)}
    assert len(neighbours(noisy)[0]) == 54


@given(
    rates=arrays(float, (5, 27), elements=st.integers(0, 40).map(float)),
    scale=st.floats(0.1, 10),
    offset=st.floats(0, 10),
)
def test_r2_and_complexity_do_not_depend_on_scale_and_offset(rates, scale, offset):
    for name in ("r2", "complexity"):
        expected = compute(name, rates, POSITION)
        np.testing.assert_allclose(compute(name, 1 + rates, POSITION), expected, atol=1e-8)
        defined = ~np.isnan(expected)
        np.testing.assert_allclose(
            compute(name, scale * rates[defined] + offset, POSITION), expected[defined], atol=1e-8
        )
