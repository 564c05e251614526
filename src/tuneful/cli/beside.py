"""`tuneful report RUN RUN ...`: several runs on one page."""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tuneful.cli.analyze import content_of_run
from tuneful.cli.pages import put_page, refuse_page
from tuneful.errors import UserError
from tuneful.fitting.history import History
from tuneful.report.answers.circuits_side_by_side import circuits_side_by_side_page
from tuneful.report.answers.side_by_side import BesideOthers, side_by_side_page
from tuneful.runs.folder import CONFIG, RESULT, RunFolder
from tuneful.runs.inference_files import inference_of
from tuneful.runs.stabilize_config import KIND as STABILIZED
from tuneful.runs.watching.doing import doing_in
from tuneful.runs.watching.so_far import content_so_far

BESIDE = Path("runs.html")
KINDS = {"fit": "fit", STABILIZED: "stabilised circuit"}


def run_reports(folders: Sequence[Path], out: Path | None, overwrite: bool) -> Path:
    """Write the page of several fits, of which some may go on, or of several stabilised circuits.

    Raises
    ------
    UserError
        For runs that cannot be side by side, or are named twice, and if the page may not be written.
    """
    page = out or BESIDE
    refuse_page(page, overwrite)
    twice = [path for path, times in Counter(folder.resolve() for folder in folders).items() if times > 1]
    if twice:
        raise UserError(f"{twice[0]} is named twice: name each run once.")
    named, command = dict(zip(names_apart(folders), folders, strict=True)), shlex.join(["tuneful", *sys.argv[1:]])
    if _kind_of(folders) == STABILIZED:
        circuits = {name: content_of_run(folder) for name, folder in named.items()}
        made = circuits_side_by_side_page(circuits, command)
    else:
        made = side_by_side_page([_read(folder, name) for name, folder in named.items()], command)
    put_page(page, overwrite, made.write)
    return page


def _kind_of(folders: Sequence[Path]) -> str:
    """Of what all folders are runs.

    Raises
    ------
    UserError
        If they are of several kinds, or of one that has no page of several.
    """
    kinds = {folder: RunFolder(folder).kind() for folder in folders}
    for folder, kind in kinds.items():
        if kind not in KINDS:
            raise UserError(
                f"{folder} is neither a fit nor a stabilised circuit, which can be side by side: `tuneful report "
                f"{folder}` is its page."
            )
    first, *others = folders
    other = next((folder for folder in others if kinds[folder] != kinds[first]), None)
    if other is not None:
        raise UserError(
            f"{first} is a {KINDS[kinds[first]]} and {other} a {KINDS[kinds[other]]}: name runs of one kind."
        )
    return kinds[first]


def names_apart(folders: Sequence[Path]) -> list[str]:
    """The last parts of their paths that tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for n in range(1, max(map(len, parts)) + 1):
        names = [os.path.join(*own[-n:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _read(path: Path, name: str) -> BesideOthers:
    """What the page shows of one run: its result, or what is known of it so far."""
    folder = RunFolder(path)
    with folder.reading():
        if not doing_in(path).has_result:
            so_far = content_so_far(path, folder.read_json(CONFIG))
            return BesideOthers(name, so_far.result, None, so_far.evaluations)
        result = folder.read_json(RESULT)
        return BesideOthers(name, result, inference_of(folder, result), History(folder.read_metrics()).evaluations)
