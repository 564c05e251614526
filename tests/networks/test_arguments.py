"""What is no number, or no whole one, is named."""

import numpy as np
import pytest

from tuneful.networks.arguments import check_counts, check_numbers, real_array


@pytest.mark.parametrize("value", ["1", True, 1j, np.ones(2), [1]])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="rate must be a number"):
        check_numbers(target=1.0, rate=value)


@pytest.mark.parametrize("value", ["1", True, 1.0, 0, np.nan])
def test_what_is_no_count(value):
    with pytest.raises(ValueError, match="patience must be a whole number, 1 or more"):
        check_counts(least=1, patience=value)


def test_numbers_and_defaults():
    check_numbers(or_none=("c",), a=1, b=np.float32(2), c=None)
    check_counts(or_none=("c",), a=1, b=np.int64(2), c=None)
    with pytest.raises(ValueError, match="a must be a number, not None"):
        check_numbers(or_none=("c",), a=None)


@pytest.mark.parametrize("values", ["a", None, [1j], [[1], [1, 2]], [1e300], {"a": 1}])
def test_what_are_no_real_numbers(values):
    with pytest.raises(ValueError, match="drive must be real numbers below"):
        real_array("drive", values)
