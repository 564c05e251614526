"""The page of a finished run that wrote none (`fit.page = false`), made of the files of its folder alone."""

from __future__ import annotations

from tuneful.errors import UserError
from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.page import render
from tuneful.runs.fit_run import read_findings, report_content
from tuneful.runs.folder import RESULT, RunFolder
from tuneful.runs.inference_files import inference_of


def finished_page(folder: RunFolder) -> str:
    """The page of a finished fit; its circuit may be of code that is not here.

    Raises
    ------
    UserError
        If it is no fit, or files are missing.
    """
    return render(finished_content(folder))


def finished_content(folder: RunFolder) -> ReportContent:
    """What the page of a finished fit shows."""
    if folder.kind() != "fit":
        raise UserError(f"{folder.path} is not the folder of a fit: `tuneful report` writes its page.")
    with folder.reading():
        table = folder.read_json(RESULT)
        history, findings = read_findings(folder, table)
        measured = folder.read_dataset("data.nc")
        return report_content(measured, history, findings, table, inference_of(folder, table))
