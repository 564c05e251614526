"""What columns are called."""

import doctest
import time

import pytest

from tuneful.readers import names
from tuneful.readers.names import Meaning, meaning, measured_in


@pytest.mark.parametrize(
    ("means", "written"),
    [
        (Meaning.UNIT, ["unit", "UNIT", "Unit ", "unit_id", "unitID", "Neuron", "neuron id", "cell", "ROI"]),
        (Meaning.RATE, ["rate", "Rate (Hz)", "rate [sp/s]", "firing_rate", "FiringRate", "Firing rate", "rate_hz"]),
        (Meaning.SESSION, ["session", "ecephys_session_id", "Mouse", "animal-id", "recording date"]),
        (Meaning.TRIAL, ["trial", "Trial #", "rep", "stimulus_presentation_id", "repeat_number"]),
        (Meaning.COUNTER, ["", " ", "Unnamed: 0", "index", "level_0"]),
        (Meaning.IDENTIFIER, ["image_id", "frame index"]),
        (Meaning.FEATURE, ["Size (deg)", "contrast", "X"]),
        (None, ["strange", "united", "rates of change", "repetitive"]),
    ],
)
def test_names_as_people_write_them(means, written):
    assert {name: meaning(name) for name in written} == dict.fromkeys(written, means)


@pytest.mark.parametrize("part", ["[", " ", "(a", ") ", "_", "1"])
def test_no_name_takes_long(part):
    """A search that grew with the square of the length took a minute and more for such names."""
    began = time.process_time()
    meaning(part * 50_000)
    measured_in(part * 50_000)
    assert time.process_time() - began < 1


def test_the_examples_run():
    found = doctest.testmod(names)
    assert found.failed == 0
    assert found.attempted > 0
