"""The report: readable by itself, true to its numbers, and unbroken by whatever a fit can bring."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from tuneful.curves import compute, features, make_dataset
from tuneful.report import (
    ReportContent,
    figures,
    figures_curves,
    gallery,
    histograms,
    render,
    wording,
    write_report,
)
from tuneful.report import content as report_content

LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}
SIZES = {"size": np.array([0.5, 1.0, 2.0, 4.0, 6.0])}
M1 = ("r2", "complexity", "rate", "coding_level")
NAN = float("nan")
VOID = {"meta", "br", "link", "img", "input"}


def curves(n: int, conditions: dict, seed: int, scale: float = 8.0, **options) -> xr.Dataset:
    n_conditions = len(next(iter(conditions.values()))) if conditions else 4
    rates = np.random.default_rng(seed).gamma(1.5, scale, (n, n_conditions))
    return make_dataset(rates, conditions, **options)


def measured_curves(
    n: int = 12, conditions: dict = POSITIONS, n_held_out: int | None = None, **options
) -> xr.Dataset:
    aside = np.arange(n) < (n // 4 if n_held_out is None else n_held_out)
    return curves(n, conditions, 0, **options).assign_coords(held_out=("unit", aside))


def fit_result(names: tuple[str, ...] = M1, **changes) -> dict:
    statistic = {"ks": 0.1, "line": 0.157, "floor": 0.08, "n_data": 6, "n_model": 40, "ks_start": 0.6}
    width = {"value": 0.42, "unit": "lattice spacings", "initial": 0.3, "symbol": "σ_l", "meaning": "smallest width"}
    strength = {"value": 9e2, "unit": "Hz", "initial": 1e3, "symbol": "J", "meaning": "largest weight"}
    return {
        "circuit": "m1",
        "objective": "energy",
        "data": "recordings.csv",
        "seed": 7,
        "steps": 5,
        "wall_seconds": 73.0,
        "stopped": "The largest number of steps was reached.",
        "rejected_fraction": 0.0,
        "non_finite_steps": 0,
        "n_train": 6,
        "n_held_out": 6,
        "versions": {"tuneful": "0.1.0", "jax": "0.6.2"},
        "statistics": {name: dict(statistic) for name in names},
        "parameters": {
            "sigma_l": width | {"fitted": True, "truth": 0.4},
            "J": strength | {"fitted": False, "truth": None},
        },
        "settings": {"circuit": {"grid": 40}, "objective": {"batch": 20}},
        "warnings": [],
    } | changes


def fit_content(
    names: tuple[str, ...] = M1, measured: xr.Dataset | None = None, conditions: dict = POSITIONS, **changes
) -> ReportContent:
    """A whole report of a small simulated fit; `changes` replace fields."""
    steps = [
        {
            "step": step,
            "loss": 1.0 / step,
            "gradient_norm": 0.5,
            "rejected": 0.0,
            "finite": True,
            "parameters": {"sigma_l": 0.3 + 0.02 * step},
            "seconds": 0.1,
        }
        for step in range(1, 6)
    ]
    content = ReportContent(
        result=fit_result(names),
        steps=steps,
        evaluations=[{"step": s, "statistics": dict.fromkeys(names, 0.6 - 0.1 * s)} for s in (0, 5)],
        measured=measured_curves(conditions=conditions) if measured is None else measured,
        start=curves(40, conditions, 1, scale=20.0),
        end=curves(40, conditions, 2),
    )
    return dataclasses.replace(content, **changes)


class Outline(HTMLParser):
    """Collects what the tests ask for, and insists that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data

    @property
    def numbers(self) -> dict:
        return json.loads(self.scripts[0])

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def page() -> str:
    return render(fit_content())


def test_page_says_what_was_fitted_and_how_well(page):
    words = Outline(page).words
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


def test_page_has_every_figure(page):
    labels = [value for name, value in Outline(page).attributes if name == "aria-label"]
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


def test_page_is_self_contained(page):
    outline = Outline(page)
    assert {"img", "link", "iframe", "image"}.isdisjoint(outline.tags)
    references = [value for name, value in outline.attributes if name in ("src", "href", "xlink:href", "action")]
    assert references
    assert all(str(value).startswith("#") for value in references)
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(page.encode()) < 2_000_000


def test_ids_are_unique_and_references_resolve(page):
    ids = [value for name, value in Outline(page).attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'(?:url\(|xlink:href=")#([^)"]+)', page)) <= set(ids)


def test_text_of_figures_stays_text_and_colours_follow_the_page(page):
    assert ">KS distance</text>" in page
    assert "var(--end, #0067a5)" in page
    assert not re.search(r"(fill|stroke): #(?!0067a5)", page.split("<main>")[1])


