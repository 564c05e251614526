"""The page of a stabilised circuit, or of any weight matrix."""

from tuneful.report.soc.page import SocContent, render_soc, write_soc_report

__all__ = ["SocContent", "render_soc", "write_soc_report"]
