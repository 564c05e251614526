"""The panels of a page, of curves over two crossed features among others."""

import dataclasses

import numpy as np
import pytest

from tuneful.report.figures import draw
from tuneful.report.fit import panels, render

SIZES, CONTRASTS = (5.0, 13.0, 36.0), (0.0, 50.0)
CROSSED = {"size": np.tile(SIZES, 2), "contrast": np.repeat(CONTRASTS, 3)}
STATISTICS = ("full_suppression_index", "full_preferred_size")


@pytest.fixture
def content(fit_content):
    return fit_content(names=STATISTICS, conditions=CROSSED)


def test_a_page_shows_means_of_both_sides_and_the_unit_of_the_data(content):
    page = render(content)
    assert "Mean of measured curves" in page
    assert "Mean of generated curves" in page
    assert "rate (Hz)" in page
    measured = content.measured.assign(rate=content.measured["rate"].assign_attrs(units="events"))
    page = render(dataclasses.replace(content, measured=measured))
    assert "response (events)" in page
    assert "Hz" not in page.replace("1/Hz", "").replace(">Hz<", "").split("<script")[0].split("Parameters</h2>")[0]


def test_many_values_of_the_second_feature_make_a_map(content, fit_content):
    many = {"size": np.tile(SIZES, 9), "contrast": np.repeat(np.arange(9.0), 3)}
    crowded = fit_content(names=STATISTICS, conditions=many)
    drawn, few = (str(draw(panels.means(shown)[0])) for shown in (crowded, content))
    assert drawn.count("<path") > few.count("<path") + 15  # a patch a condition
    assert "darker" in panels.mean_caption(crowded)
    assert "A line for each" in panels.mean_caption(content)


def test_error_bars_are_on_the_page_where_they_are_known(content):
    rates = content.measured["rate"]
    trials = content.measured.assign(rate_var=rates * 0 + 4, n_trials=rates * 0 + 4)
    with_trials = dataclasses.replace(content, measured=trials)
    bare, barred = (str(draw(panels.curves(c, panels.pairs(c)[:1])[0])) for c in (content, with_trials))
    assert barred.count("<path") > bare.count("<path")
