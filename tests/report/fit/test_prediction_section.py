"""The report of size tuning: parameters that are matrices, predictions, and what became of the realisations."""

import dataclasses
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import compute, features, ks_distance, make_dataset, significance_line, statistics_for
from tuneful.report import (
    ReportContent,
    figures,
    figures_prediction,
    parameters,
    prediction,
    prediction_section,
    render,
)

SIZES = np.array([0.5, 1.0, 2.0, 4.0, 6.0])
NEW_SIZES = np.array([0.75, 1.5, 3.0, 5.0, 8.0])
PAIRS = [["EE", "EI"], ["IE", "II"]]
TRUE = {
    "J": [[0.0957, 0.0638], [0.1197, 0.0479]],
    "dJ": [[0.7660, 0.5106], [0.9575, 0.3830]],
    "sigma": [[0.6667, 0.2], [1.333, 0.2]],
}
ABOUT = {
    "J": {"symbol": "J", "unit": "1/Hz", "meaning": "smallest weight"},
    "dJ": {"symbol": "δJ", "unit": "1/Hz", "meaning": "range of weights"},
    "sigma": {"symbol": "σ", "unit": "stimulus units", "meaning": "reach of connections"},
}


def size_curves(n: int, seed: int, suppression: float, sizes: np.ndarray = SIZES, **features_too) -> xr.Dataset:
    """Curves of cells with a centre and a divisive surround, each with its own gain and widths."""
    rng = np.random.default_rng(seed)
    gain, centre, surround, strength = rng.lognormal(
        np.log([[1.6], [0.9], [2.6], [suppression]]), [[0.45], [0.35], [0.2], [0.5]], (4, n)
    )
    wide = sizes[None, :]
    drive = (1 - np.exp(-((wide / centre[:, None]) ** 2))) ** 2
    suppressed = 1 + strength[:, None] * (1 - np.exp(-((wide / surround[:, None]) ** 2))) ** 2
    return make_dataset(gain[:, None] * drive / suppressed, {"size": sizes} | features_too)


def distances(data: xr.Dataset, model: xr.Dataset) -> dict[str, float]:
    values = {n: [compute(n, d["rate"].values, features(d)) for d in (data, model)] for n in statistics_for(data)}
    return {name: ks_distance(*pair) for name, pair in values.items()}


