"""What decides comes first on pages that answer a question, with its number."""

import numpy as np
import pandas as pd
import pytest

from tuneful.report.answers.comparison import comparison_page
from tuneful.report.answers.design import design_page
from tuneful.report.answers.goodness import goodness_page
from tuneful.report.answers.predictions import predictions_page
from tuneful.report.answers.study import study_page

ABOUT = {
    "circuit": "ssn", "data": "x.csv", "units": 40, "verdict": "So it is.", "versions": {"jax": "1"},
    "settings": {"seed": 0}, "command": "tuneful",
}  # fmt: skip


def said(page):
    """Kinds and words of the judgements, which are on the page before its sections."""
    html = page.render()
    head = html[: html.index("<main>")]
    assert all(one.words.replace("<", "&lt;") in head for one in page.decides)
    return [(one.kind, one.words) for one in page.decides]


def goodness(p, adjusted, accuracy_p=0.5):
    rows = [{"name": f"rate at size = {i}", "ks": 0.4, "expected": 0.1, "p_value": p, "adjusted": p} for p, i in
            zip(adjusted, range(9), strict=False)]  # fmt: skip
    classifier = {"accuracy": 0.75, "critical": 0.6, "p_value": accuracy_p}
    found = {"distance": 0.02, "critical_distance": 0.03, "p_value": p, "sets": 19, "held_out": False}
    return ABOUT | found | {"parts": rows, "classifier": classifier, "simulated": np.linspace(0, 0.03, 19)}


def test_a_test_says_how_far_by_what_and_where():
    found = said(goodness_page(goodness(0.5, [0.2, 0.9])))
    assert [kind for kind, _ in found] == ["good"] * 3
    assert found[0][1].endswith("energy distance 0.02; 5 % of 19 simulated sets are above 0.03")
    assert found[2][1] == "None of 2 statistics and conditions differs: adjusted p 0.2 or more"
    found = said(goodness_page(goodness(0.05, [0.05, 0.9], accuracy_p=0.05)))  # all that 19 sets can say
    assert [kind for kind, _ in found] == ["apart"] * 3
    assert "right in 75 % of cases" in found[1][1]
    assert found[2][1] == "1 of 2 statistics and conditions differ: rate at size = 0"


def design(then, **changes):
    candidates = [{"name": f"size = {i}", "error": 0.2 + 0.005 * i} for i in (1, 2, 5)]
    errors = [{"name": "J", "now": 0.9, "then": 0.8}, {"name": "sigma", "now": 0.5, "then": 0.1}]
    known = {"now": 0.25, "then": then, "candidates": candidates, "chosen": [{"name": "size = 1"}], "errors": errors}
    return ABOUT | known | {"for": "all", "plans": [], "linear": None} | changes


def test_a_design_says_what_it_is_worth_and_what_is_as_good():
    found = said(design_page(design(0.2)))
    assert found[0] == ("good", "Worth it: 20 % off the standard error")
    assert found[1] == ("unknown", "Within 5 % of the best one alone: size = 2")
    assert found[2] == ("apart", "Known less by these curves than by assumption: J")
    plans = [{"conditions": n, "units": 10.0 * n, "error": error} for n, error in ((1, 0.3), (2, 0.1))]
    assert said(design_page(design(0.26)))[1] == (
        "unknown",
        "More conditions cannot make errors larger: more --curves would tell",
    )
    found = said(design_page(design(0.249, plans=plans, linear=0.3)))
    assert found[0] == ("apart", "Hardly worth it: 0.4 % off the standard error")
    assert ("finding", "Best at this cost: 2 conditions and 20 units, standard error 0.1") in found
    assert any("Slopes explain 30 % of the prediction" in words for _, words in found)


def test_a_comparison_says_who_is_worse_and_which_refits_stood_still():
    def run(name, difference, error, steps=9):
        refits = [{"steps": steps, "fold": 0}]
        about = {"name": name, "path": name, "score": 1.0 + difference, "error": 0.1, "refits": refits}
        return about | {"difference": difference, "difference_error": error}

    runs = [run("a", 0.0, 0.0), run("b", 0.1, 0.02), run("c", 0.01, 0.02, steps=0)]
    table = ABOUT | {"runs": runs, "pairs": [], "clusters": None, "folds": 1}
    assert said(comparison_page(table)) == [
        ("finding", "a: best score, 1 ± 0.1"),
        ("apart", "b: worse by 0.1 ± 0.02"),
        ("unknown", "c: not told apart from it, 0.01 ± 0.02"),
        ("apart", "1 of 3 refits took no step: their circuits have seen the units that judge them"),
    ]


def test_predictions_begin_with_rates_and_doubts_follow():
    def row(quantity, condition, **numbers):
        about = {"quantity": quantity, "name": quantity, "simulation_error": 0.1, "unit": "Hz"}
        return about | {"where": {"label": "", "condition": condition}} | numbers

    rows = [row("rate_mean", "size = 1", value=10.0, low=9.0, high=11.0, truth=9.5)]
    rows += [row("rate_mean", "size = 2", value=10.0, low=8.0, high=12.0, truth=13.0)]
    rows += [row("inhibition_stabilised", "size = 1", value=0.3, low=0.2, high=0.4, truth=None)]
    rows += [row("inhibition_stabilised", "size = 2", value=0.5, low=0.4, high=0.6, truth=None)]
    table = ABOUT | {"rows": rows, "level": 0.9, "new": [False, True], "inputs": {}, "draws": 10, "unit": "Hz"}
    table |= {"condition_names": ["size = 1", "size = 2"], "conditions": {"size": [1.0, 2.0]}}
    table |= {"measured": {"": [10.0, np.nan]}, "remarks": ["Few settle."]}
    page = predictions_page(table)
    assert page.answer == "Mean rates in new conditions are predicted to ± 20 % (90 % bands)."
    assert said(page) == [
        ("finding", "At size = 2, 50 % of the networks are inhibition-stabilised (40 % to 60 %)."),
        ("apart", "Few settle."),
        ("finding", "The truth is inside 1 of 2 bands of 90 %"),
    ]


@pytest.mark.parametrize("failed", [0, 1])
def test_a_study_names_failures_and_the_nearest_setting(failed):
    states = ["finished"] * (3 - failed) + ["failed"] * failed
    table = pd.DataFrame(
        {"job": range(3), "state": states, "why": "full", "data": "d", "seed": 0, "wall_seconds": 1.0}
    )
    table = table.assign(
        batch=[8, 64, 16], outcome=["converged", "max_steps", None], **{"ks.rate": [0.3, 0.1, np.nan]}
    )
    found = said(study_page(table, ["batch"], ABOUT | {"study": "s", "settings": {"model": "m1"}}))
    assert (found[0] == ("apart", "1 job of 3 failed, for the reasons below")) == bool(failed)
    assert ("apart", "1 of 2 finished jobs did not converge") in found
    best = "Nearest to held-out units: batch 64, mean KS distance 0.1, and 0.3 with batch 8"
    assert found[-1] == ("finding", best)
