"""Objectives: what a fit minimises, one a file."""

from tuneful.objectives.base import AbstractObjective, Generated, Measured
from tuneful.objectives.energy import EnergyDistance
from tuneful.objectives.wgan_gp import WassersteinGAN

__all__ = ["AbstractObjective", "EnergyDistance", "Generated", "Measured", "WassersteinGAN"]
