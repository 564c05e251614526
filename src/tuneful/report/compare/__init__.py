"""The page of a comparison of runs."""

from tuneful.report.compare.page import render_comparison, write_comparison

__all__ = ["render_comparison", "write_comparison"]
