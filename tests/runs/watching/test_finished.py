"""The page of a finished run that wrote none is made of its files, without its circuit."""

import json

import pytest

from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.readers import load, save
from tuneful.runs.folder import RunFolder
from tuneful.runs.watching.finished import finished_content


def test_the_content_is_that_of_the_files(begun):
    folder = begun(20)
    row = {"ks": 0.05, "ks_start": 0.5, "line": 0.1, "floor": 0.1, "n_data": 4, "n_model": 9}
    (folder / "result.json").write_text(json.dumps({"statistics": {"max_rate": row}, "parameters": {}}))
    curves = make_dataset([[1.0, 2.0, 3.0, 4.0]] * 3, {"size": [1.0, 2.0, 4.0, 8.0]})
    save(curves, folder / "start.nc")
    with pytest.raises(UserError, match=r"lacks result\.nc"):
        finished_content(RunFolder(folder))
    save(curves + 1, folder / "result.nc")
    content = finished_content(RunFolder(folder))
    assert content.evaluations[0] == {"step": 0, "statistics": {"max_rate": 0.5}}
    assert len(content.steps) == 20
    assert content.measured.identical(load(folder / "data.nc"))
    assert (content.end["rate"] - content.start["rate"] == 1).all()


def test_what_is_no_fit_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"kind": "stabilized circuit"}')
    with pytest.raises(UserError, match="is not the folder of a fit"):
        finished_content(RunFolder(tmp_path))
