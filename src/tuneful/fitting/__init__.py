"""Fitting: the loop, the unconstrained side of parameters, and the rule of convergence."""

from tuneful.fitting.loop import FitState, Problem, StepRecord, advance
from tuneful.fitting.stopping import Stopping

__all__ = ["FitState", "Problem", "StepRecord", "Stopping", "advance"]
