"""Paths that name nothing that can be read."""

import pytest

from tuneful.curves import make_dataset
from tuneful.errors import DatasetError
from tuneful.readers import load, save

REFUSED = r"cannot be the name of a file|begins with the home"


@pytest.mark.parametrize("name", ["", "a\0b.nc", "~nobody-of-that-name/a.csv"])
def test_names_of_no_file_are_refused(name):
    with pytest.raises(DatasetError, match=REFUSED):
        load(name)
    with pytest.raises(DatasetError, match=REFUSED):
        save(make_dataset([[1.0]], {"size": [1]}), name)


def test_a_name_that_the_system_refuses_is_of_no_file():
    with pytest.raises(DatasetError, match="There is no file or folder 'xxx"):
        load("x" * 5000)
