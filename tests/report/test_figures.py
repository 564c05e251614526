"""What all figures share."""

import numpy as np

from tuneful.report import figures


def test_names_in_the_margin_do_not_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        heights = np.sort(rng.uniform(0, 1, 4)) ** 2
        placed = np.array(figures._apart(heights.tolist(), 0.1))
        assert (np.diff(placed) > 0.1 - 1e-9).all()
        assert placed[0] >= 0
    assert figures._apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    np.testing.assert_allclose(figures._apart([0.5, 0.5, 0.5, 0.9], 0.1), [0.4, 0.5, 0.6, 0.9])


def test_ticks_are_short():
    assert [figures.tick(v) for v in (0, -2.5e6, 1e-5, 40_000, 0.25)] == ["0", "−2.5e6", "1e−5", "40000", "0.25"]
