"""What all figures share: ticks, names in the margin, and figures of one's own."""

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot

from tuneful.plot import style
from tuneful.plot.courses import abscissa


def test_names_in_the_margin_do_not_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        heights = np.sort(rng.uniform(0, 1, 4)) ** 2
        placed = np.array(style._apart(heights.tolist(), 0.1))
        assert (np.diff(placed) > 0.1 - 1e-9).all()
        assert placed[0] >= 0
    assert style._apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    np.testing.assert_allclose(style._apart([0.5, 0.5, 0.5, 0.9], 0.1), [0.4, 0.5, 0.6, 0.9])


def test_ticks_are_short():
    assert [style.tick(v) for v in (0, -2.5e6, 1e-5, 40_000, 0.25)] == ["0", "−2.5e6", "1e−5", "40000", "0.25"]


def test_a_plot_makes_a_figure_with_a_legend_and_leaves_settings_alone():
    before = dict(mpl.rcParams)
    axes = abscissa([2.0, 0.5])
    with style.panel(None) as named:
        named.plot([0, 1], label="$x_{")
        named.plot([1, 0], label="$x_{")
    try:
        assert not axes.figure.legends
        assert [text.get_text() for text in named.figure.legends[0].texts] == ["$x_{"]
        assert dict(mpl.rcParams) == before
    finally:
        for figure in (axes.figure, named.figure):
            pyplot.close(figure)
