"""The report: readable by itself, true to its numbers, and unbroken by whatever a fit can bring."""

import dataclasses
import json
import re

import matplotlib as mpl
import numpy as np
import pytest

from tuneful.curves import make_dataset
from tuneful.plot.style import ENTRIES
from tuneful.report.fit import render, write_report

LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}
SIZES = {"size": np.array([0.5, 1.0, 2.0, 4.0, 6.0])}
M1 = ("r2", "complexity", "rate", "coding_level")
NAN = float("nan")
PAIRS = [["EE", "EI"], ["IE", "II"]]


@pytest.fixture(scope="module")
def page(fit_content) -> str:
    return render(fit_content())


def test_page_says_what_was_fitted_and_how_well(page, outline_of):
    words = outline_of(page).words
    for expected in (
        "All four statistics of the fitted circuit are within sampling error of the held-out neurons.",
        "recordings.csv (6 units fitted, 6 held out)",
        "5 steps in 1 min 13 s",
        "tuneful 0.1.0, jax 0.6.2",
        "tuneful fit m1 --data recordings.csv --objective energy --seed 7",
        "No realisation was rejected.",
        "KS 0.600 → 0.100",
        "0.4+5.0 %",
        "held fixed",
    ):
        assert expected in words


def test_what_decides_comes_before_anything_else(page):
    said = [
        page.index(words) for words in ("Closer than at the start", "Few units", "not known how well the data fix")
    ]
    assert said == sorted(said)
    assert page.index("<h1>") < said[0] < said[-1] < page.index("<dl") < page.index("<main")


def test_page_has_every_figure(page, outline_of):
    labels = [value for name, value in outline_of(page).attributes if name == "aria-label"]
    counts = {
        "KS distance over training": 4,
        "Distribution of": 4,
        "Measured and nearest": 3,
        "along its preferred position": 3,
        "Parameter over training": 1,  # the fixed one has no path
        "Loss": 1,
    }
    assert {what: sum(what in str(label) for label in labels) for what in counts} == counts
    assert len(set(labels)) == len(labels)


def test_page_is_self_contained(page, outline_of):
    outline = outline_of(page)
    assert {"img", "link", "iframe", "image"}.isdisjoint(outline.tags)
    references = [value for name, value in outline.attributes if name in ("src", "href", "xlink:href", "action")]
    assert references
    assert all(str(value).startswith("#") for value in references)
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(page.encode()) < 2_000_000


def test_the_page_of_a_thousand_units_is_small(fit_content, measured_curves, curves):
    measured = measured_curves(1000, SIZES, 500)
    page = render(
        fit_content(("rate",), measured, start=curves(20, SIZES, 1), end=curves(20, SIZES, 2), evaluations=[])
    )
    assert page.count('"apart":') == 500
    assert len(page.encode()) < 3_000_000


def test_ids_are_unique_and_references_resolve(page, outline_of):
    ids = [value for name, value in outline_of(page).attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'(?:url\(|xlink:href=")#([^)"]+)', page)) <= set(ids)


def test_text_of_figures_stays_text_and_colours_follow_the_page(page):
    assert ">KS distance</text>" in page
    assert "var(--end, #0067a5)" in page
    assert not re.search(r"(fill|stroke): #(?!0067a5)", page.split("<main>")[1])


def test_embedded_numbers_are_the_result(page, fit_result, outline_of):
    assert outline_of(page).numbers == fit_result()


def test_same_content_gives_same_page_whatever_the_matplotlib_settings(page, fit_content):
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        before = dict(mpl.rcParams)
        assert render(fit_content()) == page
        assert dict(mpl.rcParams) == before