def size_content(n_steps: int = 40, **changes) -> ReportContent:
    """The report of a fit of sizes that went well; `changes` replace fields."""
    measured = size_curves(300, 0, 4.0)
    measured = measured.assign_coords(held_out=("unit", np.arange(300) < 100))
    start, end = size_curves(400, 1, 0.3), size_curves(400, 2, 3.6)
    test = measured.isel(unit=slice(0, 100))
    began, ended = distances(test, start), distances(test, end)
    content = ReportContent(
        result=size_result(began, ended, n_steps),
        steps=[size_step(step, n_steps) for step in range(1, n_steps + 1)],
        evaluations=[
            {"step": s, "statistics": {k: ended[k] + (began[k] - ended[k]) * 0.01 ** (s / n_steps) for k in ended}}
            for s in range(0, n_steps + 1, max(1, n_steps // 10))
        ],
        measured=measured,
        start=start,
        end=end,
    )
    return dataclasses.replace(content, **changes)


def on_the_way(true: list, step: int, n_steps: int) -> list:
    """From 0.37 times the truth to near it, every entry at its own pace and with its own error."""
    ahead = 0.37 ** (np.exp(-4 * step / n_steps * np.array([[1.0, 0.7], [1.2, 0.8]])))
    return (np.array(true) * ahead * [[1.02, 0.85], [0.97, 1.3]] ** np.array(step / n_steps)).tolist()


def size_step(step: int, n_steps: int) -> dict:
    parameters = {name: on_the_way(true, step, n_steps) for name, true in TRUE.items()}
    loss = 0.02 + np.exp(-6 * step / n_steps)
    return {"step": step, "loss": loss, "gradient_norm": loss, "rejected": 0.0, "parameters": parameters}


def size_result(began: dict, ended: dict, n_steps: int, **changes) -> dict:
    statistics = {
        name: {"ks": ended[name], "ks_start": began[name], "line": significance_line(100, 400), "floor": 0.08,
               "n_data": 100, "n_model": 400}
        for name in ended
    }  # fmt: skip
    parameters = {
        name: ABOUT[name]
        | {"value": on_the_way(true, n_steps, n_steps), "initial": on_the_way(true, 0, n_steps), "truth": true}
        | {"fitted": True, "entries": PAIRS}
        for name, true in TRUE.items()
    }
    return {
        "circuit": "ssn", "objective": "energy", "data": "simulated: SSN", "seed": 3, "steps": n_steps,
        "wall_seconds": 4321.0, "stopped": "stopped moving", "rejected_fraction": 0.0, "non_finite_steps": 0,
        "n_train": 200, "n_held_out": 100, "versions": {"tuneful": "0.1.0"}, "statistics": statistics,
        "parameters": parameters, "settings": {"circuit": {"n_sites": 201}}, "warnings": [],
    } | changes  # fmt: skip


def with_prediction(truth: bool = True, **changes) -> ReportContent:
    """The same with curves at sizes that were not fitted."""
    true = size_curves(400, 6, 4.0, NEW_SIZES) if truth else None
    new = {"prediction": size_curves(400, 5, 3.6, NEW_SIZES), "prediction_truth": true}
    return size_content(**(new | changes))


def with_result(content: ReportContent, **entries) -> ReportContent:
    return dataclasses.replace(content, result=content.result | entries)


def main_of(html: str) -> ElementTree.Element:
    """The body of the page; fails where an element is not closed."""
    found = re.search(r"<main>.*</main>", html, flags=re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0].replace("&ensp;", " "))


def words(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def section(html: str, heading: str) -> ElementTree.Element:
    return next(part for part in main_of(html) if part.findtext("h2") == heading)


def figures_of(html: str) -> dict[str, str]:
    return {
        label: svg for svg, label in re.findall(r'(<svg xmlns[^>]*aria-label="([^"]*)".*?</svg>)', html, re.DOTALL)
    }


@pytest.fixture(scope="module")
def page() -> str:
    return render(with_prediction())


# Matrices


def test_table_has_one_row_per_entry(page):
    table = section(page, "Parameters").find("table")
    assert table is not None
    rows = [words(row) for row in table.iter("tr")]
    assert len(rows) == 1 + 12
    assert rows[1] == "J EE J smallest weight 0.0354 0.0959 0.0957 +0.2 % 1/Hz"
    assert rows[2] == "J EI 0.0236 0.051 0.0638 −20 %"
    assert "entry at each step" in words(section(page, "Parameters"))
    assert "value at each step" not in words(section(page, "Parameters"))
    assert rows[12] == "σ II 0.074 0.25 0.2 +25 %"


def test_trajectories_name_every_entry_in_the_colour_of_its_line(page):
    drawn = figures_of(page)
    for name in TRUE:
        svg = drawn[f"Parameter over training: {name}"]
        for i, entry in enumerate(np.ravel(PAIRS), start=1):
            colour = f"var(--entry-{i}, {figures.ENTRIES[i - 1]})"
            label = re.search(rf"<text[^>]*style=\"([^\"]*)\"[^>]*>{entry}</text>", svg)
            assert label
            assert f"fill: {colour}" in label[1]
            lines = [style for style in re.findall(r'style="(fill: none[^"]*)"', svg) if f"stroke: {colour}" in style]
            widths = [re.findall(r"stroke-width: ([\d.]+)", style) for style in lines]
            assert widths == [["0.8"], ["1.4"]]  # the truth, and the path
            assert "stroke-dasharray" in lines[0]


def test_path_goes_through_the_log_from_the_start():
    content = size_content(4)
    found = parameters.entries(content.result["parameters"]["dJ"])
    walked = parameters.path("dJ", content.steps, found)
    assert walked is not None
    assert walked[0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(walked[1][0], 0.37 * np.ravel(TRUE["dJ"]))
    np.testing.assert_array_equal(walked[1][3], np.ravel(content.steps[2]["parameters"]["dJ"]))
    assert parameters.path("other", content.steps, found) is None


def test_numbers_keep_the_shape_of_matrices(page):
    numbers = re.search(r'id="tuneful-result">(.*?)</script>', page)
    assert numbers
    assert json.loads(numbers[1])["parameters"]["sigma"]["truth"] == TRUE["sigma"]


# Prediction

HEADING = "Prediction for conditions that were not fitted"


def test_without_a_prediction_nothing_is_said_of_it():
    assert "not fitted" not in words(main_of(render(size_content())))


def test_prediction_along_a_feature_is_two_figures(page):
    shown = section(page, HEADING)
    labels = [svg.get("aria-label") for svg in shown.iter("{http://www.w3.org/2000/svg}svg")]
    assert labels == [
        "Rates of the fitted circuit and of the data over size",
        "KS distance of the rates in new conditions over size",
    ]
    assert "circuit that made the data" in words(shown)
    assert ">5 % line</text>" in page
    assert shown.find("table") is None


def test_spread_is_the_median_and_the_10_to_90_percent_band():
    rates = np.random.default_rng(0).exponential(1.0, (200_000, 2))
    rates[:3, 0] = np.nan
    # Quantiles of an exponential are -log(1 - p); a standard error is sqrt(p / (1 - p) / n).
    expected = -np.log(1 - np.array(prediction.SPREAD))[:, None]
    np.testing.assert_allclose(
        prediction.spread(rates), np.repeat(expected, 2, axis=1), atol=4 * 3 / np.sqrt(200_000)
    )
    assert np.isnan(prediction.spread(np.full((3, 2), np.nan))).all()


def test_model_is_drawn_in_old_and_new_conditions_and_data_in_old_ones():
    content = with_prediction()
    assert content.prediction is not None
    model = prediction.model_along(content, content.prediction, "size")
    assert model.places.tolist() == sorted([*SIZES, *NEW_SIZES])
    for place, curves in ((1.5, content.prediction), (2.0, content.end)):
        rates = curves["rate"].values[:, curves["size"].values == place]
        assert model.median[model.places == place] == np.median(rates)
    data = prediction.data_along(content, "size")
    np.testing.assert_allclose(data.high, np.quantile(content.measured["rate"].values[:100], 0.9, axis=0))


def test_figure_shows_truth_and_data_where_they_are():
    model, data = (prediction.Along(x, x, 2 * x, 3 * x) for x in (np.arange(1.0, 8.0), np.array([1.0, 3.0])))
    truth, new = prediction.Along(*[np.array([2.0])] * 4), np.array([2.0, 4.0, 5.0])
    with_truth, without = (
        str(figures_prediction.prediction_figure("size", model, data, found, new)) for found in (truth, None)
    )
    for svg, teal in ((with_truth, 1), (without, 0)):
        markers = {role: len(re.findall(rf'<use [^>]*style="fill: var\(--{role},', svg)) for role in ("truth", "ink")}
        assert markers == {"truth": teal, "ink": 2}
        assert len(re.findall(r'<use [^>]*style="fill: var\(--end,', svg)) == 1 + 3  # the band, and triangles
        assert "fill-opacity: 0.18" in svg


def test_distances_are_computed_where_the_result_has_none():
    content = with_prediction()
    found = prediction.distances(content)
    assert found is not None
    both = [curves["rate"].values for curves in (content.prediction, content.prediction_truth) if curves is not None]
    np.testing.assert_array_equal(found.ks, [ks_distance(both[0][:, s], both[1][:, s]) for s in range(5)])
    assert found.line == significance_line(400, 400)
    assert prediction.distances(with_prediction(truth=False)) is None
    assert prediction.distances(size_content()) is None


def test_distances_of_the_result_are_preferred_and_matched_by_condition():
    noted = {"ks": [0.5, 0.4, 0.3, 0.2, None], "line": 0.25, "conditions": {"size": NEW_SIZES[::-1].tolist()}}
    content = with_result(with_prediction(), prediction=noted)
    found = prediction.distances(content)
    assert found is not None
    np.testing.assert_array_equal(found.ks, [np.nan, 0.2, 0.3, 0.4, 0.5])
    assert found.line == 0.25
    assert prediction_section._verdict(found).startswith("In one of the four new conditions")
    no_names = with_result(with_prediction(truth=False), prediction={"ks": [0.1] * 5})
    found = prediction.distances(no_names)
    assert found is not None
    assert found.ks.tolist() == [0.1] * 5
    assert np.isnan(found.line)


@pytest.mark.parametrize(
    ("ks", "words_expected"),
    [
        ([0.1, 0.1], "In both new conditions, the rates of the fitted circuit are within"),
        ([0.1, 0.1, 0.1], "In all three new conditions, the rates of the fitted circuit are within"),
        ([0.1, 0.3, np.nan], "In one of the two new conditions, the rates of the fitted circuit are within"),
        ([0.3, 0.3], "In none of the two new conditions, the rates of the fitted circuit are within"),
        ([0.3], "In the new condition, the rates of the fitted circuit are not within"),
        ([0.1], "In the new condition, the rates of the fitted circuit are within"),
    ],
)
def test_prediction_in_one_sentence(ks, words_expected):
    assert prediction_section._verdict(prediction.Distances(np.array(ks), 0.2)).startswith(words_expected)


def test_prediction_without_truth_says_nothing_of_it():
    shown = section(render(with_prediction(truth=False)), HEADING)
    assert "circuit that made the data" not in words(shown)
    assert len(list(shown.iter("{http://www.w3.org/2000/svg}svg"))) == 1


def test_several_features_are_a_table():
    crossed = {"contrast": np.array([10.0, 10.0, 10.0, 20.0, 20.0])}
    model, truth = (size_curves(100, seed, 3.0, NEW_SIZES, **crossed) for seed in (1, 2))
    truth["rate"].values[:, 0] += 10  # nothing in common
    shown = section(render(with_prediction(prediction=model, prediction_truth=truth)), HEADING)
    rows = [words(row) for row in shown.iter("tr")]
    low, median, high = np.quantile(model["rate"].values[:, 0], [0.1, 0.5, 0.9])
    assert rows[0] == "size contrast Fitted circuit (Hz) Circuit that made the data (Hz) KS Verdict"
    assert rows[1].startswith(f"0.75 10 {median:.3g} ({low:.3g}–{high:.3g}) 10")
    assert rows[1].endswith("1.000 ✕ distinguishable from it")
    assert "✓ within sampling error" in rows[2]
    assert len(rows) == 6
    assert "In four of the five new conditions" in words(shown)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"size": [8.0]}, "size"),
        ({"size": [8.0, 8.0]}, None),  # not told apart
        ({"size": [8.0, 9.0], "contrast": [1.0, 2.0]}, None),
        ({"orientation": [8.0, 9.0]}, None),
        ({"condition": ["a", "b"]}, None),
    ],
)
def test_one_feature_along_which_all_conditions_lie(conditions, expected):
    n = len(next(iter(conditions.values())))
    curves = xr.Dataset(
        {"rate": (("unit", "condition"), np.ones((3, n)))},
        coords={name: ("condition", values) for name, values in conditions.items()},
    )
    assert prediction.feature_along(size_content(prediction=curves)) == expected


