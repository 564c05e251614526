"""Several runs on one page: of one kind, each once, and nothing is replaced unasked."""

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
    for name, kind in (("fit", "fit"), ("other", "comparison")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(f'{{"kind": "{kind}"}}')
    with pytest.raises(UserError, match=r"circuit is a stabilised circuit and .*fit a fit: name runs of one kind"):
        run_reports([circuit, tmp_path / "fit"], page, False)
    with pytest.raises(UserError, match="other is neither a fit nor a stabilised circuit"):
        run_reports([tmp_path / "fit", tmp_path / "other"], page, False)
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


def test_stabilised_circuits_are_side_by_side(tuneful, tmp_path, monkeypatch):
    monkeypatch.setattr("tuneful.report.soc.write_soc_report", lambda content, path: path.write_text("<p>"))
    for seed in (0, 1):
        asked = ["--n", 20, "--radius", 3, "--seed", seed, "--target", 0.9, "--max-steps", 60 - 59 * seed]
        tuneful("stabilize", *asked, "--out", tmp_path / f"soc-{seed}")
    assert tuneful("report", tmp_path / "soc-0", tmp_path / "soc-1", "--out", tmp_path / "both.html")[0] == 0
    page = (tmp_path / "both.html").read_text()
    assert "1 of 2 circuits are stable, at their target and as they were asked for" in page
    assert (
        page.count('aria-label="Eigenvalues: soc-') == page.count('aria-label="Spectral abscissa over steps: ') == 2
    )
    assert '<td class="num" data-label="soc-1">1</td>' in page  # a seed, which differs
