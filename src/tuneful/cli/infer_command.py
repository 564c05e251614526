"""`tuneful infer`: intervals of the parameters of a finished fit, and what the data do not tell apart."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tuneful.runs.interrupts import say_goodbye


def infer(
    run: Annotated[Path, typer.Argument(help="The folder of a finished fit.")],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="sandwich, bootstrap (both in seconds), profile (minutes to hours); repeat for more. In the table "
            "stands the most trusted: profile, then bootstrap, then sandwich. [default: sandwich]"
        ),
    ] = None,
    level: Annotated[float | None, typer.Option(help="Of the intervals. [default: 0.9]")] = None,
    replicates: Annotated[
        int | None,
        typer.Option(help="Of the bootstrap. [default: 1000 of one step, 200 with --refits, 20 of a critic]"),
    ] = None,
    refits: Annotated[
        int | None,
        typer.Option(help="Looks at the loss that a replicate may take; without, one Newton step. [default: 0]"),
    ] = None,
    clusters: Annotated[
        str | None,
        typer.Option(
            help="The property of units that were drawn together, such as session. [default: each unit alone]"
        ),
    ] = None,
    curves: Annotated[
        int | None,
        typer.Option(help="Simulated curves. [default: as in the refinement of the fit, and at least 1000]"),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(metavar="RESTRICTION", help="Test of 'J_EE = J_EI, sigma_EE = 0.5', say; repeat for more."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="0, the default: the realisations of the fit.")] = None,
    circuit: Annotated[
        str | None, typer.Option(metavar="FILE.py:CLASS", help="The circuit of the run, if it is one of your own.")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(metavar="FILE.py:CLASS", help="The objective of the run, if it is one of your own.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an inference that was interrupted.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an inference that is there.")] = False,
) -> None:
    """Say how well the data fix each parameter of a fit, and what they do not tell apart.

    Writes inference.json, inference.nc (draws, as ArviZ reads them) and a section of report.html into the run folder.
    Killed at any moment, the same command with --resume goes on.
    """
    from tuneful.cli.inferring import run_infer

    asked: dict[str, Any] = {
        "method": method or None, "level": level, "replicates": replicates, "refits": refits, "clusters": clusters,
        "curves": curves, "seed": seed, "test": test or None,
    }  # fmt: skip
    try:
        report = run_infer(run, asked, circuit, objective, resume, overwrite)
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {report}")
