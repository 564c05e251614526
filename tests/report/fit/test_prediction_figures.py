"""Figures of the prediction."""

import re

import numpy as np

from tuneful.report.fit import prediction, prediction_figures


def test_figure_shows_truth_and_data_where_they_are():
    model, data = (prediction.Along(x, x, 2 * x, 3 * x) for x in (np.arange(1.0, 8.0), np.array([1.0, 3.0])))
    truth, new = prediction.Along(*[np.array([2.0])] * 4), np.array([2.0, 4.0, 5.0])
    with_truth, without = (
        str(prediction_figures.rates_figure("size", model, data, found, new)) for found in (truth, None)
    )
    for svg, teal in ((with_truth, 1), (without, 0)):
        markers = {role: len(re.findall(rf'<use [^>]*style="fill: var\(--{role},', svg)) for role in ("truth", "ink")}
        assert markers == {"truth": teal, "ink": 2}
        assert len(re.findall(r'<use [^>]*style="fill: var\(--end,', svg)) == 1 + 3  # the band, and triangles
        assert "fill-opacity: 0.18" in svg
