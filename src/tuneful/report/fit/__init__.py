"""The report of a fit: one self-contained HTML page that can be read without a script or a network."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneful.report.fit.content import ReportContent
    from tuneful.report.fit.page import render, write_report

__all__ = ["ReportContent", "render", "write_report"]


def __getattr__(name: str) -> Any:
    """Import the page on first use: words and numbers of a fit are wanted in the terminal without any figure."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuneful.report.fit import page

    return getattr(page, name)
