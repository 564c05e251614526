"""The command line: parse, validate, call the library, say where the result is.

Everything slow is imported inside the commands, so that help comes at once.
"""

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from tuneful import __version__
from tuneful.cli.comparison_commands import compare, design, goodness, places, predict
from tuneful.cli.infer_command import infer
from tuneful.cli.once import Once
from tuneful.cli.stability_commands import analyze_app, stabilize
from tuneful.cli.study_commands import study_app
from tuneful.errors import UserError, refusal
from tuneful.runs.interrupts import asked_to_stop, say_goodbye

app = typer.Typer(
    help="Which circuit could have produced these neurons? Fit circuit models to sets of tuning curves.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: help comes sooner, and every error is one line that begins with "Error:"
)
data_app = typer.Typer(help="Look at and convert tuning-curve datasets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")
app.add_typer(analyze_app, name="analyze")
app.add_typer(study_app, name="study")

LONGEST = 2000  # characters of an error
SOURCE = "A table (.csv, .tsv, .xlsx, .parquet), a .nc, .npz, .mat or .nwb file, or a folder of recordings."

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting; repeat for more: --set batch=128 --set circuit.sigma_l=0.2.",
    ),
]

Own = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py:CLASS",
        help="The circuit of a run or a configuration file, if it is one of your own: code is run where you name it, "
        "never because a file does.",
    ),
]


ReaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="An option of the reader: posture=supination, unit_columns=depth,layer, ignore=k.",
    ),
]
Average = Annotated[
    bool, typer.Option("--average", help="Average repeated rows of one unit and condition, trials for example.")
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        "--drop",
        metavar="FEATURE[=VALUE]",
        help="Leave out conditions (size=0), or a whole feature (size); repeat for more.",
    ),
]
Conditions = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Columns that say what was shown in a trial, with commas between them: contrast,orientation.",
    ),
]
Window = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="FROM TO", help="Where spikes are counted: seconds after the start of a trial, such as 0.05 0.3."
    ),
]
UnitColumn = Annotated[str | None, typer.Option(metavar="NAME", help="The column with the labels of units.")]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label", metavar="NAME=VALUE", help="A property that all units have (session=m3); repeat for more."
    ),
]


def main() -> None:
    """Run the command line; errors that a user can mend become one sentence and exit code 2."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            app(prog_name="tuneful")
    except UserError as error:
        _fail(str(error))
    except MemoryError as error:
        _fail(f"There is not enough memory ({error}): ask for smaller networks or fewer curves.")
    except OSError as error:
        _fail(refusal(error))


def _note(message: Warning | str, *_: object) -> None:
    """Show a warning without the line of code that gave it."""
    from tuneful.plain import printable

    print(f"note: {printable(str(message))}", file=sys.stderr)


def _fail(sentence: str) -> None:
    from tuneful.plain import printable

    print(f"Error: {printable(' '.join(sentence.split()), LONGEST)}"[:LONGEST], file=sys.stderr)
    sys.exit(2)


def _show_version(show: bool) -> None:
    if show:
        print(f"tuneful {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command(cls=Once)
def fit(
    model: Annotated[
        str,
        typer.Argument(
            help="A circuit (m1, ssn), one of your own (my.py:Ring), or a configuration file: a .toml, or the "
            "config.json of an earlier run."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="Measured curves: whatever `tuneful data check` reads, the folder of the Lalazar recordings, or "
            "'lalazar2016' to download them. Without it, curves are simulated from the circuit at known "
            "parameters."
        ),
    ] = None,
    option: ReaderOption = None,
    average: Average = False,
    drop: Drop = None,
    objective: Annotated[
        str | None, typer.Option(help="energy (the default), wgan-gp, or one of your own (my.py:Mine).")
    ] = None,
    circuit: Own = None,
    seed: Annotated[
        int | None, typer.Option(help="Decides the held-out units and all random numbers. [default: 0]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. [default: runs/MODEL-SEED]")] = None,
    set_: Set = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Start at the fitted parameters of this earlier run.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in --out, if there is one; with a larger max_steps, extend it."
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")] = False,
) -> None:
    """Fit the statistics of a circuit to a set of tuning curves, and write a report.

    The run folder holds the configuration, a log, checkpoints, result.json, curves of the fitted circuit (result.nc)
    and report.html. Killed at any moment, the same command with --resume goes on. The exit code is 1 if the fit broke
    off because no further step could be taken; what it had found is written all the same.
    """
    from tuneful.cli.commands import run_fit
    from tuneful.cli.data_commands import reader_options

    options = reader_options(option, average, drop)
    asked = {"data": data, "options": options, "objective": objective, "seed": seed, "circuit": circuit}
    try:
        report, is_broken = run_fit(model, asked, out, set_ or [], start_from, resume, overwrite)
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {report}")
    raise typer.Exit(1 if is_broken else 0)


@app.command(cls=Once)
def simulate(
    model: Annotated[str, typer.Argument(help="A circuit (m1, ssn), or one of your own (my.py:Ring).")],
    out: Annotated[Path, typer.Option(help="File to write: .nc (keeps everything) or .csv.")],
    n: Annotated[int, typer.Option(help="Number of tuning curves.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Decides all random numbers.", min=0, max=2**32 - 1)] = 0,
    set_: Set = None,
    run: Annotated[
        Path | None, typer.Option(help="Draw from the fitted circuit of this run of MODEL instead.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Draw tuning curves from a circuit, as a dataset that `tuneful fit --data` reads.

    Parameters that are not set are those of the circuit's known truth, from which `tuneful fit` simulates too.
    """
    from tuneful.cli.commands import run_simulate

    print(run_simulate(model, out, n, seed, set_ or [], run, overwrite))


