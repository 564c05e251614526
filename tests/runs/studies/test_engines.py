"""Where jobs run makes no difference to what comes of them."""

import sys
from contextlib import closing

import pytest

from tuneful.errors import UserError
from tuneful.runs.studies.attempt import End
from tuneful.runs.studies.engines import DaskWorkers, InThisProcess, LocalWorkers
from tuneful.runs.studies.jobs import State

JOBS = ["", "die once", "fail", "", "nan"]
ENDS = [State.FINISHED, State.FINISHED, State.FAILED, State.FINISHED, State.FINISHED]


def states(engine, crew):
    with closing(engine.ends(crew, range(len(JOBS)))) as coming:
        return [end.state for end in sorted(coming, key=lambda end: end.index)]


@pytest.mark.parametrize("number", [1, 3])
def test_local_workers_end_every_job(study, crew, number):
    folder = study(*JOBS)
    assert states(LocalWorkers(number), crew(folder, retries=1)) == ENDS


def test_one_worker_keeps_the_order(study, crew):
    with closing(LocalWorkers(1).ends(crew(study("", "", "")), [2, 0, 1])) as coming:
        assert [end.index for end in coming] == [2, 0, 1]


def test_whoever_goes_away_leaves_no_process(study, crew):
    """Closed after the first end, while another job sleeps."""
    folder = study("", "sleep", "")
    coming = LocalWorkers(2).ends(crew(folder), [0, 1, 2])
    assert next(coming).state is State.FINISHED
    coming.close()


def test_in_this_process_jobs_are_attempted_one_by_one(study, crew, monkeypatch):
    monkeypatch.setattr("tuneful.runs.studies.engines.attempt", lambda study, index: End(index, State.FINISHED))
    coming = InThisProcess().ends(crew(study("", "")), [1, 0])
    assert next(coming).index == 1
    assert [end.index for end in coming] == [0]


@pytest.mark.parametrize("limit", ["limit", "memory"])
def test_nobody_holds_a_limit_in_this_process(study, crew, limit):
    with pytest.raises(UserError, match="use one or more"):
        next(InThisProcess().ends(crew(study(""), **{limit: 1.0}), [0]))


def test_dask_workers_end_every_job(study, crew):
    pytest.importorskip("distributed")
    folder = study(*JOBS)
    assert states(DaskWorkers(number=1), crew(folder, retries=1)) == ENDS


def test_a_scheduler_that_is_not_there_is_named(study, crew, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("tuneful.runs.studies.engines.CONNECT", 0.2)
    with pytest.raises(UserError, match=r"No Dask scheduler answers at tcp://127.0.0.1:9"):
        next(DaskWorkers("tcp://127.0.0.1:9").ends(crew(study("")), [0]))


def test_without_dask_its_extra_is_named(study, crew, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(UserError, match=r"pip install 'tuneful\[cluster\]'"):
        next(DaskWorkers().ends(crew(study("")), [0]))
