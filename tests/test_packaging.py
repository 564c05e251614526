"""What a release is made of: one version, one list of dependencies, files that say so in several places."""

import importlib
import re
import sys
import tomllib
import types
from pathlib import Path

import pytest
import yaml

import tuneful

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
RECIPE = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text())
NAMES_THERE = {"matplotlib": "matplotlib-base"}  # of conda-forge, where they differ


@pytest.mark.parametrize(
    "version",
    [
        PROJECT["version"],
        CITATION["version"],
        RECIPE["context"]["version"],
        re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0],
    ],
    ids=["pyproject.toml", "CITATION.cff", "recipe.yaml", "CHANGELOG.md"],
)
def test_one_version(version):
    assert version == tuneful.__version__


def test_the_recipe_needs_what_the_package_needs():
    def parts(requirement):
        name, least = re.fullmatch(r"([\w-]+) ?(>=\S+)", requirement).groups()
        return NAMES_THERE.get(name, name), least

    python, *others = RECIPE["requirements"]["run"]
    assert sorted(others) == sorted(" ".join(parts(each)) for each in PROJECT["dependencies"])
    assert python == "python >=${{ python_min }}"
    assert PROJECT["requires-python"] == f">={RECIPE['context']['python_min']}"
    commands = [f"{name} = {place}" for name, place in PROJECT["scripts"].items()]
    assert RECIPE["build"]["python"]["entry_points"] == commands
    assert RECIPE["about"]["license"] == PROJECT["license"]
    assert (ROOT / RECIPE["about"]["license_file"]).is_file()


def test_the_citation_has_what_its_format_asks_for():
    """Required keys of CFF 1.2.0, of the work and of its references."""
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["license"] == PROJECT["license"]
    assert {"message", "title", "authors"} <= CITATION.keys()
    for work in (CITATION, *CITATION["references"]):
        assert {"title", "type", "authors"} <= work.keys()
        assert all(author.keys() & {"name", "family-names"} for author in work["authors"])


def test_extras_that_tests_and_the_site_use_are_pinned():
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()}
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *(each for extra in ("dev", "docs", "release") for each in extras[extra])]
    assert {re.split("[>=<]", each)[0].lower() for each in asked} <= pinned


def test_an_index_shows_no_link_to_a_file_that_it_does_not_have(monkeypatch):
    """The picture goes with the words below it; links elsewhere stay."""
    interface = types.SimpleNamespace(MetadataHookInterface=object)  # of hatchling, which only builds need
    monkeypatch.setitem(sys.modules, "hatchling.metadata.plugin.interface", interface)
    monkeypatch.syspath_prepend(ROOT)
    readme = (ROOT / "README.md").read_text()
    shown = importlib.import_module("hatch_build").as_description(readme)
    assert "overview.png" in readme
    assert "overview.png" not in shown
    assert "([CITATION.cff]" not in shown
    assert not re.search(r"\]\((?!https?://)", shown)
    assert readme.count("```") == shown.count("```")
    assert "## Start" in shown
