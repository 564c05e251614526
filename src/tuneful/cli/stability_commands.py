"""`tuneful stabilize` and `tuneful analyze`: their options; what they do is imported when they are called."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuneful.cli.once import Once
from tuneful.runs.interrupts import say_goodbye

SMALL = 500  # cells: of fewer, one thread of the linear algebra is faster than several
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SMALL_FILE = 2_000_000  # bytes: so many cells as plain numbers

analyze_app = typer.Typer(
    help="Numbers and a page on a finished circuit.", no_args_is_help=True, rich_markup_mode=None
)

Cells = Annotated[int | None, typer.Option(help="Number of cells of the random network. [default: 200]")]
Seed = Annotated[int | None, typer.Option(help="Decides the random network. [default: 0]")]
Target = Annotated[float | None, typer.Option(help="Spectral abscissa to reach. [default: 0.15]")]
Out = Annotated[
    Path | None, typer.Option(help="Run folder. [default: runs/soc-SEED, or runs/soc-NAME of a weight file]")
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="Weights of your own instead of a random network: a square matrix, rows post-synaptic, as .npy, .npz "
        "(sparse, too), .mat, .csv, .tsv or .txt."
    ),
]
Variable = Annotated[
    str | None, typer.Option(help="Name of the matrix in an .npz or .mat file with several: W, or data.W.")
]
Excitatory = Annotated[
    str | None,
    typer.Option(
        help="How many cells are excitatory (the first ones), or a file with a 1 for each of them and a 0 for all "
        "others. [default: read off the signs of the columns]"
    ),
]
Gamma = Annotated[float | None, typer.Option(help="Mean inhibitory over mean excitatory weight. [default: 3]")]
Density = Annotated[
    str | None,
    typer.Option(metavar="FLOAT|none", help="Fraction of the inhibitory places that are synapses. [default: 0.4]"),
]
BalanceOption = Annotated[
    str | None,
    typer.Option(
        metavar="type|row|none",
        help="Keep gamma per type of post-synaptic cell, for every cell, or not at all. [default: type]",
    ),
]
SparsityOption = Annotated[
    str | None,
    typer.Option(
        metavar="strongest|replace",
        help="Keep the strongest synapses, or replace silenced ones at random places. [default: strongest]",
    ),
]
SelfConnections = Annotated[bool, typer.Option("--self-connections", help="Cells may inhibit themselves.")]
Allowed = Annotated[
    str | None, typer.Option(help="File with a square matrix of 0 and 1: where inhibitory synapses may be.")
]
Radius = Annotated[float | None, typer.Option(help="Radius of the spectrum of the random network. [default: 10]")]
NetworkDensity = Annotated[
    float | None, typer.Option(help="Fraction of places that the random network connects. [default: 0.1]")
]
ExcitatoryFraction = Annotated[
    float | None, typer.Option(help="Fraction of excitatory cells in the random network. [default: 0.5]")
]
Lognormal = Annotated[
    float | None,
    typer.Option(help="Draw lognormal weights with this spread of their logarithm. [default: equal weights]"),
]
SmoothingOption = Annotated[
    float | None,
    typer.Option(help="Descend the smoothed abscissa of this fixed epsilon. [default: the published, moving one]"),
]
Rate = Annotated[float | None, typer.Option(help="Length of the steps. [default: grows with cells and weights]")]
Faithful = Annotated[
    bool, typer.Option("--faithful", help="The published algorithm step for step: slow, for comparison.")
]
ChangeStable = Annotated[
    bool,
    typer.Option("--change-stable", help="Bring a network that is stable already into the constraints, too."),
]
MaxSteps = Annotated[
    int | None, typer.Option(help="Stop after so many steps. [default: 2000; 10000 with --faithful]")
]
Patience = Annotated[
    int | None, typer.Option(help="Stop after so many steps without a lower abscissa. [default: 300]")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, if there is one.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")]


def stabilize(
    n: Cells = None,
    seed: Seed = None,
    target: Target = None,
    out: Out = None,
    weights: Weights = None,
    variable: Variable = None,
    excitatory: Excitatory = None,
    gamma: Gamma = None,
    density: Density = None,
    balance: BalanceOption = None,
    sparsity: SparsityOption = None,
    self_connections: SelfConnections = False,
    allowed: Allowed = None,
    radius: Radius = None,
    network_density: NetworkDensity = None,
    excitatory_fraction: ExcitatoryFraction = None,
    lognormal: Lognormal = None,
    smoothing: SmoothingOption = None,
    rate: Rate = None,
    faithful: Faithful = False,
    change_stable: ChangeStable = False,
    max_steps: MaxSteps = None,
    patience: Patience = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Let inhibition learn to keep a strongly connected network stable, and write a report.

    The run folder holds the configuration, a log, the state of the descent, result.json, the weights (circuit.npz)
    and report.html. Killed at any moment, the same command with --resume goes on. The exit code is 1 if the target
    was not reached; the best circuit is written all the same.
    """
    asked = {name: value for name, value in locals().items() if name not in ("out", "resume", "overwrite")}
    _spare_threads(Path(weights) if weights else n or 0)
    from tuneful.cli.stabilizing import run_stabilize

    try:
        report, is_reached = run_stabilize(asked, out, resume, overwrite)
    except KeyboardInterrupt:
        raise typer.Exit(say_goodbye()) from None
    print(f"report: {report}")
    raise typer.Exit(0 if is_reached else 1)


@analyze_app.callback()
def analyze() -> None:
    """Numbers and a page on a finished circuit."""


@analyze_app.command(cls=Once)
def soc(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of tuneful stabilize, or a weight file.")],
    out: Annotated[
        Path | None, typer.Option(help="The page to write. [default: RUN/report.html; none for a weight file]")
    ] = None,
    variable: Variable = None,
    excitatory: Excitatory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scalars as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another file of the page's name.")] = False,
) -> None:
    """Compute the scalars of a stabilised circuit again, or those of any weight matrix, and write the page."""
    _spare_threads(source)
    from tuneful.cli.analyze import run_analyze_soc

    page = run_analyze_soc(source, out, variable, excitatory, as_json, overwrite)
    if page is not None:
        print(f"report: {page}", file=sys.stderr if as_json else sys.stdout)


def _spare_threads(network: int | Path) -> None:
    """Use one thread for a small network, unless told otherwise: the libraries read it once, when they are loaded."""
    if "numpy" in sys.modules or any(name in os.environ for name in THREADS):
        return
    if isinstance(network, Path):
        weights = network / "circuit.npz" if network.is_dir() else network
        is_small = not weights.exists() or weights.stat().st_size < SMALL_FILE
    else:
        is_small = network < SMALL
    if is_small:
        os.environ |= dict.fromkeys(THREADS, "1")
