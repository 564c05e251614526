"""What a fit, and what curves, can say."""

from tuneful.analysis.curve_information import information, standard_errors

__all__ = ["information", "standard_errors"]
