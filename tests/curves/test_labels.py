"""Units and recorded cells find each other by the properties that both have, and nothing is left out in silence."""

import tomllib

import numpy as np
import pytest

from tuneful.curves import DatasetError, make_dataset
from tuneful.curves.labels import COMPARED_AS, match_units, of_label
from tuneful.errors import UserError

BOTH = {"cell_type": np.array(["E", "I"])}
PLACES = {"cell_type": np.array(["E", "E", "I", "I"]), "position": np.array([0.0, 0.5, 0.0, 0.5])}


def dataset(**units):
    n = len(next(iter(units.values()), [0, 0]))
    return make_dataset(np.ones((n, 1)), {"size": [1.0]}, units)


def types(*values):
    return dataset(cell_type=list(values))


def match(data, cells=BOTH, **how):
    return match_units(data, cells, how, "SSN")


@pytest.mark.parametrize(
    ("data", "cells"),
    [
        (types("Pyr", "Pyr"), {}),  # a circuit whose cells are all alike
        (dataset(), BOTH),
        (dataset(session=["a", "b"]), PLACES),
        (types("E", "E"), {"cell_type": np.array(["E"])}),
        (types("e", "e"), {"cell_type": np.array(["E"])}),
    ],
)
def test_without_anything_to_tell_apart_all_are_compared_with_all(data, cells):
    found = match(data, cells)
    assert len(found.names) == 1
    assert not found.units.any()
    assert found.cells == found.remarks == ()
    assert found.marked(data) is data
    assert found.of_cells() == {}
    assert of_label(data, found.names[0]) is data


def test_units_find_cells_of_the_same_name_in_whatever_case_and_order():
    found = match(types("i", "E", "I", "e"))
    assert found.names == ("E", "I")
    np.testing.assert_array_equal(found.units, [1, 0, 1, 0])
    assert found.cells == (0, 1)
    marked = found.marked(types("i", "E", "I", "e"))
    assert marked[COMPARED_AS].values.tolist() == ["I", "E", "I", "E"]
    assert of_label(marked, "I").sizes["unit"] == 2
    assert found.of_cells()[COMPARED_AS].tolist() == ["E", "I"]


def test_labels_have_the_name_of_what_tells_cells_apart():
    data = dataset(cell_type=["I", "E", "E"], position=[0.5, 0.0, 0.5])
    assert match(data, PLACES).names == ("E at 0", "E at 0.5", "I at 0.5")
    assert match(data, {"position": PLACES["position"]}).names == ("at 0", "at 0.5")
    depth = {"cell_type": BOTH["cell_type"], "depth": np.array([2, 4])}
    assert match(dataset(cell_type=["E", "I"], depth=[2, 4]), depth).names == ("E depth 2", "I depth 4")
    one_place = {"cell_type": np.array(["E", "I"]), "position": np.array([0.0, 0.0])}
    assert match(dataset(cell_type=["E", "I"], position=[0.0, 0.0]), one_place).names == ("E", "I")


def test_a_property_of_one_side_only_decides_nothing():
    assert match(types("E", "I"), PLACES).cells == (0, 0, 1, 1)


def test_a_mapping_leaves_out_what_it_does_not_name_and_counts_it():
    data = types(*["L4"] * 1910, *["PC"] * 3, "PV", "VIP")
    found = match(data, cell_type={"PC": "E", "PV": "I"})
    assert found.names == ("E", "I")
    assert [(found.units == label).sum() for label in (0, 1, -1)] == [3, 1, 1911]
    assert found.remarks == ("1,911 of 1,915 units are left out: cell_type L4 1,910, VIP 1.",)
    assert found.marked(data)[COMPARED_AS].values[[0, -2]].tolist() == ["", "I"]


def test_several_types_may_stand_for_one():
    found = match(types("PV", "SST", "PC"), cell_type={"PV": "I", "SST": "I", "PC": "E"})
    np.testing.assert_array_equal(found.units, [1, 1, 0])


def test_recorded_cells_without_units_are_not_compared_and_that_is_said():
    found = match(types("E", "E"))
    assert found.names == ("E",)
    assert found.cells == (0, -1)
    assert found.of_cells()[COMPARED_AS].tolist() == ["E", ""]
    assert found.remarks == ("No unit is I: such cells of the SSN are simulated, and not compared.",)


