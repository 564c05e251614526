"""The sets of curves that figures compare."""

import numpy as np

from tuneful.curves import compute, features
from tuneful.report.fit.content import samples

NAN = float("nan")


def test_samples_see_generated_curves_through_the_gaps_of_held_out_units(measured_curves, fit_content):
    measured = measured_curves(4, n_held_out=2)
    measured["rate"].values[:2, 5] = NAN
    content = fit_content(measured=measured)
    values = samples(content, "rate")
    assert np.isnan(values["end"]).all(axis=0).tolist() == [i == 5 for i in range(27)]
    np.testing.assert_array_equal(values["data"], compute("rate", measured["rate"].values[:2], features(measured)))
