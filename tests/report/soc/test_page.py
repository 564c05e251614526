"""The page of a stabilised circuit: readable by itself, true to its numbers, unbroken by small and odd circuits."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tuneful.networks.scalars import preferred_states
from tuneful.plot import matrices
from tuneful.report.soc import SocContent, render_soc
from tuneful.report.soc.wording import PUBLISHED, SCALARS, answer, has_published_settings, scalar_lines
from tuneful.runs.stabilize_config import StabilizeConfig
from tuneful.runs.stabilize_result import analysed

VOID = {"meta", "br", "link", "img", "input"}


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
    assert texts(page).count("✓") == 3 + 7  # what decides, and the checks


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
    settings = StabilizeConfig().model_dump()
    assert {name: settings[name] for name in PUBLISHED} == PUBLISHED
    published = content.result | {"settings": settings}
    assert has_published_settings(published)
    assert "Published circuits" in texts(render_soc(dataclasses.replace(content, result=published)))
    assert "12.1–14.4" in "\n".join(scalar_lines(published))
    assert not has_published_settings(published | {"reached": False})
    assert not has_published_settings(published | {"settings": settings | {"target": 0.5}})


@pytest.mark.parametrize("steps", [0, 4])
def test_a_target_that_was_not_reached(steps, content_of):
    short = content_of(StabilizeConfig(n=60, radius=4.0, target=0.1), max_steps=steps)
    page = render_soc(short)
    assert "is not stable: its spectral abscissa went from" in page
    assert "Go on with --resume --max-steps 100" in page
    assert "✕" in texts(page)
    assert "their energies are not defined" in page
    assert texts(page).count("–") >= 6  # the scalars that need stability


def test_stable_but_short_of_the_target(content_of):
    short = content_of(StabilizeConfig(n=60, radius=4.0, target=0.1), max_steps=40)
    assert 0.1 < short.result["abscissa"] < 1
    assert "stable, though short of its target" in answer(short.result)
    assert "<figcaption>Evoked energies<" in render_soc(short)


def test_a_negative_target_has_a_linear_axis(content_of):
    settings = StabilizeConfig(n=40, radius=3.0, target=-0.1, self_connections=True)
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


def test_the_page_says_that_points_are_means(content, monkeypatch):
    monkeypatch.setattr(matrices, "MOST_PIXELS", 25)
    assert "Every point is the mean of 3 × 3 of them." in render_soc(content)