def test_write_report_replaces_the_file_and_leaves_nothing_else(tmp_path, fit_content):
    path = tmp_path / "report.html"
    path.write_text("old")
    content = fit_content(("rate",), evaluations=[], steps=[])
    write_report(content, path)
    assert path.read_text(encoding="utf-8") == render(content)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_write_report_that_fails_keeps_the_old_file(tmp_path, monkeypatch, fit_content):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("tuneful.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_report(fit_content(("rate",), evaluations=[], steps=[]), path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_names_with_markup_are_shown_and_not_executed(curves, measured_curves, fit_result, fit_content, outline_of):
    bad = "<script>alert('$x$')</script>"
    measured = measured_curves(3, {"condition": [bad, "b", "c", "d"]}, 2, unit_labels=[bad, "u1", "u2"])
    other = curves(5, {"condition": [bad, "b", "c", "d"]}, 1)
    result = fit_result(("rate", bad), data=bad, warnings=[bad], circuit=bad, stopped="</script><b>")
    result["parameters"][bad] = {"value": 1.0, "unit": bad, "initial": 2.0, "symbol": bad, "meaning": bad}
    steps = [{"step": s, "parameters": {bad: 1.0 + s}} for s in range(3)]
    outline = outline_of(
        render(fit_content(("rate", bad), measured, start=other, end=other, result=result, steps=steps))
    )
    assert outline.tags.count("script") == 3  # numbers, curves, and our own script
    assert outline.numbers["data"] == bad
    assert outline.numbers["stopped"] == "</script><b>"
    assert bad in outline.text


def test_a_refined_fit_says_how_many_steps_that_were(fit_result, fit_content):
    html = render(dataclasses.replace(fit_content(), result=fit_result(descent_steps=3)))
    assert "5 steps, 2 of them refining, in 1 min 13 s" in html


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"stopped": "in its own words", "outcome": "max_steps"}, "in its own words"),
        ({"stopped": "in its own words"}, "in its own words"),  # as before there were outcomes
        ({"stopped": None, "outcome": "max_steps"}, "the maximum of steps was taken"),
        ({"stopped": None}, "–"),
    ],
)
def test_the_head_says_why_the_fit_ended(entries, expected, fit_result, fit_content, outline_of):
    outline = outline_of(render(fit_content(("rate",), result=fit_result(("rate",), **entries))))
    assert f"Stopped{expected} Versions" in outline.words


def test_nothing_known_shows_dashes(fit_result, fit_content, outline_of):
    result = fit_result(
        statistics={name: dict.fromkeys(("ks", "line", "floor", "n_data", "n_model", "ks_start")) for name in M1},
        rejected_fraction=NAN,
        non_finite_steps=None,
        wall_seconds=NAN,
        seed=None,
        parameters={"J": dict.fromkeys(("value", "unit", "initial", "symbol", "meaning", "truth"))},
    )
    evaluations = [{"step": 1, "statistics": dict.fromkeys(M1, NAN)}]
    steps = [{"step": 1, "loss": NAN, "gradient_norm": None, "parameters": {"J": NAN}}]
    outline = outline_of(render(fit_content(result=result, evaluations=evaluations, steps=steps)))
    assert "is open: no statistic is defined" in outline.words
    assert "– steps" not in outline.words
    assert "How many realisations were rejected is not known." in outline.words
    assert "nan" not in outline.words.lower()
    assert "None of" not in outline.words
    assert outline.numbers["wall_seconds"] is None


def test_empty_result_and_empty_course(fit_content, outline_of):
    outline = outline_of(render(fit_content(result={}, steps=[], evaluations=[])))
    assert "No evaluation was recorded during this fit." in outline.words
    assert "No statistic was computed." in outline.words
    assert "– steps in –" in outline.words


def test_one_held_out_unit_and_one_statistic(measured_curves, fit_content, outline_of):
    outline = outline_of(render(fit_content(("r2",), measured_curves(5, n_held_out=1))))
    assert "R² of the linear fit to position of the fitted circuit is within sampling error" in outline.words
    assert "1 of 1 held-out units" in outline.words


def test_no_held_out_units_means_all(measured_curves, fit_result, fit_content, outline_of):
    content = fit_content(measured=measured_curves(5, n_held_out=0), result=fit_result(n_held_out=0))
    outline = outline_of(render(content))
    assert "of the measured neurons" in outline.words
    assert "5 of 5 measured units" in outline.words
    assert "held-out" not in outline.words


def test_missing_conditions_and_silent_units(measured_curves, fit_content, outline_of):
    measured = measured_curves(10, n_held_out=4)
    rates = measured["rate"].values
    rates[0, 3:] = NAN  # too few conditions for a linear fit
    rates[1] = 0.0
    rates[2, ::2] = NAN
    outline = outline_of(render(fit_content(measured=measured)))
    assert "not measured" in outline.words
    assert "R² – measured" in outline.words
    assert "undefined: 50 % of data" in outline.words


def test_curves_that_are_not_finite_or_absent(curves, fit_content, outline_of):
    broken = curves(4, POSITIONS, 3)
    broken["rate"].values[:] = NAN
    outline = outline_of(render(fit_content(start=broken, end=broken)))
    assert "no generated curve" in outline.words


