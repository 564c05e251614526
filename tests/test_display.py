"""What objects show of themselves: short, and harmless."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.display import brief, card, in_a_line

HOSTILE = '<script>alert("x")</script>\x1b[2J'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2 / 3, "0.6667"), (20170417, "20170417"), (np.float32(0.1), "0.1"), (jnp.array([1.0, 2.5]), "[1, 2.5]"),
        (None, "–"), (float("nan"), "nan"), (True, "True"), ("both", "both"), ((0.5, 1.0), "[0.5, 1]"), ([], "[]"),
        (np.ones((27, 3)), "27 values"), ("word " * 1000, "word " * 11 + "wo..."), ([[1], [2, 3]], "[[1], [2, 3]]"),
    ],
)  # fmt: skip
def test_values_are_short(value, text):
    assert brief(value) == text


def test_numbers_that_are_not_known_yet_do_no_harm():
    assert jax.jit(lambda x: x + len(brief(x)) * 0)(1.0) == 1.0


def test_what_is_long_is_bounded():
    many = [(f"p{i}", i) for i in range(10**4)]
    assert in_a_line(many).endswith("p19=19, ...")
    assert len(card("x" * 10**6, "", (("a" * 10**6,), many))) < 5000


def test_names_are_text_in_a_page():
    page = card(HOSTILE, HOSTILE, ((HOSTILE,), [(HOSTILE,)]))
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;") == 4
