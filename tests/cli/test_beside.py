"""Several runs on one page: fits only, each once, and nothing is replaced unasked."""

import pytest

from tuneful.cli.beside import run_reports
from tuneful.errors import UserError


@pytest.fixture
def circuit(tmp_path):
    """The folder of a stabilised network."""
    folder = tmp_path / "circuit"
    folder.mkdir()
    (folder / "config.json").write_text('{"kind": "stabilized circuit"}')
    return folder


def test_what_cannot_be_compared_is_refused(circuit, tmp_path):
    page = tmp_path / "page.html"
    with pytest.raises(UserError, match="is named twice: name each run once"):
        run_reports([circuit, tmp_path / "circuit" / "."], page, False)
    with pytest.raises(UserError, match="circuit is not the folder of a fit: side by side are fits"):
        run_reports([circuit, tmp_path], page, False)
    with pytest.raises(UserError, match=r"holds no config\.json"):
        run_reports([tmp_path, circuit], page, False)
    page.write_text("mine")
    with pytest.raises(UserError, match="exists: choose another file"):
        run_reports([circuit, tmp_path], page, False)
    assert page.read_text() == "mine"


def test_options_of_one_run_are_refused_for_several(refused, circuit, tmp_path):
    assert "--circuit and --objective are for the page of one run" in refused(
        "report", circuit, tmp_path, "--circuit", "my.py:Mine"
    )
