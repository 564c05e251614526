"""Sites on a line, a ring and a sheet."""

import numpy as np
import pytest

from tuneful.circuits.geometry import Line, Ring, Sheet, as_places


def test_sites_are_equally_spaced_from_end_to_end():
    line = Line(n_sites=9, extent=3.0)
    np.testing.assert_allclose(np.diff(line.grid), line.spacing)
    assert (line.grid[0], line.grid[-1], line.spacing) == (-3, 3, 0.75)
    squared = line.squared_distances
    assert all(squared[i, j] == (line.grid[i] - line.grid[j]) ** 2 for i, j in np.ndindex(9, 9))


def test_sites_of_a_ring_are_equally_spaced_all_around_and_distances_the_shorter_ways():
    ring = Ring(n_sites=7, period=180.0)
    np.testing.assert_allclose(np.diff([*ring.grid, ring.grid[0] + 180]), ring.spacing)
    for i, j in np.ndindex(7, 7):
        ways = [(ring.grid[i] - ring.grid[j] + turns * 180) ** 2 for turns in (-1, 0, 1)]
        assert ring.squared_distances[i, j] == pytest.approx(min(ways), abs=1e-10)
    seen = ring.distances(np.array([10.0, 350.0, -30.0]))
    for row, orientation in zip(seen, (10, 350, -30), strict=True):
        ways = [abs(ring.grid - orientation + turns * 180) for turns in range(-3, 4)]
        np.testing.assert_allclose(row, np.min(ways, axis=0), atol=1e-10)


def test_a_turned_ring_is_the_same_to_the_bit():
    squared = Ring(n_sites=12, period=179.3).squared_distances
    np.testing.assert_array_equal(np.roll(squared, (5, 5), axis=(0, 1)), squared)


def test_sites_of_a_sheet_are_all_pairs_of_two_lines():
    sheet = Sheet(n_sites=4, extent=1.5)
    assert (sheet.count, len(sheet.grid), Line(4, 1.0).count, Ring(4, 1.0).count) == (16, 16, 4, 4)
    assert {tuple(place) for place in sheet.grid} == {(x, y) for x in sheet.side.grid for y in sheet.side.grid}
    for i, j in np.ndindex(16, 16):
        assert sheet.squared_distances[i, j] == pytest.approx(((sheet.grid[i] - sheet.grid[j]) ** 2).sum())


@pytest.mark.parametrize("n_sites", [8, 9])
def test_the_nearest_site_is_nearer_than_any_other(n_sites):
    places = np.random.default_rng(0).uniform(-3, 3, (200, 2))
    line, ring, sheet = Line(n_sites, 3.0), Ring(n_sites, 4.0), Sheet(n_sites, 3.0)
    on_axis = places[:, 0]
    np.testing.assert_array_equal(line.nearest(on_axis), np.abs(on_axis[:, None] - line.grid).argmin(axis=1))
    np.testing.assert_array_equal(ring.nearest(on_axis), ring.distances(on_axis).argmin(axis=1))
    apart = ((places[:, None] - sheet.grid) ** 2).sum(axis=-1)
    np.testing.assert_array_equal(sheet.nearest(places), apart.argmin(axis=1))


@pytest.mark.parametrize(
    ("geometry", "sites", "words"),
    [
        (Line(5, 2.0), (0.0, 2.1), r"sites must lie on \[-2, 2\], not at 2.1"),
        (Line(5, 2.0), ((0.0, 1.0),), "sites on a line must be numbers, not pairs such as"),
        (Line(2, 2.0), (0.0,), "n_sites must be at least 3, not 2"),
        (Ring(10**9, 180.0), (0.0,), "n_sites must be at most 46340, beyond which connections cannot be numbered"),
        (Line(5, 0.0), (0.0,), "extent must be positive, not 0.0"),
        (Ring(5, -1.0), (0.0,), "period must be positive, not -1.0"),
        (Ring(5, 180.0), ((0.0, 1.0),), "sites on a ring must be numbers"),
        (Sheet(5, 2.0), (0.0,), r"sites on a sheet must be pairs \[x, y\], such as \[\[0, 0\]\], not 0.0"),
        (Sheet(5, 2.0), ((0.0, -2.1),), r"sites must lie on \[-2, 2\], not at -2.1"),
    ],
)
def test_places_that_a_geometry_does_not_have_are_refused(geometry, sites, words):
    with pytest.raises(ValueError, match=words):
        geometry.check(sites)


def test_places_that_it_has_are_not():
    Line(5, 2.0).check((-2.0, 2.0))
    Ring(5, 180.0).check((0.0, 1000.0))
    Sheet(5, 2.0).check(((0.0, 2.0), (-2.0, 1.0)))


@pytest.mark.parametrize("wrong", [(), np.nan, [[0.0]], [[[0.0, 1.0]]]])
def test_what_is_no_place(wrong):
    with pytest.raises(ValueError, match="expected places, one finite number or pair"):
        as_places(wrong)
