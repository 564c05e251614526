"""The words that all pages share."""

import pytest

from tuneful.descents import Outcome
from tuneful.report.wording import outcome_in_words, symbol


def test_symbols_are_italic_with_their_index_below():
    assert symbol("σ_<l>") == "<i>σ</i><sub>&lt;l&gt;</sub>"


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_has_its_own_words_in_results_and_in_files(outcome):
    assert outcome_in_words(outcome) == outcome_in_words(str(outcome)) == outcome.message


def test_words_that_are_not_known_stand_for_themselves():
    assert [outcome_in_words(word) for word in ("of a later version", None, "")] == ["of a later version", "–", "–"]
