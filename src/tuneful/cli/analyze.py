"""`tuneful analyze soc`: the scalars and the page of a stabilised circuit, or of any weight matrix."""

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tuneful.cli.pages import put_page, refuse_page
from tuneful.errors import UserError
from tuneful.fitting.tables import versions
from tuneful.readers.weights import read_arrays, read_network
from tuneful.report.soc.page import SocContent, write_soc_report
from tuneful.report.soc.wording import scalar_lines
from tuneful.runs.folder import PAGE, RESULT, RunFolder
from tuneful.runs.stabilize_config import KIND
from tuneful.runs.stabilize_result import analysed
from tuneful.runs.stabilize_run import CIRCUIT
from tuneful.stability import StabilizedCircuit


def run_analyze_soc(
    source: Path, out: Path | None, variable: str | None, excitatory: str | None, as_json: bool, overwrite: bool
) -> Path | None:
    """Print the scalars of a run or of a weight file; return the page that was written, if one was.

    Raises
    ------
    UserError
        One sentence on what is wrong with the run or the file.
    """
    if not source.exists():
        raise UserError(f"There is no file or run folder {source}.")
    is_run = source.is_dir()
    if is_run and (variable is not None or excitatory is not None):
        raise UserError("--variable and --excitatory are for weight files: a run folder knows its own.")
    page = out or (source / PAGE if is_run else None)
    if page is not None:
        refuse_page(page, overwrite)
    content = content_of_run(source) if is_run else content_of_file(source, variable, excitatory)
    _print(content.result, as_json)
    if page is not None:
        put_page(page, overwrite, partial(write_soc_report, content))
    return page


def write_run_page(path: Path, page: Path) -> None:
    """Write the page of a run of `tuneful stabilize` to a file."""
    write_soc_report(content_of_run(path), page)


def content_of_run(path: Path) -> SocContent:
    """What is shown of a run of `tuneful stabilize`.

    Raises
    ------
    UserError
        If it is none, or damaged.
    """
    folder = RunFolder(path)
    if folder.kind() != KIND:
        raise UserError(f"{path} is not a run of tuneful stabilize.")
    folder.refuse_damage()
    with folder.reading():
        result = folder.read_json(RESULT)
        arrays = read_arrays(path / CIRCUIT)
        circuit = StabilizedCircuit.from_arrays(arrays)
        found = analysed(circuit.weights, circuit.excitatory) | {"warnings": result["warnings"]}  # they stay true
        return SocContent(
            result | found, circuit.weights, circuit.excitatory, arrays["start_weights"], circuit.history
        )


def content_of_file(path: Path, variable: str | None, excitatory: str | None) -> SocContent:
    """What is shown of the weights of a file.

    Raises
    ------
    UserError
        If it holds none.
    """
    notes: list[str] = []
    network = read_network(path, variable, excitatory, notes.append)
    command = shlex.join(["tuneful", *sys.argv[1:]])
    about = {"source": str(path), "versions": versions("scipy"), "command": command}
    found = analysed(network.weights, network.excitatory)
    result = about | found | {"warnings": [*notes, *found["warnings"]]}
    return SocContent(result, network.weights, network.excitatory)


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps({key: result[key] for key in ("n", "n_excitatory", "scalars", "warnings")}, indent=1))
        return
    print(f"{result['n']} cells, {result['n_excitatory']} excitatory")
    print("\n".join(scalar_lines(result)))
    for sentence in result["warnings"]:
        print(f"note: {sentence}")
