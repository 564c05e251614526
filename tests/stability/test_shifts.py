"""Shifts: their settings, and the precision that they need."""

import numpy as np
import pytest

from tuneful.stability import Margin, Smoothing


def test_shifts_are_checked():
    for make in (
        lambda: Margin(0.5),
        lambda: Margin(offset=0.0),
        lambda: Smoothing(0.0),
        lambda: Smoothing(shrink=2.0),
    ):
        with pytest.raises(ValueError, match="needs"):
            make()


def test_single_precision_only_far_from_the_spectrum():
    assert Margin().precision(radius=10.0) is np.float32
    assert Margin().precision(radius=100.0) is np.float64
    assert Smoothing().precision(radius=1.0) is np.float64
