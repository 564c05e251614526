"""One table of what the jobs found, in every format the same, and a page of it."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tuneful.errors import UserError
from tuneful.report.answers.study import study_page
from tuneful.runs.folder import RESULT
from tuneful.runs.studies import collecting
from tuneful.runs.studies.attempt import attempt
from tuneful.runs.studies.collecting import collect
from tuneful.runs.studies.jobs import State
from tuneful.runs.studies.planning import planned
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_settings import study_from

JOBS = ["a", "a", "b", "b"]


@pytest.fixture
def finished(study):
    """A study of two settings and two seeds; the last job has failed, with what it found in its folder."""
    folder = study(*JOBS)
    for job in folder.jobs():
        path = folder.run(job).path
        path.mkdir(parents=True)
        place = {"value": [1.0, 2.0 + job.index], "standard_error": None, "truth": [1.5, 2.5], "symbol": "p"}
        scale = {"value": float(job.index), "standard_error": 0.1, "truth": 0.5, "symbol": "J"}
        table = {
            "circuit": "m1", "objective": "energy", "outcome": "lost" if job.index == 3 else "converged",
            "steps": 10 + job.index, "wall_seconds": 1.5, "warnings": ["one"],
            "statistics": {"rate": {"ks": 0.1 * job.index}, "r2": {"ks": None}},
            "parameters": {"J": scale, "places": place},
        }  # fmt: skip
        (path / RESULT).write_text(json.dumps(table))
    return folder


class Blank:
    """Stands in for a page, most of what a collection takes; one test looks at the real one."""

    def write(self, path):
        path.write_text("<html>")


@pytest.fixture
def blank(monkeypatch):
    monkeypatch.setattr(collecting, "study_page", lambda *_: Blank())


def test_the_table_has_a_row_for_every_job_in_every_format(finished, blank):
    page = collect(finished)
    table = pd.read_csv(page.parent / "table.csv")
    assert table["job"].tolist() == [0, 1, 2, 3]
    assert table["state"].tolist() == ["finished"] * 3 + ["failed"]
    assert table["what"].tolist() == JOBS
    assert table["run"].tolist() == [f"runs/0000{i}" for i in range(4)]
    np.testing.assert_array_equal(table["fitted.J"], [0, 1, 2, np.nan])
    np.testing.assert_array_equal(table["fitted.places[1]"], [2, 3, 4, np.nan])
    np.testing.assert_allclose(table["ks.rate"], [0, 0.1, 0.2, np.nan], rtol=1e-15)
    assert "broke off" in table["why"][3]
    packed = pd.read_parquet(page.parent / "table.parquet")
    pd.testing.assert_frame_equal(packed.drop(columns="why"), table.drop(columns="why"), check_dtype=False)
    with xr.open_dataset(page.parent / "table.nc", engine="h5netcdf") as dataset:
        assert dict(dataset.sizes) == {"job": 4}
        np.testing.assert_array_equal(dataset["fitted.J"], table["fitted.J"])
        assert dataset["what"].values.tolist() == JOBS


def test_the_page_says_what_failed_and_how_settings_compare(finished):
    page = collect(finished).read_text()
    assert "3 of 4 jobs are finished: 1 failed" in page
    assert "Job 00003: broke off" in page
    assert "what a" in page
    assert "0.5 ± 0.71" in page  # J at seeds 0 and 1


def test_samples_have_a_column_and_their_scatter_a_meaning(finished):
    jobs = [
        (dataclasses.replace(job, config={"seed": 0, "data": {"resample": {"number": job.index}}}), standing)
        for job, standing in finished.standings()
    ]
    table = collecting.table_of(finished, jobs)
    assert table["replicate"].tolist() == [0, 1, 2, 3]
    about = {"command": "c", "versions": {}, "settings": {"model": "m1"}, "study": "s"}
    page = str(study_page(table, ["what"], about))
    assert "4 bootstrap samples, 1 seed" in page
    assert "the bootstrap estimate of the standard error" in page


def test_stabilised_circuits_are_compared_by_their_scalars(study, monkeypatch):
    """Two networks of twenty cells, drawn, stabilised and collected."""
    monkeypatch.setattr("tuneful.report.soc.write_soc_report", lambda content, path: path.write_text("<html>"))
    folder = StudyFolder(study("").path.with_name("networks"))
    asked = study_from({"model": "stabilize", "settings": {"n": 20, "max_steps": 20}, "seeds": 2}, "s")
    with folder.lock():
        folder.begin(asked, planned(asked, "s"))
    assert [attempt(folder.path, index).state for index in (0, 1)] == [State.FINISHED] * 2
    table = collecting.table_of(folder, folder.standings())
    assert len(set(table["least_real_part"])) == 2  # of other seeds
    page = collect(folder).read_text()
    assert "E-only abscissa" in page
    assert "which draw other networks" in page


def test_it_is_collected_as_often_as_one_likes_while_others_run_it(finished, blank):
    with finished.lock():
        assert collect(finished) == collect(finished)


def test_a_table_that_was_changed_is_not_replaced(finished, blank, tmp_path):
    page = collect(finished)
    (page.parent / "table.csv").write_text("mine")
    with pytest.raises(UserError, match=r"table\.csv was changed since tuneful wrote it"):
        collect(finished)
    assert collect(finished, tmp_path / "elsewhere").exists()


def test_a_result_that_is_none_is_told_in_its_row(finished):
    path = finished.run(finished.job(1)).path / RESULT
    path.write_text(json.dumps(json.loads(path.read_text()) | {"statistics": 3.0}))
    table = collecting.table_of(finished, finished.standings())
    assert table["state"].tolist() == ["finished", "failed", "finished", "failed"]
    assert table["why"].tolist()[1] == "result.json is damaged"
    assert table["fitted.J"].isna().tolist() == [False, True, False, True]


def test_text_that_no_file_can_keep_is_written_out(finished):
    jobs = [(dataclasses.replace(job, data="\ud800\x1b[2J"), standing) for job, standing in finished.standings()]
    assert set(collecting.table_of(finished, jobs)["data"]) == {"\\ud800\\x1b[2J"}


@pytest.mark.parametrize("words", [("",), ("", "x")])
def test_a_study_without_results_has_a_table_too(study, words):
    page = collect(study(*words))
    table = pd.read_csv(page.parent / "table.csv")
    assert table["state"].tolist() == ["waiting"] * len(words)
    assert f"0 of {len(words)} jobs are finished" in page.read_text()


def test_parquet_is_left_out_where_nothing_writes_it(finished, blank, monkeypatch):
    monkeypatch.setattr(collecting, "_has_parquet", lambda: False)
    page = collect(finished)
    assert sorted(path.name for path in page.parent.glob("[a-z]*")) == ["report.html", "table.csv", "table.nc"]
