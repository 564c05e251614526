"""What the report says of the realisations at the end of a fit: what became of them, and whether they are stable."""

import pytest

from tuneful.report.fit.incidents import sentences


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ({"settled": 1.0, "moving": 0.0}, "At the end of the fit, all realisations settled."),
        (
            {"settled": 0.957, "saturated": 0.03, "moving": 0.0, "oscillating": 0.013},
            "At the end of the fit, 95.7 % of the realisations settled, 3 % settled with a cell above the rate at "
            "which its input-output function saturates and 1.3 % oscillated.",
        ),
        (
            {"settled": 0.998, "moving": 0.002},
            "At the end of the fit, 99.8 % of the realisations settled and 0.2 % were still not at rest when the "
            "simulated time was up.",
        ),
    ],
)
def test_outcomes_in_one_sentence(outcomes, sentence):
    assert sentence in sentences({"rejected_fraction": 0.0, "outcomes": outcomes})


@pytest.mark.parametrize("outcomes", [None, {}, {"settled": None}, {"settled": 0.0}])
def test_unknown_outcomes_are_not_mentioned(outcomes):
    assert sentences({"outcomes": outcomes}) == sentences({})


@pytest.mark.parametrize(
    ("stable", "beginning"),
    [(64, "All of the 64 realisations examined are"), (1, "1 of the 64 realisations examined is"),
     (63, "63 of the 64 realisations examined are"), (0, "None of the 64 realisations examined are")],
)  # fmt: skip
def test_stability_in_one_sentence(stable, beginning):
    about = {"realisations": 64, "stable": stable, "abscissa": {"median": -0.0412, "largest": 0.0021}}
    (sentence,) = [s for s in sentences({"stability": about}) if "stable" in s]
    assert sentence.startswith(f"{beginning} stable against small perturbations in every condition: ")
    assert sentence.endswith("is −0.0412/ms in the median and 0.0021/ms at most.")


def test_stability_without_numbers():
    assert sentences({"stability": {"realisations": 0, "stable": 0}}) == sentences({})
    (sentence,) = [s for s in sentences({"stability": {"realisations": 2, "stable": 2}}) if "stable" in s]
    assert sentence == "All of the 2 realisations examined are stable against small perturbations in every condition."


@pytest.mark.parametrize("unsolved", [None, 0])
def test_gradients_that_were_all_found_are_not_mentioned(unsolved):
    assert sentences({"unsolved_gradients": unsolved}) == sentences({})


@pytest.mark.parametrize(
    ("unsolved", "sentence"),
    [
        (3, "3 steady states had a derivative that was not found in time and were left out of the gradients."),
        (1, "1 steady state had a derivative that was not found in time and was left out of the gradients."),
    ],
)
def test_gradients_that_were_not_found_are_counted(unsolved, sentence):
    assert sentence in sentences({"unsolved_gradients": unsolved})
