"""Objectives: what a fit minimises, one a file; and penalties, what it avoids."""

from tuneful.objectives.base import AbstractObjective, Generated, Measured
from tuneful.objectives.energy import EnergyDistance
from tuneful.objectives.mmd import MaximumMeanDiscrepancy
from tuneful.objectives.moment_matching import MomentMatching
from tuneful.objectives.moments import Moments
from tuneful.objectives.penalties import AbstractPenalty, RatePenalty, StabilityPenalty
from tuneful.objectives.sliced_wasserstein import SlicedWasserstein
from tuneful.objectives.wgan_gp import WassersteinGAN

__all__ = [
    "AbstractObjective",
    "AbstractPenalty",
    "EnergyDistance",
    "Generated",
    "MaximumMeanDiscrepancy",
    "Measured",
    "MomentMatching",
    "Moments",
    "RatePenalty",
    "SlicedWasserstein",
    "StabilityPenalty",
    "WassersteinGAN",
]
