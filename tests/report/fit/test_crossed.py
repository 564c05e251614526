"""Where curves over two crossed features lie, and their means as lines or maps."""

import dataclasses

import numpy as np
import pytest

from tuneful.curves import make_dataset
from tuneful.report.fit import crossed, render

SIZES, CONTRASTS = (5.0, 13.0, 36.0), (0.0, 50.0)
CROSSED = {"size": np.tile(SIZES, 2), "contrast": np.repeat(CONTRASTS, 3)}
STATISTICS = ("full_suppression_index", "full_preferred_size")


@pytest.fixture
def content(fit_content):
    return fit_content(names=STATISTICS, conditions=CROSSED)


def test_two_features_are_crossed_where_pairs_are_told_apart():
    def found(**conditions):
        return crossed.crossing_of(make_dataset([[1.0] * 4], conditions))

    assert found(size=[1, 1, 4, 4], contrast=[5, 9, 5, 9]) == ("size", "contrast")
    assert found(size=[1, 1, 4, 4], contrast=[5, 9, 5, 9], phase=[0, 0, 0, 0]) == ("size", "contrast")
    assert found(size=[1, 2, 3, 4], contrast=[5, 6, 7, 8]) is None  # no curve over either
    assert found(size=[1, 2, 3, 4]) is None


def test_blocks_have_a_run_for_each_value_of_the_second_feature():
    data = make_dataset([np.arange(6.0)], {name: values[::-1] for name, values in CROSSED.items()})
    layout = crossed.blocks(data, ("size", "contrast"))
    assert CROSSED["size"][::-1][layout.order].tolist() == [*SIZES, *SIZES]
    assert layout.breaks == (3,)
    assert [name for _, name in layout.ticks] == ["0", "50"]
    assert layout.places[2] < layout.bounds[0] < layout.places[3]


def test_a_page_shows_means_of_both_sides_and_the_unit_of_the_data(content):
    page = render(content)
    assert "Mean of measured curves" in page
    assert "Mean of generated curves" in page
    assert "rate (Hz)" in page
    measured = content.measured.assign(rate=content.measured["rate"].assign_attrs(units="events"))
    page = render(dataclasses.replace(content, measured=measured))
    assert "response (events)" in page
    assert "Hz" not in page.replace("1/Hz", "").replace(">Hz<", "").split("<script")[0].split("Parameters</h2>")[0]


def test_many_values_of_the_second_feature_make_a_map(content):
    many = {"size": np.tile(SIZES, 9), "contrast": np.repeat(np.arange(9.0), 3)}
    data, values = make_dataset([np.arange(27.0)], many), np.arange(27.0)
    look = {"colour": "#1b1f24", "top": 27.0}
    drawn = str(crossed.mean_figure(data, ("size", "contrast"), values, look, "a map"))
    few = str(crossed.mean_figure(content.measured, ("size", "contrast"), values[:6], look, "lines"))
    assert drawn.count("<path") > few.count("<path") + 15  # a patch a condition
    assert "darker" in crossed.mean_caption(data)
    assert "A line for each" in crossed.mean_caption(content.measured)
