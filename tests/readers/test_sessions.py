"""Labels of units that begin again."""

import doctest

import pandas as pd
import pytest

from tuneful.curves import DatasetError
from tuneful.readers import examine, load, sessions

LONG = pd.DataFrame({"unit": [1, 1, 1], "mouse": ["m", "m", "n"], "size": [1, 2, 1], "rate": [3.0, 4, 5]})
WIDE = pd.DataFrame({"unit": [1, 2, 1], "session": ["s", "s", "t"], "size=1": [3.0, 4, 5], "size=2": [3.0, 4, 5]})


def test_the_session_comes_before_the_label_and_that_is_said():
    reading = examine(LONG)
    assert reading.dataset["unit"].values.tolist() == ["m-1", "n-1"]
    assert "'m-1'" in reading.notes[0]
    assert load(LONG).attrs["notes"] == list(reading.notes)
    assert load(WIDE)["unit"].values.tolist() == ["s-1", "s-2", "t-1"]


def test_one_unit_in_several_sessions():
    assert load(LONG.iloc[1:], ignore="mouse")["unit"].values.tolist() == ["1"]


def test_labels_that_would_meet():
    table = pd.DataFrame(
        {"unit": ["2", "1-2", "2", "1-2"], "session": ["a-1", "a", "b", "b"], "size=1": [1, 2, 3, 4]}
    )
    with pytest.raises(DatasetError, match="a label of its own"):
        load(table)


def test_the_examples_run():
    found = doctest.testmod(sessions)
    assert found.failed == 0
    assert found.attempted > 0
