"""Statistics of rates alone, against their definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuneful.curves import compute

NAN = np.nan


@given(
    rates=arrays(float, (4, 27), elements=st.integers(0, 40).map(float)),
    kept=arrays(bool, (2, 27)),
    which=arrays(int, 4, elements=st.integers(0, 1)),
)
def test_missing_conditions_are_left_out(rates, kept, which):
    rates = np.where(kept[which], rates, NAN)
    measured = [curve[~np.isnan(curve)] for curve in rates]
    expected = np.array([(r > 5).mean() if len(r) else NAN for r in measured])
    np.testing.assert_allclose(compute("coding_level", rates, {}), expected, atol=1e-9)