def test_embedded_numbers_are_the_result(page):
    assert Outline(page).numbers == fit_result()


def test_same_content_gives_same_page_whatever_the_matplotlib_settings(page):
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        before = dict(mpl.rcParams)
        assert render(fit_content()) == page
        assert dict(mpl.rcParams) == before


def test_write_report_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    content = fit_content(("rate",), evaluations=[], steps=[])
    write_report(content, path)
    assert path.read_text(encoding="utf-8") == render(content)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_write_report_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("tuneful.report.fit.page.os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_report(fit_content(("rate",), evaluations=[], steps=[]), path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


# What a fit can bring


def test_names_with_markup_are_shown_and_not_executed():
    bad = "<script>alert('$x$')</script>"
    measured = measured_curves(3, {"condition": [bad, "b", "c", "d"]}, 2, unit_labels=[bad, "u1", "u2"])
    other = curves(5, {"condition": [bad, "b", "c", "d"]}, 1)
    result = fit_result(("rate", bad), data=bad, warnings=[bad], circuit=bad, stopped="</script><b>")
    result["parameters"][bad] = {"value": 1.0, "unit": bad, "initial": 2.0, "symbol": bad, "meaning": bad}
    steps = [{"step": s, "parameters": {bad: 1.0 + s}} for s in range(3)]
    outline = Outline(
        render(fit_content(("rate", bad), measured, start=other, end=other, result=result, steps=steps))
    )
    assert outline.tags.count("script") == 1
    assert outline.numbers["data"] == bad
    assert outline.numbers["stopped"] == "</script><b>"
    assert bad in outline.text


def test_a_refined_fit_says_how_many_steps_that_were():
    html = render(dataclasses.replace(fit_content(), result=fit_result(descent_steps=3)))
    assert "5 steps, 2 of them refining, in 1 min 13 s" in html


def test_nothing_known_shows_dashes():
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
    outline = Outline(render(fit_content(result=result, evaluations=evaluations, steps=steps)))
    assert "is open: no statistic is defined" in outline.words
    assert "– steps" not in outline.words
    assert "How many realisations were rejected is not known." in outline.words
    assert "nan" not in outline.words.lower()
    assert "None of" not in outline.words
    assert outline.numbers["wall_seconds"] is None


def test_empty_result_and_empty_course():
    outline = Outline(render(fit_content(result={}, steps=[], evaluations=[])))
    assert "No evaluation was recorded during this fit." in outline.words
    assert "No statistic was computed." in outline.words
    assert "– steps in –" in outline.words


def test_one_held_out_unit_and_one_statistic():
    outline = Outline(render(fit_content(("r2",), measured_curves(5, n_held_out=1))))
    assert "R² of the linear fit to position of the fitted circuit is within sampling error" in outline.words
    assert "1 of 1 held-out units" in outline.words


def test_no_held_out_units_means_all():
    content = fit_content(measured=measured_curves(5, n_held_out=0), result=fit_result(n_held_out=0))
    outline = Outline(render(content))
    assert "of the measured neurons" in outline.words
    assert "5 of 5 measured units" in outline.words
    assert "held-out" not in outline.words


def test_missing_conditions_and_silent_units():
    measured = measured_curves(10, n_held_out=4)
    rates = measured["rate"].values
    rates[0, 3:] = NAN  # too few conditions for a linear fit
    rates[1] = 0.0
    rates[2, ::2] = NAN
    outline = Outline(render(fit_content(measured=measured)))
    assert "not measured" in outline.words
    assert "R² – measured" in outline.words
    assert "undefined: 50 % of data" in outline.words


def test_curves_that_are_not_finite_or_absent():
    broken = curves(4, POSITIONS, 3)
    broken["rate"].values[:] = NAN
    outline = Outline(render(fit_content(start=broken, end=broken)))
    assert "no generated curve" in outline.words


def test_everything_silent():
    silent = make_dataset(np.zeros((6, 27)), POSITIONS)
    measured = silent.assign_coords(held_out=("unit", np.arange(6) < 3))
    outline = Outline(render(fit_content(measured=measured, start=silent, end=silent)))
    assert "Along the preferred position" not in outline.words


@pytest.mark.parametrize(
    ("conditions", "axis"),
    [
        (SIZES, ">size</text>"),
        ({"orientation": np.arange(0.0, 180.0, 30.0)}, ">orientation</text>"),
        ({}, ">c0</text>"),
        ({"condition": [f"long label {i}" for i in range(5)]}, ">condition</text>"),
        ({"condition": ["red", "green"]}, ">red</text>"),
        ({"size": np.array([1.0, 1.0, 2.0]), "contrast": np.array([0.1, 1.0, 1.0])}, ">condition</text>"),
        ({"size": np.array([1.0])}, ">condition</text>"),
    ],
)
def test_other_stimuli(conditions, axis):
    html = render(fit_content(("max_rate",), conditions=conditions))
    assert axis in html
    assert "projected position" not in html
    assert "Distribution of Maximum rate" in html


def test_statistics_that_the_conditions_do_not_allow_have_no_histogram():
    outline = Outline(render(fit_content(("r2", "rate"), conditions=SIZES)))
    assert [v for k, v in outline.attributes if k == "aria-label" and "Distribution" in str(v)] == [
        "Distribution of Firing rate"
    ]


def test_positions_that_are_no_lattice():
    positions = dict(zip("xyz", np.random.default_rng(5).normal(size=(3, 20)), strict=True))
    html = render(fit_content(conditions=positions))
    assert "position, sorted by z, y, x" in html
    assert "projected position" in html


def test_rejected_realisations_and_skipped_steps_are_told():
    result = fit_result(rejected_fraction=0.0123, non_finite_steps=1, warnings=["Mind the gap."])
    steps = [{"step": s, "loss": 1.0, "rejected": 0.02 * s, "parameters": {"sigma_l": 0.3}} for s in range(4)]
    outline = Outline(render(fit_content(result=result, steps=steps)))
    assert "1.2 % of the realisations did not settle and were rejected." in outline.words
    assert "1 step had a loss or a gradient that was not finite" in outline.words
    assert "Mind the gap." in outline.words
    assert "Fraction rejected" in outline.words


def test_long_fits_stay_small():
    steps = [
        {"step": s, "loss": 1.0 / (s + 1), "gradient_norm": 1.0, "parameters": {"sigma_l": 0.3 + 1e-5 * s}}
        for s in range(20_000)
    ]
    assert len(render(fit_content(steps=steps))) < 2_000_000
    kept = figures.thinned(steps)
    assert (kept[0]["step"], kept[-1]["step"], len(kept)) == (0, 19_999, figures.MOST_POINTS)


def test_vector_parameters():
    about = {"value": [1.0, 2.0], "unit": "Hz", "initial": [0.5, 1.0], "symbol": "w", "meaning": "", "fitted": True}
    steps = [{"step": s, "parameters": {"w": [1.0 + s, 2.0 + s]}} for s in range(3)]
    outline = Outline(render(fit_content(result=fit_result(parameters={"w": about}), steps=steps)))
    assert "w1 w– 0.51 Hz w2 12 entry at each step" in outline.words


# Words


@pytest.mark.parametrize(
    ("distances", "sentence"),
    [
        ({"r2": 0.1, "rate": 0.1}, "Both statistics of the fitted circuit are within"),
        ({"r2": 0.3, "rate": 0.3}, "Neither statistic of the fitted circuit is within"),
        ({"r2": 0.3, "rate": 0.1}, "One of the two statistics of the fitted circuit is within"),
        ({"r2": 0.3, "rate": 0.1}, "neurons; R² of the linear fit to position is not."),
        ({"r2": 0.3, "rate": 0.3, "complexity": 0.1}, "; R² of the linear fit to position and firing rate are not."),
        ({"r2": 0.3, "rate": 0.3, "max_rate": 0.2}, "None of the three statistics of the fitted circuit is within"),
        ({"rate": 0.3}, "Firing rate of the fitted circuit is not within"),
        ({"rate": 0.1, "coding_level": NAN}, "neurons; coding level is undefined."),
        ({"{odd}": 0.1, "rate": 0.3, "max_rate": 0.1}, "Two of the three"),
        ({"{odd}": 0.3}, "{odd} of the fitted circuit is not within"),
    ],
)
def test_answer(distances, sentence):
    entries = {name: {"ks": ks, "line": 0.15, "floor": 0.05} for name, ks in distances.items()}
    assert sentence in wording.answer({"statistics": entries})


@pytest.mark.parametrize(
    ("ks", "line", "floor", "expected"),
    [
        (0.05, 0.15, 0.1, wording.AT_FLOOR),
        (0.12, 0.15, 0.1, wording.WITHIN),
        (0.2, 0.15, 0.1, wording.APART),
        (0.2, 0.15, 0.3, wording.APART),  # a high floor does not excuse
        (0.1, 0.15, None, wording.WITHIN),
        (NAN, 0.15, 0.1, wording.UNKNOWN),
        (0.1, None, 0.1, wording.UNKNOWN),
    ],
)
def test_verdict(ks, line, floor, expected):
    assert wording.verdict({"ks": ks, "line": line, "floor": floor}) is expected


def test_numbers_in_words():
    shown = [wording.number(v) for v in (None, NAN, float("inf"), -1.25, 1234.5, 1e-9, 0, True, [1.0, NAN], "x")]
    assert shown == ["–", "–", "∞", "−1.25", "1,234", "1e−09", "0", "yes", "(1, –)", "x"]
    assert [wording.duration(s) for s in (None, 0.51, 48.2, 73, 3900)] == [
        "–",
        "0.5 s",
        "48 s",
        "1 min 13 s",
        "1 h 05 min",
    ]
    assert [wording.percent(v) for v in (NAN, 0, 0.012, 0.5)] == ["–", "0 %", "1.2 %", "50 %"]
    assert [figures.tick(v) for v in (0, -2.5e6, 1e-5, 40_000, 0.25)] == ["0", "−2.5e6", "1e−5", "40000", "0.25"]
    assert wording.symbol("σ_<l>") == "<i>σ</i><sub>&lt;l&gt;</sub>"


# Numbers behind the figures


def test_nearest_looks_at_measured_conditions_only():
    generated = np.array([[1.0, 50.0], [9.0, 2.0]])
    assert gallery.nearest(np.array([1.5, NAN]), generated) is not None
    np.testing.assert_array_equal(gallery.nearest(np.array([1.5, NAN]), generated), generated[0])
    assert gallery.nearest(np.array([NAN, NAN]), generated) is None


def test_choice_spans_rates_and_modulation():
    rng = np.random.default_rng(0)
    rates = rng.gamma(2.0, 5.0, (200, 1)) * (1 + rng.uniform(0, 1, (200, 1)) * rng.normal(size=(200, 9)))
    chosen = gallery.choose(rates)
    means, modulations = rates.mean(axis=1), rates.std(axis=1)
    assert len(set(chosen)) == 8
    assert np.quantile(means, 0.25) > means[chosen[0]]
    assert np.quantile(means, 0.75) < means[chosen[-1]]
    assert (modulations[chosen[1::2]] > modulations[chosen[::2]]).all()


def test_projection_is_the_linear_fit():
    positions = np.stack(list(POSITIONS.values()), axis=1)
    curve = 20 + positions @ [3.0, 0.0, 4.0] + np.random.default_rng(0).normal(size=27)
    curve[[2, 11]] = NAN
    found = gallery.project(curve, positions)
    assert found is not None
    np.testing.assert_allclose(found.slope, 5.0, atol=4 / np.sqrt(18))  # 4 standard errors of a gradient
    residual = found.rates - found.offset - found.slope * found.positions
    r2 = 1 - (residual**2).sum() / ((found.rates - found.rates.mean()) ** 2).sum()
    np.testing.assert_allclose(found.r2, r2, rtol=1e-12)
    assert gallery.project(np.full(27, 3.0), positions) is None


def test_histograms_are_densities_over_shared_bins():
    content = fit_content()
    for name in M1:
        values = report_content.samples(content, name)
        bins = histograms.shared_bins(values)
        assert bins is not None
        for kind in ("data", "end"):
            total = (bins.heights(values[kind].ravel()) * np.diff(bins.edges)).sum()
            np.testing.assert_allclose(total + bins.beyond(values[kind]), 1)


def test_histogram_bins_hold_equally_many_levels_of_a_lattice():
    levels = np.arange(28) / 27
    bins = histograms.shared_bins({"data": np.tile(levels, 10), "start": levels, "end": np.tile(levels, 10)})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(levels), bins.heights(levels)[0])


