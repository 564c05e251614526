"""The folder of a study: whole or not there, and what is said of one that is damaged."""

import pytest

from tuneful.errors import UserError
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_settings import study_from


def test_jobs_are_read_one_by_one(study):
    folder = study("a", "b", "c")
    assert [job.values["what"] for job in folder.jobs()] == ["a", "b", "c"]
    assert folder.job(2).values == {"what": "c"}
    for missing in (-1, 3):
        with pytest.raises(UserError, match=f"has no job {missing}: the first is 0, the last 2"):
            folder.job(missing)


def test_it_is_begun_once(study):
    folder = study("a")
    with pytest.raises(UserError, match="already holds a run"):
        folder.refuse()
    assert folder.study().model == "m1"


def test_a_beginning_cut_short_is_begun_again(study):
    folder = study("a")
    (folder.path / "config.json").unlink()
    assert not folder.exists
    with folder.lock():
        folder.begin(study_from({"model": "m1"}, "s"), [])
    assert list(folder.jobs()) == []


@pytest.mark.parametrize("name", ["config.json", "jobs.jsonl"])
def test_files_that_were_changed_are_refused(study, name):
    folder = study("a")
    with open(folder.path / name, "a") as file:
        file.write(" ")
    with pytest.raises(UserError, match=f"{name} is damaged, or was changed"):
        folder.study()


def test_a_line_that_is_no_job_is_damage(study):
    folder = study("a")
    right = (folder.path / "jobs.jsonl").read_bytes()
    huge = right.replace(b'"index": 0', b'"index": ' + b"9" * 400)
    for line in (b'{"index": 0}\n', b'{"index": "\xff"}', huge, right.replace(b"seed", b"sead"), b"[" * 3000):
        (folder.path / "jobs.jsonl").write_bytes(line)
        for read in (lambda: folder.job(0), folder.standings):
            with pytest.raises(UserError, match=r"jobs\.jsonl is damaged"):
                read()


def test_another_folder_is_no_study(tmp_path):
    (tmp_path / "config.json").write_text('{"kind": "fit"}')
    with pytest.raises(UserError, match="is not the folder of a study"):
        StudyFolder(tmp_path).study()
    with pytest.raises(UserError, match=r"jobs\.jsonl cannot be read"):
        StudyFolder(tmp_path).job(0)
