"""A fit without files: the problem, its descents, the answer, and what is asked of a fitted circuit."""

from tuneful.fitting.course import Course
from tuneful.fitting.fits import FitResult, FitTask, fit_circuit
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate
from tuneful.fitting.steps import Steps
from tuneful.fitting.stopping import Stopping

__all__ = [
    "Course",
    "FitResult",
    "FitSettings",
    "FitTask",
    "Problem",
    "StepRecord",
    "Steps",
    "Stopping",
    "fit_circuit",
    "simulate",
]
