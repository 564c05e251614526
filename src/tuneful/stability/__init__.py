"""Stability-optimised circuits: inhibition learns to keep a strongly connected network stable."""

from tuneful.stability.checks import Check
from tuneful.stability.operating_point import stabilize_operating_point
from tuneful.stability.operating_result import StabilizedOperatingPoint
from tuneful.stability.result import StabilizedCircuit
from tuneful.stability.shifts import Margin, Smoothing
from tuneful.stability.stabilization import stabilize

__all__ = [
    "Check",
    "Margin",
    "Smoothing",
    "StabilizedCircuit",
    "StabilizedOperatingPoint",
    "stabilize",
    "stabilize_operating_point",
]
