"""What `tuneful study` does, once its arguments are read. Whoever looks after workers computes nothing himself."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneful.cli.pages import refuse_existing
from tuneful.files import write_atomically
from tuneful.runs.cores import available_cores
from tuneful.runs.folder import CONFIG
from tuneful.runs.interrupts import expect_run
from tuneful.runs.progress import Progress
from tuneful.runs.studies.array_scripts import array_script
from tuneful.runs.studies.attempt import attempt
from tuneful.runs.studies.engines import DaskWorkers, Engine, InThisProcess, LocalWorkers
from tuneful.runs.studies.jobs import Job, State
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_run import Account, account_of, begin_study, run_study
from tuneful.runs.studies.study_settings import LIMITS, StudySettings, read_study
from tuneful.runs.studies.workers import Crew

Code = Mapping[str, Sequence[str]]
HINT = " The same command goes on from what is finished and saved."


def run_study_file(file: Path, out: Path, how: Mapping[str, Any], overrides: Sequence[str], code: Code) -> int:
    """Run a study; return the exit code.

    Parameters
    ----------
    file, out
        Of the study, and its folder.
    how
        ``workers``, ``dask``, ``limit``, ``memory`` and ``plan_only``.
    overrides
        Settings of all jobs, ``key=value``.
    code
        Places of circuits and objectives of one's own, by kind.
    """
    study, folder = read_study(file, overrides, _limits_of(how)), StudyFolder(out)
    progress = Progress(show=True)

    def plan() -> Iterable[Job]:
        progress.say("checking all jobs")
        return _planned(study, str(file), how, code)

    begin_study(folder, study, plan)
    if how["plan_only"]:
        print(account_of(folder))
        return 0
    return _run(folder, study, how, code, progress)


def run_retry(folder: Path, how: Mapping[str, Any], code: Code) -> int:
    """Run what is not finished, failed jobs included; return the exit code."""
    study_folder = StudyFolder(folder)
    study = study_folder.study()
    asked = {name: value for name, value in _limits_of(how).items() if value is not None}
    again = (State.WAITING, State.INTERRUPTED, State.RUNNING, State.FAILED)
    return _run(study_folder, study.model_copy(update=asked), how, code, Progress(show=True), again)


def run_status(folder: Path) -> int:
    """Say how the jobs stand; return the exit code."""
    account = account_of(StudyFolder(folder))
    print(account)
    return int(bool(account.of(State.FAILED)))


def run_job(folder: Path, index: int, code: Code) -> int:
    """Run one job here; return the exit code."""
    job = StudyFolder(folder).job(index)
    _set_up(code)
    expect_run(StudyFolder(folder).run(job).path / CONFIG, goes_on=True, hint=HINT)
    end = attempt(folder, index)
    print(f"{job.name}  {end.state}{f': {end.why}' * bool(end.why)}")
    return int(end.state is not State.FINISHED)


def run_collect(folder: Path, out: Path | None) -> Path:
    """Write table and page; return the path of the page."""
    from tuneful.runs.studies.collecting import collect

    return collect(StudyFolder(folder), out)


def run_script(folder: Path, out: Path | None, overwrite: bool, asked: Mapping[str, Any], code: Code) -> str:
    """The script of a job array, or the line that says where it was written."""
    text = array_script(account_of(StudyFolder(folder)), options=_places(code), **asked)
    if out is None:
        return text
    refuse_existing(out, overwrite)
    write_atomically(out, text)
    return f"{out}\n"


def _limits_of(how: Mapping[str, Any]) -> dict[str, float | None]:
    """Most seconds and memory of a job, where they are asked for."""
    return {name: how[name] for name in LIMITS}


def _planned(study: StudySettings, origin: str, how: Mapping[str, Any], code: Code) -> list[Job]:
    """All jobs, checked. Devices are for the workers: a program that has a GPU has its memory, too."""
    if how["workers"] or how["dask"]:
        import jax

        jax.config.update("jax_platforms", "cpu")
    _set_up(code)
    from tuneful.runs.studies.planning import planned

    return planned(study, origin, code["circuit"])


def _set_up(code: Code) -> None:
    from tuneful.cli.comparing import begin

    begin(code)


def _run(
    folder: StudyFolder,
    study: StudySettings,
    how: Mapping[str, Any],
    code: Code,
    progress: Progress,
    states: Sequence[State] | None = None,
) -> int:
    expect_run(folder.path / CONFIG, goes_on=True, hint=HINT)
    engine = _engine(how)
    if isinstance(engine, InThisProcess):
        _set_up(code)
    cores = 1 if how["dask"] else max(1, available_cores() // max(how["workers"], 1))
    limits = (None, None) if isinstance(engine, InThisProcess) else (study.limit, study.memory)
    crew = Crew(str(folder.path.absolute()), _places(code), cores, *limits, study.retries)
    return _told(run_study(folder, engine, crew, progress, states))


def _engine(how: Mapping[str, Any]) -> Engine:
    if how["dask"] is not None:
        return DaskWorkers(how["dask"], max(how["workers"], 1))
    return LocalWorkers(how["workers"]) if how["workers"] else InThisProcess()


def _places(code: Code) -> tuple[str, ...]:
    """Places of code as workers take them, which may run elsewhere: files by their whole path."""
    return tuple(f"{kind}={_whole(place)}" for kind, places in code.items() for place in places)


def _whole(place: str) -> str:
    file, colon, name = place.rpartition(":")
    return f"{Path(file).absolute()}{colon}{name}" if file.endswith(".py") else place


def _told(account: Account) -> int:
    """Print how a study stands; 1 if anything failed or is left."""
    print(account)
    return int(not account.is_finished)
