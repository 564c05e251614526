"""Several panels in one figure."""

from functools import partial

import pytest

from tuneful.plot.courses import abscissa
from tuneful.plot.sheets import Panel, sheet
from tuneful.plot.style import SIZE, WIDE


def panel(title, size=SIZE):
    return Panel(title, "a $note_{", partial(abscissa, [2.0, 0.5], 0.7), title, size=size)


@pytest.mark.parametrize(("sizes", "rows"), [([SIZE] * 5, 2), ([WIDE] * 3, 2), ([SIZE], 1)])
def test_panels_are_in_rows_that_hold_them(sizes, rows):
    figure = sheet([panel(f"$p_{{{i}", size) for i, size in enumerate(sizes)])
    figure.draw_without_rendering()
    assert len(figure.axes) == len(sizes)
    assert len({round(axes.get_position().y0, 2) for axes in figure.axes}) == rows


def test_panels_without_anything_to_be_seen_are_left_out():
    empty = Panel("", "", None, "")
    assert len(sheet([empty, panel("shown"), empty]).axes) == 1
