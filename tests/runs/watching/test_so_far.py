"""The page of a run without a result has what its log says."""

import json

import numpy as np
import pytest

from tuneful.curves import critical_value
from tuneful.runs.watching.doing import Doing
from tuneful.runs.watching.so_far import content_so_far, page_so_far

GOING = Doing("goes on", "The run goes on: step <20> is taken.", 0.0, "")


def test_the_content_is_that_of_the_log(begun):
    folder = begun(20)
    content = content_so_far(folder, json.loads((folder / "config.json").read_text()))
    (name, row), *_ = content.result["statistics"].items()
    assert (name, row["ks"], row["n_data"]) == ("max_rate", 1 / 20, 4)
    assert row["line"] == critical_value(4, 100)
    about = content.result["parameters"]["J"]
    assert (about["value"], about["initial"], about["unit"], about["meaning"]) == (
        6020.0,
        6000.0,
        "Hz",
        "largest weight",
    )
    assert content.result["steps"] == 20
    assert not content.end.sizes["unit"]


def test_the_page_says_that_it_is_not_the_end(begun):
    page = page_so_far(begun(20), GOING)
    for words in (
        "step &lt;20&gt; is taken",
        "Not finished yet",
        "Getting closer: mean KS distance 0.100 at the first",
    ):
        assert words in page
    for figure in ("Loss over training", "KS distance over training", "Parameter over training: J"):
        assert f'aria-label="{figure}' in page
    assert "KS now" in page
    assert 'aria-label="Measured and nearest' not in page


def test_labels_are_told_apart(begun):
    folder = begun()
    told = {"E": {"rate": 0.5}, "I": {"rate": 0.25}}
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 10, "statistics": told}) + "\n")
    from tuneful.readers import load, save

    curves = load(folder / "data.nc")
    save(curves.assign_coords(compared_as=("unit", ["E", "E", "I", "I"] * 2)), folder / "data.nc")
    found = content_so_far(folder, {}).result
    assert {name: rows["rate"]["ks"] for name, rows in found["statistics"].items()} == {"E": 0.5, "I": 0.25}
    assert found["labels"]["I"] == {"n_train": 2, "n_held_out": 2}


@pytest.mark.parametrize("cut", [b'{"step": 3', b'{"step": 3, "loss": 1}\n[]\n', b'{"step": 3, "loss": 1}\n\xff'])
def test_the_log_ends_at_its_first_line_that_is_none(begun, cut):
    folder = begun(2)
    with open(folder / "metrics.jsonl", "ab") as file:
        file.write(cut)
    assert [line["step"] for line in content_so_far(folder, {}).steps] in ([1, 2], [1, 2, 3])


def test_a_network_that_is_stabilised_shows_its_abscissa(tmp_path):
    (tmp_path / "config.json").write_text('{"kind": "stabilized circuit", "target": 0.5, "n": 50}')
    lines = [{"step": i, "abscissa": 8.0 / (i + 1), "seconds": 0.1} for i in range(5)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = page_so_far(tmp_path, GOING)
    assert "Does inhibition hold this circuit?" in page
    assert 'aria-label="Spectral abscissa over steps"' in page
    assert np.isclose(lines[-1]["abscissa"], 1.6)
    assert "8 → 1.6" in page
