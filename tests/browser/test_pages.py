"""Pages in a browser: no errors, nothing run that a name holds, accessible, on a phone, in the dark, on paper."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from tuneful.numbers import distance, number
from tuneful.runs.watching.server import WatchServer

KINDS = ("fit", "running", "failed", "soc", "several")
SHOTS = Path(__file__).resolve().parents[2] / "build" / "pages"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SERIOUS = {"serious", "critical"}


def violations(page, axe, **options):
    """What axe-core finds that shuts somebody out, each with the first place; figures are one image each to it."""
    found = axe.run(page, context={"exclude": [["svg"]]}, options=options).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS]


@pytest.fixture(scope="session")
def axe():
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core: pip install '.[dev]'")
    return playwright.Axe()


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_can_read_a_page(page, pages, axe, kind):
    """Light and dark, wide and narrow; pictures of all are left in build/pages."""
    page.goto(pages[kind].as_uri())
    assert page.locator("h1").count() == 1
    assert violations(page, axe) == []
    page.screenshot(path=SHOTS / f"{kind}-light.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    assert violations(page, axe, runOnly=["color-contrast"]) == []
    page.screenshot(path=SHOTS / f"{kind}-dark.png", full_page=True)
    page.set_viewport_size({"width": 360, "height": 740})
    assert not page.evaluate(TOO_WIDE)
    page.screenshot(path=SHOTS / f"{kind}-phone.png")


def test_numbers_on_the_page_are_those_of_the_result(page, pages, runs):
    result = json.loads((runs / "finished" / "result.json").read_text())
    page.goto(pages["fit"].as_uri())
    assert json.loads(page.locator("#tuneful-result").text_content()) == result
    shown = page.locator("td[data-label='KS at end']").all_text_contents()
    assert shown == [distance(row["ks"]) for row in result["statistics"].values()]
    shown = page.locator("td[data-label='End']").all_text_contents()
    assert shown == [number(row["value"]) for row in result["parameters"].values()]
    page.goto(pages["several"].as_uri())
    assert page.locator("td[data-label='finished']").all_text_contents()[-1] == number(
        result["parameters"]["b"]["value"]
    )


def test_curves_are_sorted_and_chosen_by_the_keyboard(page, pages):
    page.goto(pages["fit"].as_uri())
    section = page.locator("#all-curves")
    assert section.is_visible()
    heads = section.locator("thead button")
    heads.filter(has_text="Mean").press("Enter")
    assert section.locator("th[aria-sort=ascending]").text_content().startswith("Mean")
    column = [float(text.replace(",", "")) for text in section.locator("tbody td:nth-child(3)").all_text_contents()]
    assert column == sorted(column)
    assert page.evaluate("document.activeElement.textContent").startswith("Mean")
    page.keyboard.press("Enter")
    assert section.locator("th[aria-sort=descending]").count() == 1
    section.locator("tbody input").nth(1).press("Space")
    section.locator("tbody input").nth(2).press("Space")
    assert section.locator("figure svg").count() == 3
    section.locator("select").select_option("m1")
    assert 0 < section.locator("tbody tr").count() < len(column)
    section.get_by_role("button", name="Choose none").press("Enter")
    assert section.locator("figure").count() == 0
    page.emulate_media(media="print")
    assert not section.is_visible()


@pytest.fixture
def live(runs, tmp_path):
    """A run that goes on, and the server of its page, without pauses."""
    folder = shutil.copytree(runs / "running", tmp_path / "run")
    with WatchServer(folder, 0, tmp_path / "keys") as server:
        server.live.least_pause = server.live.share = 0
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield folder, server.url
        server.shutdown()
        thread.join()


def test_a_page_renews_itself_until_the_run_is_finished(page, live, runs, axe):
    folder, url = live
    page.goto(url.replace("127.0.0.1", "localhost"))
    assert "The run goes on" in page.locator("#status").text_content()
    assert violations(page, axe) == []
    page.locator("summary").first.press("Enter")
    page.evaluate("window.scrollTo(0, 200)")
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 99, "loss": 0.5, "parameters": {"a": 1.25, "b": 0.5}}\n{"step": 100, "lo')
    page.get_by_text("step 99 is taken").first.wait_for()
    page.locator("td[data-label=Now]").filter(has_text="1.25").wait_for()
    assert page.locator("details").first.evaluate("one => one.open")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("window.scrollY") == 200
    for name in ("report.html", "result.nc", "start.nc", "result.json"):
        shutil.copy(runs / "finished" / name, folder / name)
    os.unlink(folder / ".tuneful.holder.json")
    page.get_by_text("Mean and spread in every condition").wait_for()
    assert "The run is finished." in page.locator("#status").text_content()
    assert page.locator("#all-curves").is_visible()


def test_without_a_script_everything_is_there_to_be_read(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["fit"].as_uri())
    assert page.locator("main svg[role=img]").count() > 8
    assert not page.locator("#all-curves").is_visible()
    context.close()
