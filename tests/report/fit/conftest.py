"""Contents of reports, and what is asked of their pages."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import compute, critical_value, features, ks_distance, make_dataset, statistics_for
from tuneful.report.fit import ReportContent, render

LATTICE = dict(zip("xyz", np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), strict=True))
POSITIONS = {axis: values.ravel() for axis, values in LATTICE.items()}
M1 = ("r2", "complexity", "rate", "coding_level")
VOID = {"meta", "br", "link", "img", "input"}
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


def _curves(n: int, conditions: dict, seed: int, scale: float = 8.0, **options) -> xr.Dataset:
    n_conditions = len(next(iter(conditions.values()))) if conditions else 4
    rates = np.random.default_rng(seed).gamma(1.5, scale, (n, n_conditions))
    return make_dataset(rates, conditions, **options)


def _measured_curves(
    n: int = 12, conditions: dict = POSITIONS, n_held_out: int | None = None, **options
) -> xr.Dataset:
    aside = np.arange(n) < (n // 4 if n_held_out is None else n_held_out)
    return _curves(n, conditions, 0, **options).assign_coords(held_out=("unit", aside))


def _fit_result(names: tuple[str, ...] = M1, **changes) -> dict:
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


def _fit_content(
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
        result=_fit_result(names),
        steps=steps,
        evaluations=[{"step": s, "statistics": dict.fromkeys(names, 0.6 - 0.1 * s)} for s in (0, 5)],
        measured=_measured_curves(conditions=conditions) if measured is None else measured,
        start=_curves(40, conditions, 1, scale=20.0),
        end=_curves(40, conditions, 2),
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


def _size_curves(n: int, seed: int, suppression: float, sizes: np.ndarray = SIZES, **features_too) -> xr.Dataset:
    """Curves of cells with a centre and a divisive surround, each with its own gain and widths."""
    rng = np.random.default_rng(seed)
    gain, centre, surround, strength = rng.lognormal(
        np.log([[1.6], [0.9], [2.6], [suppression]]), [[0.45], [0.35], [0.2], [0.5]], (4, n)
    )
    wide = sizes[None, :]
    drive = (1 - np.exp(-((wide / centre[:, None]) ** 2))) ** 2
    suppressed = 1 + strength[:, None] * (1 - np.exp(-((wide / surround[:, None]) ** 2))) ** 2
    return make_dataset(gain[:, None] * drive / suppressed, {"size": sizes} | features_too)


def _distances(data: xr.Dataset, model: xr.Dataset) -> dict[str, float]:
    values = {n: [compute(n, d["rate"].values, features(d)) for d in (data, model)] for n in statistics_for(data)}
    return {name: ks_distance(*pair) for name, pair in values.items()}


def _size_content(n_steps: int = 40, **changes) -> ReportContent:
    """The report of a fit of sizes that went well; `changes` replace fields."""
    measured = _size_curves(300, 0, 4.0)
    measured = measured.assign_coords(held_out=("unit", np.arange(300) < 100))
    start, end = _size_curves(400, 1, 0.3), _size_curves(400, 2, 3.6)
    test = measured.isel(unit=slice(0, 100))
    began, ended = _distances(test, start), _distances(test, end)
    content = ReportContent(
        result=_size_result(began, ended, n_steps),
        steps=[_size_step(step, n_steps) for step in range(1, n_steps + 1)],
        evaluations=[
            {"step": s, "statistics": {k: ended[k] + (began[k] - ended[k]) * 0.01 ** (s / n_steps) for k in ended}}
            for s in range(0, n_steps + 1, max(1, n_steps // 10))
        ],
        measured=measured,
        start=start,
        end=end,
    )
    return dataclasses.replace(content, **changes)


def _on_the_way(true: list, step: int, n_steps: int) -> list:
    """From 0.37 times the truth to near it, every entry at its own pace and with its own error."""
    ahead = 0.37 ** (np.exp(-4 * step / n_steps * np.array([[1.0, 0.7], [1.2, 0.8]])))
    return (np.array(true) * ahead * [[1.02, 0.85], [0.97, 1.3]] ** np.array(step / n_steps)).tolist()


def _size_step(step: int, n_steps: int) -> dict:
    parameters = {name: _on_the_way(true, step, n_steps) for name, true in TRUE.items()}
    loss = 0.02 + np.exp(-6 * step / n_steps)
    return {"step": step, "loss": loss, "gradient_norm": loss, "rejected": 0.0, "parameters": parameters}


def _size_result(began: dict, ended: dict, n_steps: int, **changes) -> dict:
    statistics = {
        name: {"ks": ended[name], "ks_start": began[name], "line": critical_value(100, 400), "floor": 0.08,
               "n_data": 100, "n_model": 400}
        for name in ended
    }  # fmt: skip
    parameters = {
        name: ABOUT[name]
        | {"value": _on_the_way(true, n_steps, n_steps), "initial": _on_the_way(true, 0, n_steps), "truth": true}
        | {"fitted": True, "entries": PAIRS}
        for name, true in TRUE.items()
    }
    return {
        "circuit": "ssn", "objective": "energy", "data": "simulated: SSN", "seed": 3, "steps": n_steps,
        "wall_seconds": 4321.0, "stopped": "stopped moving", "rejected_fraction": 0.0, "non_finite_steps": 0,
        "n_train": 200, "n_held_out": 100, "versions": {"tuneful": "0.1.0"}, "statistics": statistics,
        "parameters": parameters, "settings": {"circuit": {"n_sites": 201}}, "warnings": [],
    } | changes  # fmt: skip


def _with_prediction(truth: bool = True, **changes) -> ReportContent:
    """The same with curves at sizes that were not fitted."""
    true = _size_curves(400, 6, 4.0, NEW_SIZES) if truth else None
    new = {"prediction": _size_curves(400, 5, 3.6, NEW_SIZES), "prediction_truth": true}
    return _size_content(**(new | changes))


def _with_result(content: ReportContent, **entries) -> ReportContent:
    return dataclasses.replace(content, result=content.result | entries)


def _main_of(html: str) -> ElementTree.Element:
    """The body of the page; fails where an element is not closed."""
    found = re.search(r"<main>.*</main>", html, flags=re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0].replace("&ensp;", " "))


def _words(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _section(html: str, heading: str) -> ElementTree.Element:
    return next(part for part in _main_of(html) if part.findtext("h2") == heading)


def _figures_of(html: str) -> dict[str, str]:
    return {
        label: svg for svg, label in re.findall(r'(<svg xmlns[^>]*aria-label="([^"]*)".*?</svg>)', html, re.DOTALL)
    }


@pytest.fixture(scope="session")
def curves():
    """Random curves: `curves(n, conditions, seed, scale=8.0, ...)`."""
    return _curves


@pytest.fixture(scope="session")
def measured_curves():
    """Curves of which some are held out: `measured_curves(n=12, conditions=POSITIONS, n_held_out=None, ...)`."""
    return _measured_curves


@pytest.fixture(scope="session")
def fit_result():
    """The result of a small fit: `fit_result(names, ...)`, whose keywords replace entries."""
    return _fit_result


@pytest.fixture(scope="session")
def fit_content():
    """A whole report of a small simulated fit: `fit_content(names, measured, conditions, ...)`."""
    return _fit_content


@pytest.fixture(scope="session")
def outline_of():
    """`outline_of(html)`: tags, attributes, scripts and words of a page."""
    return Outline


@pytest.fixture(scope="session")
def size_curves():
    """Curves over size: `size_curves(n, seed, suppression, sizes=..., ...)`."""
    return _size_curves


@pytest.fixture(scope="session")
def size_content():
    """The report of a fit of sizes that went well: `size_content(n_steps=40, ...)`."""
    return _size_content


@pytest.fixture(scope="session")
def with_prediction():
    """The same with curves at sizes that were not fitted: `with_prediction(truth=True, ...)`."""
    return _with_prediction


@pytest.fixture(scope="session")
def with_result():
    """`with_result(content, ...)`: another content, with some entries of the result replaced."""
    return _with_result


@pytest.fixture(scope="session")
def main_of():
    """`main_of(html)`: the body of a page."""
    return _main_of


@pytest.fixture(scope="session")
def words():
    """`words(element)`: its text."""
    return _words


@pytest.fixture(scope="session")
def section():
    """`section(html, heading)`: the section under a heading."""
    return _section


@pytest.fixture(scope="session")
def figures_of():
    """`figures_of(html)`: the drawings by their descriptions."""
    return _figures_of


@pytest.fixture(scope="session")
def true_values():
    """The parameters of the circuit behind `size_content`."""
    return TRUE


@pytest.fixture(scope="session")
def size_page() -> str:
    """The page of a fit of sizes with a prediction."""
    return render(_with_prediction())
