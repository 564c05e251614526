"""Where conditions lie in the figures of curves."""

import numpy as np

from tuneful.report.fit import curves

LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}


def test_lattice_layout_groups_by_z_and_then_y(measured_curves):
    layout = curves.layout_of(measured_curves())
    ordered = {axis: POSITIONS[axis][layout.order] for axis in "xyz"}
    assert ordered["z"].tolist() == [-1.0] * 9 + [0.0] * 9 + [1.0] * 9
    assert ordered["x"][:6].tolist() == [-1.0, 0.0, 1.0] * 2
    assert layout.breaks == tuple(range(3, 27, 3))
    assert [name for _, name in layout.ticks] == ["z = −1", "z = 0", "z = 1"]
