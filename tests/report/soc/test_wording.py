"""The words of stabilised circuits."""

from tuneful.descents import Outcome
from tuneful.report.soc.wording import SCALARS, facts, scalar_lines


def test_every_scalar_of_the_result_has_a_row(content):
    assert {scalar.key for scalar in SCALARS} == set(content.result["scalars"]) - {"peak_until"}  # said in a warning
    assert len(scalar_lines(content.result)) == 1 + len(SCALARS)


def test_the_head_says_why_the_descent_ended_in_results_old_and_new(content):
    result = {key: value for key, value in content.result.items() if key not in ("outcome", "reason")}
    stalled = Outcome.STALLED.message
    for words, expected in (
        ({"reason": "stalled"}, stalled),
        ({"outcome": "stalled", "reason": "stalled"}, stalled),
        ({"outcome": "something new"}, "something new"),
    ):
        assert dict(facts(result | words))["Stopped"] == expected
