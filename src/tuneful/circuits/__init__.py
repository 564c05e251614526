"""Circuit models with random structure: generators of tuning curves, one model a file."""

from tuneful.circuits.base import AbstractCircuit, Response
from tuneful.circuits.feedforward import FeedforwardM1
from tuneful.circuits.parameters import AbstractConstraint, Free, Ordered, Parameter, Positive, parameter

__all__ = [
    "AbstractCircuit",
    "AbstractConstraint",
    "FeedforwardM1",
    "Free",
    "Ordered",
    "Parameter",
    "Positive",
    "Response",
    "parameter",
]
