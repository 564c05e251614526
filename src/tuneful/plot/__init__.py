"""Plots on axes of matplotlib: curves, populations, distributions, fits, inference, networks, comparisons.

Every function paints on the axes `ax`, or makes a figure of its own, and returns the axes. Pages are made of them.
"""

from typing import TYPE_CHECKING

from tuneful.deferred import deferred

if TYPE_CHECKING:
    from tuneful.plot.bands import predicted
    from tuneful.plot.courses import abscissa
    from tuneful.plot.estimates import combinations, correlations, intervals
    from tuneful.plot.evoked import activity, energies, transients
    from tuneful.plot.fits import distances, loss, trajectory
    from tuneful.plot.histograms import distribution
    from tuneful.plot.matrices import spectrum, weights
    from tuneful.plot.populations import means, population
    from tuneful.plot.scores import comparison, design, goodness
    from tuneful.plot.tuning import curves

# Imported on first use: matplotlib is slow, and words and numbers of a fit need none of it.
_HOME = {
    "abscissa": "courses",
    "activity": "evoked",
    "combinations": "estimates",
    "comparison": "scores",
    "correlations": "estimates",
    "curves": "tuning",
    "design": "scores",
    "distances": "fits",
    "distribution": "histograms",
    "energies": "evoked",
    "goodness": "scores",
    "intervals": "estimates",
    "loss": "fits",
    "means": "populations",
    "population": "populations",
    "predicted": "bands",
    "spectrum": "matrices",
    "trajectory": "fits",
    "transients": "evoked",
    "weights": "matrices",
}

__all__ = [
    "abscissa",
    "activity",
    "combinations",
    "comparison",
    "correlations",
    "curves",
    "design",
    "distances",
    "distribution",
    "energies",
    "goodness",
    "intervals",
    "loss",
    "means",
    "population",
    "predicted",
    "spectrum",
    "trajectory",
    "transients",
    "weights",
]

__getattr__, __dir__ = deferred(__name__, _HOME, __all__)
