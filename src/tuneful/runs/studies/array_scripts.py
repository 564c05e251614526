"""Scripts of job arrays for the schedulers of clusters: one task a job, each by `tuneful study run-one`."""

import re
import shlex
import sys
from collections.abc import Sequence

from tuneful.errors import UserError, suggest
from tuneful.runs.studies.jobs import State
from tuneful.runs.studies.study_run import Account

# Of each scheduler: its lines, and the number of a task, from 0 on.
SCHEDULERS = {
    "slurm": (
        ("#SBATCH --job-name={name}", "#SBATCH --array=0-{last}", "#SBATCH --time={time}", "#SBATCH --mem={memory}G",
         "#SBATCH --cpus-per-task={cores}", "#SBATCH --requeue"),
        "$SLURM_ARRAY_TASK_ID",
    ),
    "pbs": (
        ("#PBS -N {name}", "#PBS -J 0-{last}", "#PBS -l select=1:ncpus={cores}:mem={memory}gb",
         "#PBS -l walltime={time}", "#PBS -r y"),
        "${PBS_ARRAY_INDEX:-0}",
    ),
    "sge": (
        ("#$ -N {name}", "#$ -t 1-{tasks}", "#$ -l h_rt={time}", "#$ -l mem_free={memory}G", "#$ -pe smp {cores}",
         "#$ -cwd", "#$ -V", "#$ -r y"),
        "$((SGE_TASK_ID - 1))",
    ),
}  # fmt: skip


def array_script(
    account: Account, scheduler: str, time: str, memory: int, cores: int, options: Sequence[str] = ()
) -> str:
    """The script of an array with one task for every job that is not finished.

    Parameters
    ----------
    account
        How the jobs stand.
    scheduler
        "slurm", "pbs" or "sge".
    time
        Most time of a task, HH:MM:SS.
    memory, cores
        Of a task; memory in gigabytes.
    options
        Places of code of one's own, ``kind=place``.

    Raises
    ------
    UserError
        If no job is left, or something is asked for that no scheduler knows.
    """
    if scheduler not in SCHEDULERS:
        raise UserError(f"There is no scheduler {scheduler!r}.{suggest(scheduler, SCHEDULERS)}")
    if not re.fullmatch(r"\d{1,4}:[0-5]\d:[0-5]\d", time):
        raise UserError(f"--time {time!r} is not of the form HH:MM:SS, for example 04:00:00.")
    left = [job.index for job, standing in account.jobs if standing.state is not State.FINISHED]
    if not left:
        raise UserError(f"All jobs of {account.folder} are finished: there is nothing to submit.")
    lines, number = SCHEDULERS[scheduler]
    about = {"tasks": len(left), "last": len(left) - 1, "time": time, "memory": memory, "cores": cores}
    about["name"] = re.sub(r"[^A-Za-z0-9_-]", "_", f"tuneful-{account.folder.absolute().name}")[:15]
    asked = [line.format(**about) for line in lines if not (scheduler == "pbs" and "-J" in line and len(left) == 1)]
    return "\n".join(["#!/bin/bash", *asked, "", *_work(account, left, number, cores, options), ""])


def _work(account: Account, left: Sequence[int], number: str, cores: int, options: Sequence[str]) -> list[str]:
    """What a task does."""
    threads = [f"export {name}={cores}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
    words = [sys.executable, "-m", "tuneful", "study", "run-one", str(account.folder.absolute())]
    words += [word for option in options for word in _option(option)]
    jobs = [] if list(left) == list(range(len(left))) else [f"jobs=({' '.join(map(str, left))})"]
    index = f'"${{jobs[{number}]}}"' if jobs else f'"{number}"'
    return [*threads, *jobs, f"{shlex.join(words)} --index {index}"]


def _option(option: str) -> tuple[str, str]:
    kind, _, place = option.partition("=")
    return f"--{kind}", place
