"""One browser for all pages, and the pages: made once, with hostile names in them."""

import dataclasses
import json
import os
import shutil
import socket
import sys

import pytest

from tuneful import Fit
from tuneful.cli.beside import run_reports
from tuneful.objectives import Moments
from tuneful.report.fit import render
from tuneful.report.soc import SocContent, render_soc
from tuneful.runs.lock import HOLDER
from tuneful.runs.stabilize_config import StabilizeConfig
from tuneful.runs.stabilize_result import circuit_result
from tuneful.runs.watching.doing import doing_in
from tuneful.runs.watching.so_far import page_so_far
from tuneful.stability import stabilize

HOSTILE = "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>\"'"
INTERVAL = {
    "value": 2.0, "interval": [1.0, None], "identified": "no", "why": HOSTILE, "standard_deviation": 0.1,
    "level": 0.9, "truth": None, "unit": HOSTILE, "symbol": HOSTILE, "entries": None,
}  # fmt: skip
INFERENCE = {
    "level": 0.9, "method": "profile", "parameters": {"a": INTERVAL, "b": INTERVAL | {"identified": "yes"}},
    "methods": {"profile": {}}, "correlation": {"names": ["a", "b"], "matrix": [[1.0, 0.5], [0.5, 1.0]]},
    "combinations": [{"words": HOSTILE, "standard_deviation": 0.04, "powers": {}}] * 2,
    "remarks": [HOSTILE], "units": 10, "clusters": 8, "clusters_by": HOSTILE, "simulation_share": 0.04, "seed": 0,
}  # fmt: skip


def _chromium():
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium of the system, driven by Playwright, without a network."""
    program = _chromium()
    if program is None:
        pytest.skip("there is no Chromium for the tests of pages: tests/browser-setup installs it on Debian")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright drives the tests of pages: pip install '.[dev]'"
    )
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=quiet)
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A page in a context of its own; whatever it says on the console or asks from elsewhere fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="light")
    opened, wrong = context.new_page(), []
    opened.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.set_default_timeout(60_000)  # of a shared machine
    yield opened
    assert not wrong
    assert opened.evaluate("window.hurt") is None
    context.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory, toy, toy_data, tiny_settings):
    """Folders: a finished fit of units with hostile names, the same while it goes on, and after it was killed."""
    folder = tmp_path_factory.mktemp("runs")
    names = [f"{HOSTILE} {i}" for i in range(toy_data.sizes["unit"])]
    labels = {"unit": names, "session": ("unit", ["m1", HOSTILE] * 10)}
    fit = Fit(toy, Moments(), **tiny_settings)
    fit.fit(toy_data.assign_coords(labels), 0, out=folder / "finished", progress=False, data_name=HOSTILE)
    for state in ("running", "stopped"):
        shutil.copytree(folder / "finished", folder / state)
        for name in ("result.json", "report.html", "result.nc", "start.nc"):
            (folder / state / name).unlink()
    hold(folder / "running")
    return folder


def hold(folder):
    """Let a run seem to go on in this process."""
    about = {"process": os.getpid(), "host": socket.gethostname(), "since": "2026-01-01T00:00:00"}
    (folder / HOLDER).write_text(json.dumps(about))


@pytest.fixture(scope="session")
def pages(runs, toy, tmp_path_factory):
    """Files of all kinds of pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"fit": (runs / "finished" / "report.html").read_text()}
    made["running"] = page_so_far(runs / "running", doing_in(runs / "running"))
    content = Fit.load(runs / "finished", toy, Moments()).content()
    worse = content.result | {"outcome": "lost", "stopped": HOSTILE, "warnings": [HOSTILE]}
    made["failed"] = render(dataclasses.replace(content, result=worse, inference=INFERENCE))
    made["soc"] = render_soc(_soc())
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tuneful", "report", HOSTILE])
        run_reports([runs / "finished", runs / "stopped"], folder / "several.html", False)
    return {path.stem: path for path in folder.iterdir()}


def _soc():
    settings = StabilizeConfig(n=30, radius=3.0, target=0.7, seed=1)
    network = settings.network_to_stabilize()
    circuit = stabilize(network.weights, network.excitatory, **settings.arguments())
    result = circuit_result(settings, network, circuit, 1.25, HOSTILE)
    return SocContent(result, circuit.weights, circuit.excitatory, network.weights, circuit.history)
