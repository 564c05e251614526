"""Workers that die, never answer, or do not start: their job ends all the same, and the next one gets another."""

import re

import pytest

from tuneful.errors import UserError
from tuneful.runs.studies import workers
from tuneful.runs.studies.attempt import End
from tuneful.runs.studies.jobs import State, standing_of
from tuneful.runs.studies.workers import Workers


@pytest.fixture
def attempts(study, crew, monkeypatch):
    """`attempts("die", "", retries=1)`: the ends of jobs, one after the other, and the folder."""
    monkeypatch.setattr(workers, "AGAIN", 0.01)
    monkeypatch.setattr(workers, "PATIENCE", 0.2)

    def run(*words, **how):
        folder = study(*words)
        own = Workers(crew(folder, **how))
        try:
            return [own.attempt(index) for index in range(len(words))], folder
        finally:
            own.close()

    return run


def tries(folder, index):
    return len(list((folder.path / "runs" / f"{index:05d}").glob(".try*")))


def test_one_process_does_one_job_after_the_other(attempts):
    ends, _ = attempts("", "", "")
    assert ends == [End(index, State.FINISHED) for index in range(3)]


def test_a_job_whose_process_died_is_attempted_again(attempts):
    ends, folder = attempts("die once", "", retries=1)
    assert [end.state for end in ends] == [State.FINISHED] * 2
    assert [tries(folder, index) for index in (0, 1)] == [2, 1]


@pytest.mark.parametrize(
    ("word", "why"), [("die", "its process was ended by SIGKILL"), ("exit", r"exit code 1 \(out of luck\)")]
)
def test_after_too_many_deaths_it_has_failed_and_the_next_one_runs(attempts, word, why):
    ends, folder = attempts(word, "", retries=1)
    assert [end.state for end in ends] == [State.FAILED, State.FINISHED]
    assert tries(folder, 0) == 2
    found = standing_of(folder.run(folder.job(0)))
    assert found == (State.FAILED, ends[0].why)
    assert re.search(why, found.why)


def test_a_job_that_never_ends_is_ended(attempts):
    ends, folder = attempts("sleep", "", limit=0.3, retries=3)
    assert ends == [End(0, State.FAILED, "it was not done within the limit of 0.3 s"), End(1, State.FINISHED)]
    assert tries(folder, 0) == 1


def test_a_job_that_eats_the_memory_is_ended(attempts, monkeypatch):
    """Before the system ends it, or something else."""
    monkeypatch.setattr(workers, "LOOK", 0.02)
    ends, folder = attempts("eat", "", memory=0.2, retries=3)
    assert ends == [End(0, State.FAILED, "it took more than the limit of 0.2 GiB of memory"), End(1, State.FINISHED)]
    assert tries(folder, 0) == 1
    assert standing_of(folder.run(folder.job(0))) == (State.FAILED, ends[0].why)


def test_what_earlier_jobs_left_in_memory_is_no_failure(attempts, monkeypatch):
    """Two jobs that each leave 150 MiB in a process that may have 205: the second one gets a process of its own."""
    monkeypatch.setattr(workers, "LOOK", 0.02)
    ends, folder = attempts("hold", "hold", memory=0.2)
    assert ends == [End(index, State.FINISHED) for index in (0, 1)]
    assert [tries(folder, index) for index in (0, 1)] == [1, 2]


def test_a_run_that_somebody_else_has_is_waited_for(attempts):
    """The process that a killed study left, for example."""
    ends, folder = attempts("busy")
    assert ends == [End(0, State.FINISHED)]
    assert tries(folder, 0) == 3


def test_what_fails_by_itself_is_not_repeated(attempts):
    ends, folder = attempts("fail", retries=5)
    assert ends == [End(0, State.FAILED, "nothing settles", begins_again=True)]
    assert tries(folder, 0) == 1


def test_workers_that_do_not_start_say_why(attempts):
    with pytest.raises(UserError, match=r"did not start: its process ended with exit code 1 \(no such device\)"):
        attempts("no start")


def test_nothing_is_begun_after_a_stop(study, crew):
    folder = study("")
    own = Workers(crew(folder))
    own.stop()
    assert own.attempt(0) == End(0, State.INTERRUPTED)
    own.close()
