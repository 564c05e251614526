"""Cells that are numbers, text, or neither."""

import doctest

import numpy as np
import pandas as pd

from tuneful.readers import columns

NAN = np.nan


def test_codes_stay_text_and_numbers_stay_exact():
    assert columns.parse(pd.Series(["007", "012"])).tolist() == ["007", "012"]
    assert columns.parse(pd.Series(["7", "-12"])).dtype == np.int64
    assert columns.parse(pd.Series(["0.1", "1e-320"])).tolist() == [0.1, 1e-320]
    assert columns.parse(pd.Series(["9" * 30])).tolist() == [1e30]
    assert columns.parse(pd.Series(["True", "False"])).dtype == bool


def test_the_examples_run():
    found = doctest.testmod(columns)
    assert found.failed == 0
    assert found.attempted > 0
