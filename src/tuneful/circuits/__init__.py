"""Circuit models with random structure: generators of tuning curves, one model a file."""

from tuneful.circuits.base import AbstractCircuit, AbstractRecurrentCircuit, Response
from tuneful.circuits.feedforward import FeedforwardM1
from tuneful.circuits.parameters import AbstractConstraint, Free, Ordered, Parameter, Positive, parameter
from tuneful.circuits.ssn import SSN

__all__ = [
    "SSN",
    "AbstractCircuit",
    "AbstractConstraint",
    "AbstractRecurrentCircuit",
    "FeedforwardM1",
    "Free",
    "Ordered",
    "Parameter",
    "Positive",
    "Response",
    "parameter",
]
