"""The report of a fit: one self-contained HTML page that can be read without a script or a network."""

from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.page import render, write_report

__all__ = ["ReportContent", "render", "write_report"]
