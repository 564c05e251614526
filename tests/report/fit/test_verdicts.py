"""What decides about a fit comes first: convergence, the start, how many units, what they fix."""

import pytest

from tuneful.report.fit.verdicts import deciding

ROW = {"ks": 0.1, "ks_start": 0.6, "line": 0.1, "floor": 0.1, "n_data": 200, "n_model": 2000}


def of(words, found):
    """The one judgement with these words."""
    (verdict,) = [one for one in found if words in one.words]
    return verdict


@pytest.mark.parametrize(
    ("outcome", "kind", "words"),
    [
        ("converged", "good", "Converged: nothing moved"),
        ("max_steps", "apart", "Not converged: nothing moved"),
        ("lost", "apart", "Broke off: nothing moved"),
    ],
)
def test_convergence(outcome, kind, words):
    found = deciding({"outcome": outcome, "stopped": "nothing moved"})
    assert (found[0].kind, found[0].words) == (kind, words)


def test_that_it_converged_is_said_once():
    (found,) = deciding({"outcome": "converged", "stopped": "converged: nothing moved"})
    assert found.words == "Converged: nothing moved"


@pytest.mark.parametrize("unknown", [{}, {"outcome": None}, {"outcome": "of a later version"}, {"statistics": {}}])
def test_what_is_not_known_is_not_judged(unknown):
    assert deciding(unknown) == []


def test_a_fit_worse_than_its_start_says_so_first():
    rows = {"rate": ROW | {"ks": 0.7}, "r2": ROW | {"ks": float("nan")}}
    verdict = of("start", deciding({"statistics": rows}))
    assert (verdict.kind, verdict.words[:22]) == ("apart", "Worse than the start: ")
    assert "0.600 at the start, 0.700 at the end" in verdict.words
    assert of("start", deciding({"statistics": {"rate": ROW}})).kind == "good"


def test_few_units_of_one_label_are_told():
    labels = {"E": {"rate": ROW}, "I": {"rate": ROW | {"n_data": 8}}}
    found = deciding({"statistics": labels, "labels": {"E": {}, "I": {}}})
    assert "with 8 measured curves a KS distance below 0.481" in of("Few units", found).words
    assert not [v for v in deciding({"statistics": {"rate": ROW}}) if "Few" in v.words]


def test_parameters_that_the_data_leave_open_are_named(fit_content):
    about = {"value": [1.0, 2.0], "initial": [1.0, 1.0], "fitted": True, "entries": ["E", "I"]}
    one = {"value": 1.0, "initial": 1.0, "fitted": True, "standard_error": 0.1, "identified": "yes"}
    known = {"J": about | {"standard_error": [0.1, 9.0], "identified": ["weakly", "no"]}, "phi": one}
    verdict = of("Parameters", deciding({"parameters": known | {"held": one | {"fitted": False}}}))
    assert verdict.kind == "apart"
    assert verdict.words.endswith("1 of 3 identified (standard errors below); J_E weakly identified; J_I left open")
    assert of("Parameters", deciding({"parameters": {"phi": one}})).kind == "good"
    assert of("Parameters", deciding({"parameters": {"phi": {"value": 1.0}}})).kind == "unknown"
    interval = {"value": 1.0, "interval": [0.5, None], "identified": "no", "why": "<open>", "truth": None}
    found = deciding({"parameters": {"phi": one}}, {"parameters": {"phi": interval}})
    assert "0 of 1 identified (intervals below); phi left open" in of("Parameters", found).words
