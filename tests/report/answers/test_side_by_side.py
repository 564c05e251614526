"""Several runs on one page: what differs, and every number beside its like."""

import pytest

from tuneful.report.answers.side_by_side import BesideOthers, side_by_side_page

ROW = {"ks": 0.1, "ks_start": 0.6, "line": 0.157, "floor": 0.08, "n_data": 150, "n_model": 400}


def run(name, inference=None, **changes):
    """A fit of one parameter in two entries, and one that was held."""
    strength = {
        "value": [1.0, 2.0],
        "initial": [1.0, 1.0],
        "truth": [1.5, 2.5],
        "entries": ["E", "I"],
        "fitted": True,
    }
    known = {"standard_error": [0.25, 9.0], "identified": ["yes", "no"]}
    result = {
        "circuit": "ssn", "data": "<i>.csv", "steps": 40, "wall_seconds": 3.0, "outcome": "converged",
        "statistics": {"rate": dict(ROW)}, "settings": {"seed": 0, "fit": {"batch": 8}}, "rejected_fraction": 0.0,
        "parameters": {"J": strength | known, "held": {"value": 1.0, "fitted": False}},
    }  # fmt: skip
    evaluations = [{"step": step, "statistics": {"rate": 0.5 / step}} for step in (1, 2)]
    return BesideOthers(name, result | changes, inference, evaluations)


def cells(page, title):
    """The cells of the table of a section, by the name of its row."""
    (section,) = [one for one in page.sections if one.title == title]
    return {row[0]: [getattr(cell, "words", cell) for cell in row[1:]] for row in section.rows}


@pytest.fixture(scope="module")
def page():
    interval = {"value": [1.0, 2.0], "interval": [[0.5, 1.5], [None, 3.0]], "entries": ["E", "I"]}
    table = {"parameters": {"J": interval | {"identified": ["yes", "no"], "why": ["", "open"], "truth": None}}}
    above = {"rate": ROW | {"ks": 0.2, "ks_start": 0.1}, "r2": ROW}
    other = run("b", settings={"seed": 1, "fit": {"batch": 8}}, outcome="max_steps", statistics=above)
    return side_by_side_page(
        [run("a", table), other, run("c", outcome=None, parameters={}, statistics={})], "tuneful"
    )


def test_every_number_is_beside_its_like(page):
    assert cells(page, "What differs") == {"seed": ["0", "1", "0"]}
    assert cells(page, "Distances")["Firing rate"] == ["0.100 (line 0.157)", "✕ 0.200 (line 0.157)", "–"]
    parameters = cells(page, "Parameters")
    assert parameters["J_E"] == ["1, 0.5 to 1.5", "1 ± 0.25", "–", "1.5"]
    assert parameters["J_I"] == ["2, below 3 (open)", "2 (open)", "–", "2.5"]
    assert "held" not in parameters
    assert [row[-1] for row in cells(page, "Convergence").values()] == ["converged", "not converged", "not finished"]


def test_judgements_come_first_and_the_best_is_named_by_its_distance(page):
    assert page.answer.startswith("Of 3 runs, a is nearest to its held-out units: mean KS distance 0.100")
    assert [found.kind for found in page.decides] == ["apart", "apart", "unknown"]
    assert page.decides[1].words == "b: 1 of 2 statistics within sampling error, not converged"


def test_the_page_holds_together(page):
    html = page.render()
    assert html.count('aria-label="KS distance over training: Firing rate, ') == 3
    assert "&lt;i&gt;.csv" in html
    assert html.count('aria-label="J_E of all runs"') == 1


def test_runs_without_anything_are_a_page(page):
    empty = [BesideOthers(name, {}) for name in "ab"]
    assert (
        side_by_side_page(empty, "").answer == "Of 2 runs, none is finished and has a distance to its held-out units."
    )
