"""Properties that all units have."""

import pytest

from tuneful import load
from tuneful.curves import DatasetError

CURVES = {"conditions": {"size": [1, 2]}, "units": {"area": ["V1"]}}


def test_labels_become_properties_of_all_units():
    for asked in ("session=m3,depth=7", ["session=m3", "depth=7"], {"session": "m3", "depth": 7}):
        data = load([[1.0, 2.0]], **CURVES, label=asked)
        assert (data["session"].item(), data["depth"].item()) == ("m3", 7)
    assert load([[1.0, 2.0]], **CURVES, label="area=V1")["area"].item() == "V1"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("session", "label=session=m3"), ([], "label=session=m3"), (3, "label=session=m3"),
        ("a=1,a=2", "of one name"),
        ("size=3", "something else"), ("unit=3", "something else"), ("area=LM", "'area' already, such as 'V1'"),
        ("a/b=3", "cannot be kept"),
    ],
)  # fmt: skip
def test_labels_that_say_nothing(label, message):
    with pytest.raises(DatasetError, match=message):
        load([[1.0, 2.0]], **CURVES, label=label)
