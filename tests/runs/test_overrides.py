"""Single settings from the command line."""

import pytest

from tuneful.errors import UserError
from tuneful.runs.overrides import apply_overrides, parse_value


def test_a_key_of_several_sections_must_be_spelled_out():
    owners = {"rate": ["circuit", "objective"]}
    with pytest.raises(UserError, match=r"ambiguous: write circuit\.rate or objective\.rate"):
        apply_overrides({}, ["rate=1"], owners)
    assert apply_overrides({}, ["circuit.rate=1"], owners) == {"circuit": {"rate": 1}}


def test_overrides_leave_their_argument_alone():
    settings = {"fit": {"max_steps": 3}}
    apply_overrides(settings, ["fit.max_steps=4"], {})
    assert settings == {"fit": {"max_steps": 3}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("3.5e-2", 0.035), ("true", True), ("[1, 2]", [1, 2]), ("[[1.0]]", [[1.0]]),
        ('"3"', "3"), ("m1", "m1"), ("a=b", "a=b"), ("", ""), ("a b.csv", "a b.csv"), ("J,phi_l", "J,phi_l"),
    ],
)  # fmt: skip
def test_values_are_read_as_toml_or_text(text, value):
    read = parse_value(text)
    assert read == value
    assert type(read) is type(value)
