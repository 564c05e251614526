"""Circuit models with random structure: generators of tuning curves, one model a file."""

from tuneful.circuits.base import AbstractCircuit, AbstractRecurrentCircuit, Response
from tuneful.circuits.ensemble import Schedule
from tuneful.circuits.feedforward import FeedforwardM1
from tuneful.circuits.observation import Observation, observed
from tuneful.circuits.parameters import AbstractConstraint, Free, Ordered, Parameter, Positive, parameter
from tuneful.circuits.recurrent import Recurrent
from tuneful.circuits.ssn import SSN
from tuneful.networks.random_weights import RandomNetwork, cell_types, random_network, random_networks, user_network
from tuneful.networks.saturating import saturating_rate

__all__ = [
    "SSN",
    "AbstractCircuit",
    "AbstractConstraint",
    "AbstractRecurrentCircuit",
    "FeedforwardM1",
    "Free",
    "Observation",
    "Ordered",
    "Parameter",
    "Positive",
    "RandomNetwork",
    "Recurrent",
    "Response",
    "Schedule",
    "cell_types",
    "observed",
    "parameter",
    "random_network",
    "random_networks",
    "saturating_rate",
    "user_network",
]
