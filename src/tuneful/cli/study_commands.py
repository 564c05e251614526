"""`tuneful study`: its options; what the commands do is imported when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from tuneful.cli.comparison_commands import Circuits, Objectives, own_code
from tuneful.cli.once import Once
from tuneful.runs.interrupts import say_goodbye

study_app = typer.Typer(
    help="Run many fits as one study, and collect them.", no_args_is_help=True, rich_markup_mode=None
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the study.")]
Number = Annotated[
    int,
    typer.Option(
        min=0, help="Processes on this machine, which share its cores; 0: no further process, nor any limit."
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on a Dask cluster (extra 'cluster'): the address of its scheduler, or 'local' for one here.",
    ),
]
Limit = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Most time of one job. [default: as the study file says]")
]

Memory = Annotated[
    float | None,
    typer.Option(metavar="GIB", help="Most memory of the process of a job. [default: as the study file says]"),
]


@study_app.command(cls=Once)
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="What is varied: docs/studies.md.")],
    out: Annotated[Path, typer.Option(help="The folder of the study.")],
    workers: Number = 1,
    dask: Dask = None,
    limit: Limit = None,
    memory: Memory = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting of all jobs; repeat for more: --set max_steps=50."
        ),
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Check all jobs and write the folder; run none.")
    ] = False,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Run every job of a study that is not finished, each in a run folder of its own.

    All jobs are checked before the first begins. Killed at any moment, the same command goes on: finished jobs stay
    as they are, interrupted ones are gone on with, and no number depends on workers or order. Jobs that failed are
    listed at the end and left for `tuneful study retry`; the exit code is 1 if there are any.
    """
    from tuneful.cli.studying import run_study_file

    how = {"workers": workers, "dask": dask, "limit": limit, "memory": memory, "plan_only": plan_only}
    _end(lambda: run_study_file(study, out, how, set_ or [], own_code(circuit, objective)))


@study_app.command(cls=Once)
def retry(
    folder: Folder,
    workers: Number = 1,
    dask: Dask = None,
    limit: Limit = None,
    memory: Memory = None,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Try the failed jobs again, and whatever else is not finished.

    A job whose process died or whose time was over goes on from its last saved state; any other begins anew, and what
    there was of it is kept beside it.
    """
    from tuneful.cli.studying import run_retry

    how = {"workers": workers, "dask": dask, "limit": limit, "memory": memory, "plan_only": False}
    _end(lambda: run_retry(folder, how, own_code(circuit, objective)))


@study_app.command(cls=Once)
def status(folder: Folder) -> None:
    """Say how the jobs of a study stand; the exit code is 1 if any failed."""
    from tuneful.cli.studying import run_status

    raise typer.Exit(run_status(folder))


@study_app.command("run-one", cls=Once)
def run_one(
    folder: Folder,
    index: Annotated[int, typer.Option(help="The number of the job, from 0 on: $SLURM_ARRAY_TASK_ID, for example.")],
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Run one job of a study in this process, for job arrays; one that failed is tried again."""
    from tuneful.cli.studying import run_job

    _end(lambda: run_job(folder, index, own_code(circuit, objective)))


@study_app.command(cls=Once)
def collect(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="Folder of tables and page. [default: DIR/collected]")] = None,
) -> None:
    """Put what the jobs found into one table and on one page, while the study runs or after it.

    The table has a row for every job: table.csv, table.nc for xarray, and table.parquet where pyarrow is installed.
    """
    from tuneful.cli.studying import run_collect

    print(f"report: {run_collect(folder, out)}")


@study_app.command(cls=Once)
def script(
    folder: Folder,
    scheduler: Annotated[str, typer.Option(help="slurm, pbs or sge.")],
    out: Annotated[Path | None, typer.Option(help="File to write. [default: print it]")] = None,
    time: Annotated[str, typer.Option(metavar="HH:MM:SS", help="Most time of one job.")] = "04:00:00",
    memory: Annotated[int, typer.Option(metavar="GB", help="Memory of one job, in gigabytes.", min=1)] = 8,
    cores: Annotated[int, typer.Option(help="Cores of one job.", min=1)] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Write the script of a job array: one task for every job that is not finished."""
    from tuneful.cli.studying import run_script

    asked = {"scheduler": scheduler, "time": time, "memory": memory, "cores": cores}
    print(run_script(folder, out, overwrite, asked, own_code(circuit, objective)), end="")


def _end(work: object) -> None:
    """Exit with the code of some work; an interruption says how to go on."""
    try:
        code = work()  # type: ignore[operator]
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    raise typer.Exit(code)
