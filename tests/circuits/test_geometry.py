"""Sites on a line."""

import numpy as np
import pytest

from tuneful.circuits.geometry import Line


def test_sites_are_equally_spaced_from_end_to_end():
    line = Line(n_sites=9, extent=3.0)
    np.testing.assert_allclose(np.diff(line.grid), line.spacing)
    assert (line.grid[0], line.grid[-1], line.spacing) == (-3, 3, 0.75)
    squared = line.squared_distances
    assert all(squared[i, j] == (line.grid[i] - line.grid[j]) ** 2 for i, j in np.ndindex(9, 9))


def test_the_nearest_site_is_nearer_than_any_other():
    line = Line(n_sites=9, extent=3.0)
    positions = np.random.default_rng(0).uniform(-3, 3, 200)
    np.testing.assert_array_equal(line.nearest(positions), np.abs(positions[:, None] - line.grid).argmin(axis=1))


def test_positions_off_the_line_are_refused():
    Line(5, 2.0).check((-2.0, 2.0))
    with pytest.raises(ValueError, match=r"sites must lie on \[-2, 2\], not at 2.1"):
        Line(5, 2.0).check((0.0, 2.1))
