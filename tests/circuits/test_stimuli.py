"""Apertures against their equation, and as features of a dataset."""

import numpy as np
import pytest

from tuneful.circuits.stimuli import Apertures, Design, Discs, as_values, crossed

PLACES = np.linspace(-4, 4, 33)


def apertures(sizes=(1.0, 4.0), contrasts=(10.0, 30.0), positions=(0.5, -1.0), smoothness=0.25):
    return Apertures(as_values(sizes), as_values(contrasts), as_values(positions), smoothness)


def test_the_input_is_equation_12():
    shown = apertures()
    for row, (size, contrast, position) in zip(shown.at(PLACES), shown.table, strict=True):
        sides = [1 / (1 + np.exp(-(size / 2 + sign * (PLACES - position)) / 0.25)) for sign in (1, -1)]
        np.testing.assert_allclose(row, contrast * sides[0] * sides[1], rtol=1e-12, atol=1e-12)


def test_sharp_edges_are_at_half_the_size():
    inside = apertures(sizes=2, contrasts=1, positions=0, smoothness=1e-3).at(PLACES)
    np.testing.assert_allclose(inside[0], np.where(abs(PLACES) < 1, 1, np.where(abs(PLACES) == 1, 0.5, 0)))


def test_one_value_serves_all_conditions():
    np.testing.assert_array_equal(apertures(contrasts=20, positions=0).table, [[1, 20, 0], [4, 20, 0]])
    with pytest.raises(ValueError, match="one value a condition, or one for all, not 2, 3, 2"):
        apertures(contrasts=(1, 2, 3)).check()


def test_conditions_go_there_and_back():
    shown = apertures()
    again = apertures(sizes=1, contrasts=1, positions=1).at_conditions(shown.conditions(), "It")
    assert again == shown
    assert list(apertures(contrasts=20, positions=0).conditions()) == ["size"]
    with pytest.raises(ValueError, match="It needs stimulus sizes, a feature `size`; the data have contrast"):
        shown.at_conditions({"contrast": np.ones(2)}, "It")
    with pytest.raises(ValueError, match="has 2 values of position, but the data have none"):
        shown.at_conditions({"size": np.ones(2), "contrast": np.ones(2)}, "It")


def test_a_blank_reaches_no_place():
    shown = apertures(sizes=(0.0, 2.0, 2.0), contrasts=(20.0, 0.0, 20.0), positions=0)
    inputs = shown.at(PLACES)
    assert not inputs[:2].any()
    np.testing.assert_array_equal(inputs[2], apertures(sizes=2, contrasts=20, positions=0).at(PLACES)[0])
    assert shown.blank.tolist() == [True, True, False]


def test_stimuli_that_a_line_answers_and_that_are_seldom_meant_are_named():
    assert apertures().doubts(4.0) == []
    for stimuli, words in [
        (
            {"sizes": (1, 9, 12), "contrasts": 20, "positions": 0},
            "Condition 1 (and 1 more) has a size of 9, above 8,",
        ),
        ({"sizes": 3, "contrasts": 20, "positions": (0, -5)}, "Condition 1 has a position of -5, off the line"),
        ({"sizes": 1, "contrasts": (0.05, 0.2, 1), "positions": 0}, "All contrasts are at most 1: the circuit takes"),
        (
            {"sizes": 1, "contrasts": (5, 100, 1000), "positions": 0},
            "Condition 2 has a contrast of 1000, above 100 per",
        ),
        ({"sizes": (0, 1), "contrasts": 20, "positions": 0}, "Condition 0 is without a stimulus"),
        (
            {"sizes": (0.001, 0.002), "contrasts": 20, "positions": 0},
            "No size is above 0.002, and edges of stimuli are",
        ),
        (
            {"sizes": 1, "contrasts": (5, 0, 0), "positions": 0},
            "2 conditions (the first is 1) are without a stimulus",
        ),
    ]:
        (sentence,) = apertures(**stimuli).doubts(4.0)
        assert words in sentence


@pytest.mark.parametrize(
    ("stimuli", "words"),
    [
        (
            {"sizes": 2, "contrasts": 20, "positions": (0, 50, 360)},
            r"Condition 1 \(and 1 more\) has a position of 50, off",
        ),
        ({"sizes": 2, "contrasts": (20, -1), "positions": 0}, "Condition 1 has a contrast of -1"),
    ],
)
def test_stimuli_that_reach_no_place_of_a_line_are_refused(stimuli, words):
    with pytest.raises(ValueError, match=words):
        apertures(**stimuli).doubts(4.0)


def test_sizes_below_zero_are_refused_by_their_condition():
    with pytest.raises(ValueError, match="The size of condition 1 is -3, and no stimulus is smaller than 0"):
        apertures(sizes=(1.0, -3.0)).check()


def test_messages_do_not_hold_arrays():
    with pytest.raises(ValueError, match="expected a finite number") as error:
        as_values(np.zeros((1000, 1000)))
    assert len(str(error.value)) < 200


def test_crossing_one_feature_gives_it_back():
    assert crossed(sizes=(1, 2)) == {"sizes": (1.0, 2.0)}


@pytest.mark.parametrize("wrong", [(), np.nan, [[0.0]]])
def test_what_is_no_sequence_of_numbers(wrong):
    with pytest.raises(ValueError, match="expected a finite number, or a sequence of them"):
        as_values(wrong)


def test_a_design_keeps_what_the_data_do_not_vary():
    design = Design({"size": (1.0, 2.0), "contrast": (20.0,)}, "size")
    assert design.at_conditions({"size": np.array([3.0])}) == {"size": (3.0,), "contrast": (20.0,)}
    assert {name: values.tolist() for name, values in design.conditions().items()} == {"size": [1, 2]}
    with pytest.raises(ValueError, match="The circuit has 2 values of size, but the data have none"):
        design.at_conditions({"contrast": np.ones(2)})


def test_discs_are_apertures_by_the_distance_from_their_centre():
    discs = Discs((1.0, 3.0, 0.0), (10.0, 30.0, 20.0), (0.5, -1.0, 0.0), (0.0, 2.0, 0.0), 0.25)
    places = np.random.default_rng(0).uniform(-4, 4, (50, 2))
    shown = discs.at(places)
    for row, size, contrast, centre in zip(shown, (1, 3), (10, 30), ((0.5, 0), (-1, 2)), strict=False):
        away = np.linalg.norm(places - np.array(centre), axis=1)
        sides = [1 / (1 + np.exp(-(size / 2 + sign * away) / 0.25)) for sign in (1, -1)]
        np.testing.assert_allclose(row, contrast * sides[0] * sides[1], rtol=1e-12, atol=1e-12)
    assert not shown[2].any()
    assert list(discs.design.conditions()) == ["size", "contrast", "x", "y"]


def test_discs_off_their_sheet_are_named_or_refused():
    beside, dark = Discs((3.0,), (20.0,), (0.0, 0.0), (0.0, -5.0), 0.25), np.zeros(2, bool)
    (sentence,) = beside.doubts(4.0, dark)
    assert "Condition 1 has a y of -5, off the sheet of the circuit" in sentence
    with pytest.raises(ValueError, match="Condition 1 has a y of -5, off the sheet of the circuit"):
        beside.doubts(3.0, dark)
