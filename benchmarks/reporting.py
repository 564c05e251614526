"""What all benchmarks have in common: a quick form, numbers as JSON, and experiments of which each is kept."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from tuneful.files import write_atomically
from tuneful.plain import plain

Name = TypeVar("Name", int, str)


def add_options(parser: argparse.ArgumentParser, quick: str) -> None:
    """The options of every benchmark; `quick` says what the quick form leaves out."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="print JSON, or write it to a new file")
    parser.add_argument("--overwrite", action="store_true", help="replace the file of --json")


def add_keep(parser: argparse.ArgumentParser) -> None:
    """The option of benchmarks that repeat an experiment, see `kept`."""
    parser.add_argument("--keep", type=Path, metavar="FILE", help="a line for every experiment; goes on with it")


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments; a file that exists is refused before anything is measured."""
    options = parser.parse_args()
    if options.json not in (None, "-") and Path(options.json).exists() and not options.overwrite:
        parser.error(f"{options.json} exists: --overwrite replaces it")
    return options


def publish(report: Any, options: argparse.Namespace, show: Callable[[Any], None]) -> None:
    """Print a table, or JSON where that was asked for; write JSON to the file that was named."""
    text = json.dumps(plain(report), indent=1)
    if options.json == "-":
        print(text)
        return
    show(report)
    if options.json:
        write_atomically(options.json, text + "\n")


def kept(
    file: Path | None, about: dict[str, Any], numbers: Iterable[Name], one: Callable[[Name], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What `one` says of every number, or name: a line of JSON each in a file, which another call goes on with.

    Parameters
    ----------
    file
        Is made if it is not there; None: nothing is kept.
    about
        Everything that decides the results, the first line of the file; one begun with anything else is refused.
    numbers, one
        Which experiments, and how one of them is done.
    """
    done: dict[Name, dict[str, Any]] = _read(file, plain(about)) if file else {}
    rows = []
    for number in numbers:
        if number not in done:
            done[number] = plain(one(number))
            if file:
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"number": number} | done[number]) + "\n")
        rows.append(done[number])
    return rows


def _read(file: Path, about: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    """What is kept by number or name; a last line that a kill cut off is removed."""
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines() if file.exists() else []
    first, *rows = map(json.loads, whole or [json.dumps(about)])
    if first != about:
        sys.exit(f"{file} was begun with other settings: give them again, or another file to --keep.")
    write_atomically(file, "".join(json.dumps(row) + "\n" for row in [first, *rows]))
    return {row.pop("number"): row for row in rows}
