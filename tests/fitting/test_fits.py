"""What the result of a fit shows of itself."""

from types import SimpleNamespace

import pytest

from tuneful.descents import Ending, Outcome
from tuneful.fitting.fits import FitResult
from tuneful.fitting.history import History


@pytest.fixture
def result(toy):
    state, task = (
        SimpleNamespace(path=range(7), descent_steps=7),
        SimpleNamespace(problem=SimpleNamespace(circuit=toy)),
    )
    ending = Ending(Outcome.MAX_STEPS, "reached the <maximum> of 7 steps")
    return FitResult(toy.with_values({"a": 3.25}), {}, ending, History(), state, task)


def test_in_a_line(result):
    assert repr(result) == "<FitResult: reached the <maximum> of 7 steps (7 steps), <Toy: a=3.25, b=0.5>>"


def test_in_a_notebook(result):
    page = result._repr_html_()
    assert "<strong>Fit of Toy</strong>: reached the &lt;maximum&gt; of 7 steps (7 steps)" in page
    assert "<td>a</td><td>2</td><td>3.25</td><td>Hz</td>" in page
