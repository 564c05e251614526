"""The page of a stabilised circuit, or of any weight matrix."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneful.report.soc.content import SocContent
    from tuneful.report.soc.page import render_soc, write_soc_report

__all__ = ["SocContent", "render_soc", "write_soc_report"]


def __getattr__(name: str) -> Any:
    """Import the page on first use: the words of a circuit are wanted in the terminal without any figure."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuneful.report.soc import page

    return getattr(page, name)
