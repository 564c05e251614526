"""`tuneful report RUN RUN ...`: several runs on one page."""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tuneful.cli.pages import put_page, refuse_page
from tuneful.errors import UserError
from tuneful.fitting.history import History
from tuneful.report.answers.side_by_side import BesideOthers, side_by_side_page
from tuneful.runs.folder import CONFIG, RESULT, RunFolder
from tuneful.runs.inference_files import inference_of
from tuneful.runs.watching.doing import doing_in
from tuneful.runs.watching.so_far import content_so_far

BESIDE = Path("runs.html")


def run_reports(folders: Sequence[Path], out: Path | None, overwrite: bool) -> Path:
    """Write the page of several fits, of which some may go on.

    Raises
    ------
    UserError
        For what is no fit, or is named twice, and if the page may not be written.
    """
    page = out or BESIDE
    refuse_page(page, overwrite)
    twice = [path for path, times in Counter(folder.resolve() for folder in folders).items() if times > 1]
    if twice:
        raise UserError(f"{twice[0]} is named twice: name each run once.")
    runs = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    made = side_by_side_page(runs, shlex.join(["tuneful", *sys.argv[1:]]))
    put_page(page, overwrite, made.write)
    return page


def _names(folders: Sequence[Path]) -> list[str]:
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
    if folder.kind() != "fit":
        raise UserError(
            f"{path} is not the folder of a fit: side by side are fits, and `tuneful report {path}` is its page."
        )
    with folder.reading():
        if not doing_in(path).has_result:
            so_far = content_so_far(path, folder.read_json(CONFIG))
            return BesideOthers(name, so_far.result, None, so_far.evaluations)
        result = folder.read_json(RESULT)
        return BesideOthers(name, result, inference_of(folder, result), History(folder.read_metrics()).evaluations)
