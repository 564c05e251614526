"""Circuit models with random structure: generators of tuning curves, one model a file."""

from tuneful.circuits.base import AbstractCircuit, AbstractRecurrentCircuit, Response
from tuneful.circuits.feedforward import FeedforwardM1
from tuneful.circuits.parameters import AbstractConstraint, Free, Ordered, Parameter, Positive, parameter
from tuneful.circuits.random_network import RandomNetwork, cell_types, random_network, random_networks, user_network
from tuneful.circuits.saturating import saturating_rate
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
    "RandomNetwork",
    "Response",
    "cell_types",
    "parameter",
    "random_network",
    "random_networks",
    "saturating_rate",
    "user_network",
]
