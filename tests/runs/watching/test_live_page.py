"""The page that is shown: the run's own when it is finished, the last good one when something is wrong."""

import json

import pytest

from tuneful.runs.watching import live_page
from tuneful.runs.watching.live_page import LivePage

PAGE = '<!DOCTYPE html>\n<html lang="en"><head></head><body><header></header>{}</body></html>'


@pytest.fixture
def clock():
    """`clock.time` is the time."""

    class Clock:
        time = 0.0

        def __call__(self):
            return self.time

    return Clock()


@pytest.fixture
def so_far(monkeypatch):
    """Pages of a run without a result, counted."""
    made = []

    def page(path, doing):
        made.append(doing.words)
        return PAGE.format(len(made))

    monkeypatch.setattr(live_page, "page_so_far", page)
    return made


def test_a_page_is_made_when_something_changed_and_not_too_often(begun, held, clock, so_far):
    live = LivePage(held(begun(10)), clock)
    assert "1</body>" in live.page()
    version = live.status()["version"]
    assert f'data-watch="{version}"' in live.page()
    begun(11)
    assert "step 11" in live.status()["status"]  # words are new at once
    assert live.status()["version"] == version  # the page after a pause
    assert "1</body>" in live.page()
    clock.time += 4
    assert live.status()["version"] != version
    assert "2</body>" in live.page()
    assert live.status()["version"] in live.page()
    assert len(so_far) == 2
    assert live.status()["since"] >= 0


def test_the_page_of_a_finished_run_is_its_own(begun, clock, so_far):
    folder = begun(3)
    (folder / "result.json").write_text("{}")
    (folder / "report.html").write_text(PAGE.format("own"))
    (folder / "design.html").write_text("a design")
    page = LivePage(folder, clock).page()
    assert "own</body>" in page
    assert "The run is finished." in page
    assert '<a href="design.html">design</a>' in page
    assert "http-equiv" not in page  # nothing more to come
    assert not so_far


def test_a_run_that_goes_on_is_reloaded_where_there_is_no_script(begun, held, clock, so_far):
    assert '<noscript><meta http-equiv="refresh"' in LivePage(held(begun(3)), clock).page()


def test_whatever_is_wrong_there_is_a_page(begun, held, clock, monkeypatch, so_far):
    live = LivePage(held(begun(3)), clock)
    assert "1</body>" in live.page()

    def fail(path, doing):
        raise KeyError("<half> of something")

    monkeypatch.setattr(live_page, "page_so_far", fail)
    begun(4)
    clock.time += 1e6
    assert "1</body>" in live.page()  # the last good one
    fresh = LivePage(live.folder, clock).page()
    assert "It cannot be shown yet." in fresh
    assert "KeyError: &#39;&lt;half&gt; of something&#39;" in fresh


def test_links_and_what_is_no_page_of_a_run_are_not_shown(begun, clock, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = begun(1)
    (folder / "goodness.html").symlink_to(tmp_path / "secret")
    (folder / "mine.html").write_text("mine")
    (folder / "design.html").write_text("a design")
    live = LivePage(folder, clock)
    names = ("goodness.html", "mine.html", "config.json", "../secret", "design.html/..", "", "predictions.html")
    assert [live.other(name) for name in names] == [None] * len(names)
    assert live.other("design.html") == b"a design"


def test_nothing_is_written(begun, held, clock):
    folder = held(begun(2))
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    live = LivePage(folder, clock)
    json.dumps(live.status())
    assert "Not finished yet" in live.page()
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before