def test_constant_second_feature_does_not_matter_unless_it_changes():
    def data(contrast, sizes=SIZES):
        curves = size_curves(20, 0, 3.0, sizes, contrast=np.full(len(sizes), contrast))
        return curves.assign_coords(held_out=("unit", np.arange(20) < 5))

    same, other = data(20.0, NEW_SIZES), data(10.0, NEW_SIZES)
    assert prediction.feature_along(size_content(measured=data(20.0), prediction=same)) == "size"
    assert prediction.feature_along(size_content(measured=data(20.0), prediction=other)) is None


def test_long_tables_are_folded_and_labels_are_conditions():
    labelled = make_dataset(np.ones((5, 30)), {"condition": [f"<{i}>" for i in range(30)]})
    shown = section(render(with_prediction(truth=False, prediction=labelled)), HEADING)
    assert shown.findtext("details/summary") == "All 30 conditions"
    assert words(list(shown.iter("tr"))[-1]) == "<29> 1 (1–1)"


def test_prediction_that_failed():
    nothing = size_curves(3, 0, 3.0, NEW_SIZES)
    nothing["rate"].values[:] = np.nan
    html = render(with_prediction(prediction=nothing))
    assert "Rates of the fitted circuit" in html
    assert "new conditions, the rates" not in html


def test_names_of_entries_with_markup_are_shown_as_they_are():
    content = size_content()
    content.result["parameters"]["J"]["entries"] = [["<b>E&E", "EI"], ["IE", "$I$"]]
    html = render(content)
    table = words(section(html, "Parameters"))
    assert "J <b>E&E J smallest weight" in table
    assert "$I$" in table
    assert "<b>" not in html


def test_incidents_reach_the_page():
    content = with_result(size_content(), outcomes={"settled": 0.9, "oscillating": 0.1})
    assert "90 % of the realisations settled and 10 % oscillated." in words(
        section(render(content), "Course of the fit")
    )