def test_everything_silent(fit_content, outline_of):
    silent = make_dataset(np.zeros((6, 27)), POSITIONS)
    measured = silent.assign_coords(held_out=("unit", np.arange(6) < 3))
    outline = outline_of(render(fit_content(measured=measured, start=silent, end=silent)))
    assert "Along the preferred position" not in outline.words


@pytest.mark.parametrize(
    ("conditions", "axis"),
    [
        (SIZES, ">size</text>"),
        ({"orientation": np.arange(0.0, 180.0, 30.0)}, ">orientation (deg)</text>"),
        ({}, ">c0</text>"),
        ({"condition": [f"long label {i}" for i in range(5)]}, ">condition</text>"),
        ({"condition": ["red", "green"]}, ">red</text>"),
        ({"size": np.array([1.0, 1.0, 2.0]), "contrast": np.array([0.1, 1.0, 1.0])}, ">contrast</text>"),
        ({"size": np.array([1.0])}, ">condition</text>"),
    ],
)
def test_other_stimuli(conditions, axis, fit_content):
    html = render(fit_content(("max_rate",), conditions=conditions))
    assert axis in html
    assert "projected position" not in html
    assert "Distribution of Maximum rate" in html


def test_statistics_that_the_conditions_do_not_allow_have_no_histogram(fit_content, outline_of):
    outline = outline_of(render(fit_content(("r2", "rate"), conditions=SIZES)))
    assert [v for k, v in outline.attributes if k == "aria-label" and "Distribution" in str(v)] == [
        "Distribution of Firing rate"
    ]


def test_positions_that_are_no_lattice(fit_content):
    positions = dict(zip("xyz", np.random.default_rng(5).normal(size=(3, 20)), strict=True))
    html = render(fit_content(conditions=positions))
    assert "position, sorted by z, y, x" in html
    assert "projected position" in html


def test_rejected_realisations_and_skipped_steps_are_told(fit_result, fit_content, outline_of):
    result = fit_result(rejected_fraction=0.0123, non_finite_steps=1, warnings=["Mind the gap."])
    steps = [{"step": s, "loss": 1.0, "rejected": 0.02 * s, "parameters": {"sigma_l": 0.3}} for s in range(4)]
    outline = outline_of(render(fit_content(result=result, steps=steps)))
    assert "1.2 % of the realisations did not settle and were rejected." in outline.words
    assert "1 step had a loss or a gradient that was not finite" in outline.words
    assert "Mind the gap." in outline.words
    assert "Fraction rejected" in outline.words


def test_numbers_keep_the_shape_of_matrices(size_page, true_values):
    numbers = re.search(r'id="tuneful-result">(.*?)</script>', size_page)
    assert numbers
    assert json.loads(numbers[1])["parameters"]["sigma"]["truth"] == true_values["sigma"]


def test_incidents_reach_the_page(size_content, with_result, words, section):
    content = with_result(size_content(), outcomes={"settled": 0.9, "oscillating": 0.1})
    assert "90 % of the realisations settled and 10 % oscillated." in words(
        section(render(content), "Course of the fit")
    )


def test_trajectories_name_every_entry_in_the_colour_of_its_line(size_page, figures_of, true_values):
    drawn = figures_of(size_page)
    for name in true_values:
        svg = drawn[f"Parameter over training: {name}"]
        for i, entry in enumerate(np.ravel(PAIRS), start=1):
            colour = f"var(--entry-{i}, {ENTRIES[i - 1]})"
            label = re.search(rf"<text[^>]*style=\"([^\"]*)\"[^>]*>{entry}</text>", svg)
            assert label
            assert f"fill: {colour}" in label[1]
            lines = [style for style in re.findall(r'style="(fill: none[^"]*)"', svg) if f"stroke: {colour}" in style]
            widths = [re.findall(r"stroke-width: ([\d.]+)", style) for style in lines]
            assert widths == [["0.8"], ["1.4"]]  # the truth, and the path
            assert "stroke-dasharray" in lines[0]


def test_long_fits_stay_small(fit_content):
    steps = [
        {"step": s, "loss": 1.0 / (s + 1), "gradient_norm": 1.0, "parameters": {"sigma_l": 0.3 + 1e-5 * s}}
        for s in range(20_000)
    ]
    assert len(render(fit_content(steps=steps))) < 2_000_000