@app.command(cls=Once)
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="The folder of a finished run, or of several fits.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The page to write. [default: RUN/report.html, of several runs.html]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another file of that name.")] = False,
    circuit: Own = None,
    objective: Annotated[
        str | None, typer.Option(help="The objective of the run, if it is one of your own (my.py:Mine).")
    ] = None,
) -> None:
    """Write the report of a run again, or several runs side by side on one page."""
    from tuneful.cli.commands import run_report

    print(f"report: {run_report(runs, out, overwrite, circuit, objective)}")


@app.command(cls=Once)
def watch(
    run: Annotated[Path, typer.Argument(help="The folder of a run, which may go on.")],
    port: Annotated[int | None, typer.Option(help="[default: 8463, or a free one]", min=1, max=65535)] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Show the page of a run in a browser while the run goes on; it renews itself.

    It is at 127.0.0.1 only, under the address that is printed, also through `ssh -L 8463:127.0.0.1:8463 HOST`.
    Nothing is written into the folder. Ctrl-C ends it, and not the run.
    """
    from tuneful.cli.watching import run_watch

    run_watch(run, port, not no_browser)
    if asked_to_stop():  # and not by a KeyboardInterrupt, where threads cannot wait for signals
        raise typer.Exit(say_goodbye())


@app.command(cls=Once)
def plot(
    source: Annotated[Path, typer.Argument(help="The folder of a run, or a file of curves or of weights.")],
    what: Annotated[
        str,
        typer.Argument(
            help="Of a fit: overview, population, curves, distributions, distances, means, projections, prediction, "
            "trajectories, course, inference, goodness, design, predictions; of a network: overview, spectra, "
            "weights, abscissa, energies, activity, transients; of a comparison: comparison; of curves: curves, "
            "population."
        ),
    ] = "overview",
    out: Annotated[
        Path | None, typer.Option(help="The picture to write: .png, .svg or .pdf. [default: WHAT.png]")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="One panel, by its title or the name of a statistic, parameter or unit; repeat for more."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture.")] = False,
    circuit: Own = None,
    objective: Annotated[
        str | None, typer.Option(help="The objective of the run, if it is one of your own (my.py:Mine).")
    ] = None,
) -> None:
    """Write a picture of a run, a panel each for statistics, parameters or units; tuneful.plot has single ones."""
    from tuneful.cli.plotting import run_plot

    print(run_plot(source, what, out or Path(f"{what}.png"), only or [], overwrite, circuit, objective))


app.command(cls=Once)(stabilize)
app.command(cls=Once)(compare)
app.command(cls=Once)(places)
app.command(cls=Once)(goodness)
app.command(cls=Once)(design)
app.command(cls=Once)(infer)
app.command(cls=Once)(predict)


@data_app.command(cls=Once)
def check(
    path: Annotated[str, typer.Argument(help=SOURCE)],
    option: ReaderOption = None,
    average: Average = False,
    drop: Drop = None,
    conditions: Conditions = None,
    window: Window = None,
    unit_column: UnitColumn = None,
    label: Label = None,
) -> None:
    """Validate a dataset; say what was found, and what every column was taken for."""
    from tuneful.cli.data_commands import reader_options, run_check

    asked = {"conditions": conditions, "window": window, "unit_column": unit_column, "label": label}
    print(run_check(path, reader_options(option, average, drop, **asked)))


@data_app.command(cls=Once)
def convert(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    target: Annotated[Path, typer.Argument(help="A .nc, .csv, .tsv or .parquet file to write.")],
    option: ReaderOption = None,
    layout: Annotated[str, typer.Option(help="Layout of a table: long or wide.")] = "long",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the target.")] = False,
    average: Average = False,
    drop: Drop = None,
    conditions: Conditions = None,
    window: Window = None,
    unit_column: UnitColumn = None,
    label: Label = None,
) -> None:
    """Convert a dataset to another format."""
    from tuneful.cli.data_commands import reader_options, run_convert

    asked = {"conditions": conditions, "window": window, "unit_column": unit_column, "label": label}
    print(run_convert(source, target, reader_options(option, average, drop, **asked), layout, overwrite))


if __name__ == "__main__":
    from tuneful.cli import beginning

    beginning.main()
