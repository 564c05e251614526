"""What all benchmarks have in common: a quick form, and numbers as JSON, printed or in a file."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuneful.files import write_atomically
from tuneful.plain import plain


def add_options(parser: argparse.ArgumentParser, quick: str) -> None:
    """The options of every benchmark; `quick` says what the quick form leaves out."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="print JSON, or write it to a new file")
    parser.add_argument("--overwrite", action="store_true", help="replace the file of --json")


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
