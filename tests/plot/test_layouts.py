"""Where conditions lie in the figures of curves."""

import numpy as np

from tuneful.curves import make_dataset
from tuneful.plot import layouts

SIZES, CONTRASTS = (5.0, 13.0, 36.0), (0.0, 50.0)
CROSSED = {"size": np.tile(SIZES, 2), "contrast": np.repeat(CONTRASTS, 3)}
LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}


def test_lattice_layout_groups_by_z_and_then_y():
    layout = layouts.layout_of(make_dataset([np.arange(27.0)], POSITIONS))
    ordered = {axis: POSITIONS[axis][layout.order] for axis in "xyz"}
    assert ordered["z"].tolist() == [-1.0] * 9 + [0.0] * 9 + [1.0] * 9
    assert ordered["x"][:6].tolist() == [-1.0, 0.0, 1.0] * 2
    assert layout.breaks == tuple(range(3, 27, 3))
    assert [name for _, name in layout.ticks] == ["z = −1", "z = 0", "z = 1"]


def test_two_features_are_crossed_where_pairs_are_told_apart():
    def found(**conditions):
        return layouts.crossing_of(make_dataset([[1.0] * 4], conditions))

    assert found(size=[1, 1, 4, 4], contrast=[5, 9, 5, 9]) == ("size", "contrast")
    assert found(size=[1, 1, 4, 4], contrast=[5, 9, 5, 9], phase=[0, 0, 0, 0]) == ("size", "contrast")
    assert found(size=[1, 2, 3, 4], contrast=[5, 6, 7, 8]) is None  # no curve over either
    assert found(size=[1, 2, 3, 4]) is None


def test_blocks_have_a_run_for_each_value_of_the_second_feature():
    data = make_dataset([np.arange(6.0)], {name: values[::-1] for name, values in CROSSED.items()})
    layout = layouts.layout_of(data)
    assert CROSSED["size"][::-1][layout.order].tolist() == [*SIZES, *SIZES]
    assert layout.breaks == (3,)
    assert [name for _, name in layout.ticks] == ["0", "50"]
    assert layout.places[2] < layout.bounds[0] < layout.places[3]


def test_angles_go_round():
    """The first condition comes again at the end of the axis."""
    data = make_dataset([[4.0, 1.0, 2.0, 3.0]], {"direction": [270, 0, 90, 180]})
    layout = layouts.layout_of(data)
    assert layout.places.tolist() == [0, 90, 180, 270, 360]
    assert layout.along(data["rate"].values[0]).tolist() == [1, 2, 3, 4, 1]
