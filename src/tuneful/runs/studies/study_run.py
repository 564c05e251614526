"""A study from its beginning, or from where it stopped, to the list of what is finished and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.progress import Progress
from tuneful.runs.studies.attempt import End
from tuneful.runs.studies.engines import Engine
from tuneful.runs.studies.jobs import Job, Standing, State
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_settings import StudySettings
from tuneful.runs.studies.workers import Crew

SHOWN = 20  # failures in a terminal


@dataclass(frozen=True)
class Account:
    """How all jobs of a study stand."""

    folder: Path
    jobs: Sequence[tuple[Job, Standing]]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(standing.state is State.FINISHED for _, standing in self.jobs)

    def of(self, *states: State) -> list[tuple[Job, Standing]]:
        """Jobs that stand so."""
        return [one for one in self.jobs if one[1].state in states]

    def __str__(self) -> str:
        """For a terminal: how many jobs stand how, what runs, what failed and why, and what to do."""
        counts = Counter(standing.state for _, standing in self.jobs)
        said = [f"{counts[state]} {state}" for state in State if counts[state]]
        lines = [f"{self.folder}: {', '.join(said)}, of {len(self.jobs)} jobs"]
        lines += [_line(*one) for one in self.of(State.RUNNING)]
        failed = self.of(State.FAILED)
        lines += [_line(*one) for one in failed[:SHOWN]]
        lines += [f"... and {len(failed) - SHOWN} more"] * (len(failed) > SHOWN)
        lines += [f"try what failed again: tuneful study retry {self.folder}"] * bool(failed)
        return "\n".join(lines)


def _line(job: Job, standing: Standing) -> str:
    return f"  {job.name}  {standing.state}  {job.label}: {standing.why}"


def account_of(folder: StudyFolder) -> Account:
    """How a study stands.

    Raises
    ------
    UserError
        If the folder is of something else.
    """
    folder.study()
    return Account(folder.path, folder.standings())


def begin_study(folder: StudyFolder, study: StudySettings, plan: Callable[[], Iterable[Job]]) -> None:
    """Begin a study in a folder, or check that the one there is this one.

    `plan` gives the jobs; it is called where the study is new, when the folder is known to be fit for it.

    Raises
    ------
    UserError
        For a folder that holds something else, and what `plan` refuses.
    """
    if folder.exists:
        folder.refuse_changes(study)
        return
    folder.refuse()
    jobs = list(plan())
    with folder.lock():
        folder.begin(study, jobs)


def run_study(
    folder: StudyFolder, engine: Engine, crew: Crew, progress: Progress, states: Sequence[State] | None = None
) -> Account:
    """Bring all jobs of a study to an end that can be: what is finished is left as it is, the rest goes on.

    Parameters
    ----------
    folder
        Of a study that was begun.
    engine, crew
        Where jobs run, and how.
    progress
        Told of every end.
    states
        Which jobs to attempt, by how they stand; by default all but finished and failed ones.

    Raises
    ------
    UserError
        If another process runs the study, or no worker can be started.
    KeyboardInterrupt
        If it was interrupted; it can be gone on with.
    """
    asked = states or (State.WAITING, State.INTERRUPTED, State.RUNNING)
    with folder.lock():
        before = account_of(folder)
        jobs = {job.index: job for job, _ in before.jobs}
        todo = [job.index for job, _ in before.of(*asked)]
        ends: dict[int, End] = {}
        with closing(engine.ends(crew, todo)) as coming:
            for number, end in enumerate(coming, 1) if todo else ():
                ends[end.index] = end
                why = f": {end.why}" * bool(end.why)
                progress.say(f"{number} of {len(todo)}   {jobs[end.index].name}  {end.state}{why}")
                if asked_to_stop():
                    raise KeyboardInterrupt
    return _with_ends(account_of(folder), ends)


def _with_ends(account: Account, ends: dict[int, End]) -> Account:
    """What is known of ends that no folder could be told, for it is read-only or in use."""
    jobs = [
        (job, Standing(ends[job.index].state, ends[job.index].why) if _tells_more(job, standing, ends) else standing)
        for job, standing in account.jobs
    ]
    return Account(account.folder, jobs)


def _tells_more(job: Job, standing: Standing, ends: dict[int, End]) -> bool:
    unsettled = standing.state in (State.WAITING, State.INTERRUPTED)
    return unsettled and job.index in ends and ends[job.index].state is State.FAILED