def test_units_without_partner_are_an_error_that_lists_both_sides_and_what_to_write():
    with pytest.raises(
        DatasetError, match=r"\(PC and PV\): the cell_type of units is PC and PV, .* E and I\."
    ) as error:
        match(types("PC", "PV"))
    written = 'cell_type = {PC = "E", PV = "I"}'
    assert f"[match] {written}" in str(error.value)
    assert '--set \'match.cell_type={PC = "E", PV = "I"}\'' in str(error.value)
    assert match(types("PC", "PV"), **tomllib.loads(written)).names == ("E", "I")
    with pytest.raises(DatasetError, match="Units without partner"):  # one value a side, and no guess
        match(types("Pyr", "Pyr"), {"cell_type": np.array(["E"])})


def test_what_is_written_for_an_odd_name_can_be_read():
    with pytest.raises(DatasetError) as error:
        match(types("L2/3 é", "E"))
    written = str(error.value).split("[match] ")[1].split("}")[0] + "}"
    assert tomllib.loads(written) == {"cell_type": {"E": "E"}}
    with pytest.raises(DatasetError) as error:
        match(types("L2/3 é"))
    written = str(error.value).split("[match] ")[1].split("}")[0] + "}"
    assert tomllib.loads(written) == {"cell_type": {"L2/3 é": "?"}}


def test_positions_are_the_same_but_for_rounding_or_nearest_where_that_is_asked_for():
    thirds = {"position": np.array([0.0, 1 / 3])}
    np.testing.assert_array_equal(match(dataset(position=[0.3333333, 0.0]), thirds).units, [1, 0])
    off = dataset(position=[0.1, 0.3, np.nan])
    with pytest.raises(DatasetError, match=r"Round the position .*\[match\] position = \"nearest\" \(--set match"):
        match(off, thirds)
    found = match(off, thirds, position="nearest")
    np.testing.assert_array_equal(found.units, [0, 1, -1])
    assert found.remarks == (
        "1 of 3 units is left out: position nan 1.",
        "Units are compared with the nearest cells: their position is up to 0.1 apart.",
    )
    assert match(off, thirds, position="ignore").names == ("",)


def test_numbers_may_stand_for_names():
    np.testing.assert_array_equal(match(dataset(cell_type=[0, 1]), cell_type={"0": "E", "1": "I"}).units, [0, 1])
    cells = {"position": np.array([0.0, 0.5])}
    np.testing.assert_array_equal(
        match(dataset(position=["near", "far"]), cells, position={"near": 0.0, "far": 0.5}).units, [0, 1]
    )


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (
            {"cell_typ": {}},
            "match.cell_typ: the SSN says no cell_typ of its recorded cells. Did you mean 'cell_type'?",
        ),
        ({"position": "nearest"}, "match.position: the data have no such property of units. Choose from: cell_type."),
        ({"cell_type": {}}, "match.cell_type names no value: the cell_type of units is PC and PV, "),
        ({"cell_type": {"PCs": "E"}}, "there is no unit of 'PCs'; the cell_type of units is PC and PV, "),
        (
            {"cell_type": {"PC": "Exc"}},
            "no cell is recorded of 'Exc', for 'PC'; the cell_type of units is PC and PV, ",
        ),
        ({"cell_type": {"PC": ""}}, "no cell is recorded of '', for 'PC'"),
        ({"cell_type": "nearest"}, 'match.cell_type = "nearest" is for numbers, and the cell_type of units is'),
        ({"cell_type": "near"}, "and is 'near'."),
    ],
)
def test_a_mapping_that_names_what_is_not_there_is_refused(how, sentence):
    with pytest.raises(UserError) as error:
        match(types("PC", "PV"), PLACES, **how)
    assert sentence in str(error.value)


def test_units_of_which_no_cell_is_recorded_in_all_properties_at_once_are_refused():
    cells = {"cell_type": np.array(["E", "I"]), "position": np.array([0.0, 0.5])}
    with pytest.raises(DatasetError, match="no recorded cells, of cell_type I and position 0: leave"):
        match(dataset(cell_type=["E", "I"], position=[0.0, 0.0]), cells)
    with pytest.raises(DatasetError, match="None of the 1 units is compared"):
        match(dataset(position=[np.nan]), {"position": np.array([0.0, 1.0])}, position="nearest")
