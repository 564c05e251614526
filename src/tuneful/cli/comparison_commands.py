"""`tuneful compare`, `places`, `goodness`, `design` and `predict`: what they do is imported when they are called."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tuneful.runs.interrupts import say_goodbye

Runs = Annotated[list[Path], typer.Argument(help="Folders of finished fits to the same curves, two or more.")]
Folds = Annotated[int, typer.Option(help="Parts into which units are dealt; a fit to the others predicts each.")]
Steps = Annotated[
    int | None,
    typer.Option(help="Most steps of a refit, which begins at the answer of its run. [default: as the run]"),
]
Curves = Annotated[int, typer.Option(help="Curves that are simulated for every run and fold.")]
Clusters = Annotated[
    str | None, typer.Option(metavar="NAME", help="A property of units that vary together, such as session.")
]
NoRefit = Annotated[
    bool, typer.Option("--no-refit", help="Judge by the units that all runs held out, which must be the same.")
]
Seed = Annotated[int, typer.Option(help="Decides the folds and the curves.")]
Circuits = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.py:CLASS", help="A circuit of your own in the runs; repeat for more."),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.py:CLASS", help="An objective of your own in the runs; repeat for more."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the comparison in --out, if there is one.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")]


def own_code(circuit: list[str] | None, objective: list[str] | None) -> dict[str, list[str]]:
    """Where classes of one's own are, by kind."""
    return {"circuit": circuit or [], "objective": objective or []}


def compare(
    runs: Runs,
    out: Annotated[Path, typer.Option(help="Folder of the comparison.")] = Path("runs/comparison"),
    folds: Folds = 5,
    steps: Steps = None,
    curves: Curves = 2000,
    clusters: Clusters = None,
    no_refit: NoRefit = False,
    seed: Seed = 0,
    circuit: Circuits = None,
    objective: Objectives = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Say which of several fits predicts the curves of units better that it has not seen.

    Every run is fitted again without each of the folds, from its answer and with its own settings, and the energy
    score of the units that were left out is computed. The folder holds compare.json and report.html. Every refit is
    kept as it is done: killed at any moment, the same command with --resume goes on.
    """
    from tuneful.cli.comparing import run_compare

    asked = {
        "folds": folds,
        "steps": steps,
        "curves": curves,
        "clusters": clusters,
        "refit": not no_refit,
        "seed": seed,
    }
    code = own_code(circuit, objective)
    try:
        page = run_compare(runs, out, asked, code, {"resume": resume, "overwrite": overwrite})
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {page}")


def places(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished fits of one circuit to the same curves.")],
    curves: Annotated[int, typer.Option(help="Curves that are simulated at each place, at most.", min=192)] = 32_000,
    seed: Annotated[int, typer.Option(help="Decides the curves.", min=0, max=2**32 - 1)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Say which of several answers to the same question has the lowest loss, and which are one place.

    For fits of one circuit from several starts, with the same curves, objective and seed: nothing is fitted, and
    nothing is written.
    """
    from tuneful.cli.comparing import run_places

    found = run_places(runs, {"curves": curves, "seed": seed}, own_code(circuit, objective))
    print(json.dumps(found, indent=1) if as_json else found["words"])


def goodness(
    run: Annotated[Path, typer.Argument(help="The folder of a finished fit.")],
    sets: Annotated[int, typer.Option(help="Sets of curves to simulate.", min=19)] = 200,
    curves: Annotated[int, typer.Option(help="Curves of the circuit to which all are compared.", min=20)] = 1000,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only the units that the fit did not see.")] = False,
    seed: Annotated[int, typer.Option(help="Decides all random numbers.", min=0, max=2**32 - 1)] = 0,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Say whether a fitted circuit could have produced the units, and where it fails.

    The distance of the units to the circuit is held against that of sets that the circuit makes itself, with
    parameters estimated anew for each. goodness.json and goodness.html are written into the folder of the run. Killed
    at any moment, the same command goes on.
    """
    from tuneful.cli.comparing import run_goodness

    asked = {"sets": sets, "curves": curves, "held_out": held_out, "seed": seed}
    try:
        page = run_goodness(run, asked, own_code(circuit, objective))
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {page}")


def design(
    run: Annotated[Path, typer.Argument(help="The folder of a finished fit.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[FEATURE=VALUES]...", help="Further features of candidates.")
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option(metavar="FEATURE=VALUES", help="Values to choose from, size=1,2,4; all are crossed."),
    ] = None,
    add: Annotated[int, typer.Option(help="Conditions to choose.", min=1)] = 1,
    for_: Annotated[
        str,
        typer.Option(
            "--for",
            help="Parameters to learn about, with commas: dJ,sigma_EI; all; or the name of a line of `predict`.",
        ),
    ] = "all",
    units: Annotated[int | None, typer.Option(help="Units to measure. [default: as in the run]", min=1)] = None,
    cost_unit: Annotated[float | None, typer.Option(help="What a unit costs before it is shown anything.")] = None,
    cost_condition: Annotated[float | None, typer.Option(help="What it costs to show a unit one condition.")] = None,
    curves: Annotated[int, typer.Option(help="Curves of the circuit to simulate.", min=20)] = 1500,
    seed: Annotated[int, typer.Option(help="Decides all random numbers.", min=0, max=2**32 - 1)] = 0,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Say which conditions to measure next.

    The fitted circuit is simulated once in all candidate conditions, and those are chosen that leave the smallest
    standard errors. design.json and design.html are written into the folder of the run. Killed at any moment, the
    same command goes on.
    """
    from tuneful.cli.comparing import run_design

    asked = {"add": add, "for_": for_, "units": units, "cost_unit": cost_unit, "cost_condition": cost_condition}
    asked |= {"curves": curves, "seed": seed}
    code = own_code(circuit, objective)
    print(f"report: {run_design(run, [*(candidates or []), *(more or [])], asked, code)}")


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a finished fit on which `tuneful infer` has run.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[FEATURE=VALUES]...", help="Further features of new conditions.")
    ] = None,
    conditions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FEATURE=VALUES", help="New conditions, size=3,5; values of several features are crossed."
        ),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="TYPE=NUMBER", help="Extra input to all cells of a type. [default: 1 to each]"
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of the parameters, of those of the inference.", min=10)] = 100,
    curves: Annotated[int, typer.Option(help="Curves to simulate at each draw.", min=4)] = 480,
    networks: Annotated[
        int, typer.Option(help="Realisations at each draw whose dynamics are looked at; 0 for none.", min=0)
    ] = 24,
    level: Annotated[float, typer.Option(help="Of the bands.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Decides all random numbers.", min=0, max=2**32 - 1)] = 0,
    circuit: Circuits = None,
    objective: Objectives = None,
) -> None:
    """Say what a fitted circuit predicts, with bands over what the data leave open.

    Curves in measured and new conditions, their statistics, whether inhibition stabilises the networks, and what
    extra input to a type of cells does. predictions.json, predictions.nc and predictions.html are written into the
    folder of the run. Killed at any moment, the same command goes on.
    """
    from tuneful.cli.comparing import run_predict

    asked = {"draws": draws, "curves": curves, "networks": networks, "level": level, "seed": seed}
    code = own_code(circuit, objective)
    try:
        page = run_predict(run, [*(conditions or []), *(more or [])], input_ or [], asked, code)
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {page}")
