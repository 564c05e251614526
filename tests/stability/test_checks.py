"""Checks see what is wrong with a circuit, and where it is wrong most."""

import numpy as np
import pytest

from tuneful.display import card
from tuneful.networks.random_weights import RandomNetwork
from tuneful.stability.checks import Check, check_constraints, checks_table
from tuneful.stability.constraints import Constraints

TYPES = np.array([True, True, False, False])
ROWS = Constraints(
    gamma=3.0, density=None, balance="row", sparsity="strongest", self_connections=True, allowed=None, seed=None
)


def of_rows(gammas):
    """A circuit whose mean inhibition is so many times mean excitation, row by row."""
    weights = np.where(TYPES, 1.0, -np.asarray(gammas)[:, None])
    return {check.name: check for check in check_constraints(weights, RandomNetwork(weights, TYPES), ROWS)}


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("gamma", [2.0, 4.5])
def test_the_row_that_is_farthest_off_is_reported_wherever_it_is(row, gamma):
    gammas = np.array([3.1, 2.9, 3.2, 2.95])
    gammas[row] = gamma
    check = of_rows(gammas)["gamma, farthest row"]
    assert check.value == pytest.approx(gamma, abs=1e-12)
    assert (check.wanted, check.holds) == (3.0, False)


@pytest.mark.parametrize(("off", "holds"), [(9e-7, True), (-9e-7, True), (2e-6, False), (-2e-6, False)])
def test_one_row_that_is_off_breaks_the_check(off, holds):
    check = of_rows([3.0, 3.0, 3.0 + off, 3.0])["gamma, farthest row"]
    assert check.value == pytest.approx(3.0 + off, abs=1e-12)
    assert check.holds == holds


def test_notebooks_show_checks_and_no_markup():
    shown = card("Circuit", "reached", checks_table([Check("<b>abscissa", 0.5, 0.15, False)]))
    assert "<td>&lt;b&gt;abscissa</td><td>0.5</td><td>0.15</td><td>violated</td>" in shown
