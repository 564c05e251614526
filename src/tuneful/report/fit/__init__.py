"""The report of a fit: one self-contained HTML page that can be read without a script or a network."""

from typing import TYPE_CHECKING

from tuneful.deferred import deferred

if TYPE_CHECKING:
    from tuneful.report.fit.content import ReportContent
    from tuneful.report.fit.page import render, write_report

__all__ = ["ReportContent", "render", "write_report"]

# On first use: words and numbers of a fit are wanted in the terminal without any figure.
_HOME = {"ReportContent": "content", "render": "page", "write_report": "page"}

__getattr__, __dir__ = deferred(__name__, _HOME, __all__)
