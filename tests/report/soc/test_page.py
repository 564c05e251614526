"""The page of a stabilised circuit: readable by itself, true to its numbers, unbroken by small and odd circuits."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks.scalars import preferred_states
from tuneful.report import soc_figures as figures
from tuneful.report.soc.page import SocContent, render_soc
from tuneful.report.soc.wording import PUBLISHED, SCALARS, answer, has_published_settings, scalar_lines
from tuneful.runs.soc_result import analysed, circuit_result, what_to_try
from tuneful.runs.stabilize_settings import StabilizeSettings
from tuneful.stability import stabilize

VOID = {"meta", "br", "link", "img", "input"}


def content_of(settings, **limits):
    network = settings.network()
    circuit = stabilize(network.weights, network.excitatory, **settings.arguments() | limits)
    result = circuit_result(settings, network, circuit, 1.25, "tuneful stabilize --seed 1")
    return SocContent(result, circuit.weights, circuit.excitatory, network.weights, circuit.history)


@pytest.fixture(scope="module")
def content():
    """A stabilised network of 60 cells."""
    return content_of(StabilizeSettings(n=60, radius=4.0, target=0.6, seed=1))


@pytest.fixture(scope="module")
def page(content):
    return render_soc(content)


class Balance(HTMLParser):
    """Every element that was opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def texts(page):
    return re.sub(r"<(style|script|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)


def test_the_page_is_whole_and_needs_nothing_else(page):
    balance = Balance()
    balance.feed(page)
    assert not balance.open
    assert not re.search(r'(src|href)="(?!#|data:image)', page)
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', page)
    assert len(labels) == len(set(labels)) == 10
    assert "url(http" not in page


def test_the_page_has_every_section(page):
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings[:-1] == ["Eigenvalues", "Weights", "Transients", "Checks", "Scalars"]
    for title in ("Before", "After", "At the edge", "Spectral abscissa", "Evoked energies", "Norm of all activity"):
        assert f"<figcaption>{title}<" in page
    assert "Inhibition learned to keep these 60 cells stable" in page
    assert "tuneful stabilize --seed 1" in page
    assert "1.2 s" in page
    assert "all 7 hold" in page
    assert texts(page).count("✓") == 7


def test_numbers_of_the_page_are_those_of_the_result(page, content):
    numbers = re.search(r'<script type="application/json" id="tuneful-result">(.*?)</script>', page, re.DOTALL)
    assert json.loads(numbers[1]) == content.result
    for scalar in SCALARS:
        assert scalar.name[1:] in texts(page)
    energies, _ = preferred_states(content.weights)
    assert f"{energies[0]:.3g}" in texts(page)


def test_a_point_of_a_small_matrix_is_a_weight(page):
    assert "Every point is the mean" not in page


def test_the_same_circuit_gives_the_same_page(page, content):
    assert render_soc(content) == page


def test_published_ranges_stand_beside_published_settings_only(page, content):
    assert "Published circuits" not in texts(page)
    settings = StabilizeSettings().model_dump()
    assert {name: settings[name] for name in PUBLISHED} == PUBLISHED
    published = content.result | {"settings": settings}
    assert has_published_settings(published)
    assert "Published circuits" in texts(render_soc(dataclasses.replace(content, result=published)))
    assert "12.1–14.4" in "\n".join(scalar_lines(published))
    assert not has_published_settings(published | {"reached": False})
    assert not has_published_settings(published | {"settings": settings | {"target": 0.5}})


def test_every_scalar_of_the_result_has_a_row(content):
    assert {scalar.key for scalar in SCALARS} == set(content.result["scalars"])
    assert len(scalar_lines(content.result)) == 1 + len(SCALARS)


@pytest.mark.parametrize("steps", [0, 4])
def test_a_target_that_was_not_reached(steps):
    short = content_of(StabilizeSettings(n=60, radius=4.0, target=0.1), max_steps=steps)
    page = render_soc(short)
    assert "is not stable: its spectral abscissa went from" in page
    assert "Go on with --resume --max-steps 100" in page
    assert "✕" in texts(page)
    assert "their energies are not defined" in page
    assert texts(page).count("–") >= 6  # the scalars that need stability


def test_stable_but_short_of_the_target():
    short = content_of(StabilizeSettings(n=60, radius=4.0, target=0.1), max_steps=40)
    assert 0.1 < short.result["abscissa"] < 1
    assert "stable, though short of its target" in answer(short.result)
    assert "<figcaption>Evoked energies<" in render_soc(short)


def test_a_negative_target_has_a_linear_axis():
    settings = StabilizeSettings(n=40, radius=3.0, target=-0.1, self_connections=True)
    assert "target, -0.1" in render_soc(content_of(settings))


@pytest.mark.parametrize(
    "weights",
    [
        np.array([[0.0, -1.0], [1.0, -0.5]]),
        np.zeros((3, 3)),
        np.diag([0.5, 0.2, -3.0]),
        np.array([[0.0, -1e6], [1e-6, 0.0]]),
        np.array([[2.0, 0.0], [0.0, -1.0]]),
    ],
    ids=["two cells", "no connection", "diagonal", "far from normal", "unstable"],
)
def test_bare_weight_matrices(weights):
    excitatory = (weights >= 0).all(axis=0) & (np.arange(len(weights)) < len(weights) - 1)
    about = {"source": "w.npy", "versions": {"tuneful": "0.1.0"}, "command": "tuneful analyze soc w.npy"}
    result = about | analysed(weights, excitatory)
    page = render_soc(SocContent(result, weights, excitatory))
    assert f"This circuit of {len(weights)} cells is {'not ' * (result['scalars']['abscissa'] >= 1)}stable" in page
    assert "<figcaption>Before<" not in page
    assert "<h2>Checks</h2>" not in page
    assert "<code>tuneful analyze soc w.npy</code>" in page


def test_what_to_try_names_options_that_are_in_use():
    settings = StabilizeSettings(n=60, radius=4.0, target=0.1)
    stalled = stabilize(settings.network().weights, target=-0.5, self_connections=True, patience=1, max_steps=500)
    assert stalled.reason == "stalled"
    assert "raise --density or --gamma, ask" in what_to_try(settings, stalled)
    free = settings.model_copy(update={"density": None, "balance": None, "weights": "w.npy", "smoothing": 0.1})
    assert "steps: leave out --smoothing, ask for a higher --target, or start from weaker weights" in what_to_try(
        free, stalled
    )


def test_eigenvalues_all_lie_within_their_panel():
    before, after = (np.linalg.eigvals(random_network(50, seed).weights).astype(complex) for seed in (0, 1))
    left, right, top = figures.whole_plane(before, after)
    for spectrum in (before, after):
        assert (spectrum.real > left).all()
        assert (spectrum.real < right).all()
        assert (abs(spectrum.imag) < top).all()
    assert right > 1
    assert (right - left) / (2 * top) == pytest.approx(figures.WIDTH_BY_HEIGHT)


def test_large_matrices_are_averaged_over_blocks():
    weights = np.random.default_rng(0).normal(size=(403, 403))
    reduced = figures._reduced(weights)
    assert reduced.shape == (202, 202)
    assert reduced[0, 0] == pytest.approx(weights[:2, :2].mean())
    assert reduced[-1, -1] == pytest.approx(weights[402, 402])
    assert figures.robust_limit(weights) == pytest.approx(np.percentile(abs(reduced), 95))


def test_the_page_says_that_points_are_means(content, monkeypatch):
    monkeypatch.setattr(figures, "MOST_PIXELS", 25)
    assert "Every point is the mean of 3 × 3 of them." in render_soc(content)
