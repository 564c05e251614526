"""Fitting: the stochastic descent, its refinement, the unconstrained side of parameters, and when a fit ends."""

from tuneful.fitting.course import Course
from tuneful.fitting.loop import FitState, Problem, StepRecord, advance
from tuneful.fitting.stopping import Stopping

__all__ = ["Course", "FitState", "Problem", "StepRecord", "Stopping", "advance"]
