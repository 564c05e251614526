"""Whatever a result holds becomes JSON, and comes back as the same numbers."""

import enum
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneful.descents import Outcome
from tuneful.plain import plain, printable


class Colour(enum.Enum):
    """Not a string."""

    RED = ("r", 1.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        ([np.inf, -np.inf, 1.5], [None, None, 1.5]),
        (np.array([[1.0, np.nan], [3.0, 4.0]]), [[1.0, None], [3.0, 4.0]]),
        (np.array(2), 2),
        (np.array(["a"]), ["a"]),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (jnp.array([1, 2]), [1, 2]),
        (jnp.array(jnp.nan), None),
        ((1, (2.0, "x")), [1, [2.0, "x"]]),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({3}), [3]),
        (Outcome.MAX_STEPS, "max_steps"),
        (Colour.RED, ["r", 1.0]),
        (Path("a") / "b", "a/b"),
        ({1: {Outcome.LOST: np.nan}, Colour.RED: 2}, {"1": {"lost": None}, "('r', 1.0)": 2}),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_values(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_plain_stays_as_it_is(value):
    assert plain(value) == value
    assert json.loads(json.dumps(plain(value))) == value


def test_truth_values_stay_truth_values():
    assert plain([True, np.array([False])]) == [True, [False]]
    assert plain([True, np.array([False])])[0] is True


def test_text_for_terminals_has_no_control_characters_and_no_endless_words():
    assert printable("a\tb\nc\x07") == "a\\tb\nc\\x07"
    assert printable("naïve µ °") == "naïve µ °"
    assert printable("x" * 81) == "x" * 40 + "..." + "x" * 37
    assert len(printable("x" * 10_000, longest=20)) == 20
