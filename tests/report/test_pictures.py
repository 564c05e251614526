"""Pictures of a result, by name."""

import pytest

from tuneful.errors import UserError
from tuneful.plot.sheets import Panel
from tuneful.report.pictures import panels_of

EMPTY = Panel("E", "", None, "empty", name="nothing")
RATE, WIDTH = (Panel(title, "", print, title, name=name) for title, name in (("Rate", "rate"), ("Width", "width")))
PICTURES = {"distributions": lambda: [RATE, WIDTH, EMPTY], "course": lambda: [EMPTY]}


def test_panels_are_chosen_by_name_or_title():
    assert panels_of(PICTURES, "distributions") == [RATE, WIDTH]
    assert panels_of(PICTURES, "distributions", ["width", "Rate"]) == [WIDTH, RATE]


@pytest.mark.parametrize(
    ("what", "only", "said"),
    [
        ("curve", [], "choose one of distributions, course"),
        ("course", [], "nothing to be seen in course"),
        ("distributions", ["rat"], "There is no panel 'rat' among rate, width. Did you mean 'rate'"),
        ("distributions", ["nothing"], "There is no panel 'nothing'"),
    ],
)
def test_what_is_not_there_is_refused(what, only, said):
    with pytest.raises(UserError, match=said):
        panels_of(PICTURES, what, only)