def test_few_distinct_values_are_categories():
    values = np.repeat([0.5, 1.0, 6.0], [10, 20, 10])
    bins = histograms.shared_bins({"data": values, "start": values, "end": values})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(values), [0.25, 0.5, 0.25])


def test_samples_see_generated_curves_through_the_gaps_of_held_out_units():
    measured = measured_curves(4, n_held_out=2)
    measured["rate"].values[:2, 5] = NAN
    content = fit_content(measured=measured)
    values = report_content.samples(content, "rate")
    assert np.isnan(values["end"]).all(axis=0).tolist() == [i == 5 for i in range(27)]
    np.testing.assert_array_equal(values["data"], compute("rate", measured["rate"].values[:2], features(measured)))


def test_lattice_layout_groups_by_z_and_then_y():
    layout = figures_curves.layout_of(measured_curves())
    ordered = {axis: POSITIONS[axis][layout.order] for axis in "xyz"}
    assert ordered["z"].tolist() == [-1.0] * 9 + [0.0] * 9 + [1.0] * 9
    assert ordered["x"][:6].tolist() == [-1.0, 0.0, 1.0] * 2
    assert layout.breaks == tuple(range(3, 27, 3))
    assert [name for _, name in layout.ticks] == ["z = −1", "z = 0", "z = 1"]
