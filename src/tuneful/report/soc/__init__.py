"""The page of a stabilised circuit, or of any weight matrix."""

from typing import TYPE_CHECKING

from tuneful.deferred import deferred

if TYPE_CHECKING:
    from tuneful.report.soc.content import SocContent
    from tuneful.report.soc.page import render_soc, write_soc_report

__all__ = ["SocContent", "render_soc", "write_soc_report"]

# On first use: the words of a circuit are wanted in the terminal without any figure.
_HOME = {"SocContent": "content", "render_soc": "page", "write_soc_report": "page"}

__getattr__, __dir__ = deferred(__name__, _HOME, __all__)
