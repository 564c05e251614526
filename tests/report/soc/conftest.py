"""Stabilised circuits to be shown."""

import pytest

from tuneful.report.soc import SocContent
from tuneful.runs.stabilize_config import StabilizeConfig
from tuneful.runs.stabilize_result import circuit_result
from tuneful.stability import stabilize


def _content_of(settings, **limits):
    network = settings.network_to_stabilize()
    circuit = stabilize(network.weights, network.excitatory, **settings.arguments() | limits)
    result = circuit_result(settings, network, circuit, 1.25, "tuneful stabilize --seed 1")
    return SocContent(result, circuit.weights, circuit.excitatory, network.weights, circuit.history)


@pytest.fixture(scope="session")
def content_of():
    """What `content_of(settings, **limits)` is shown of a stabilised network."""
    return _content_of


@pytest.fixture(scope="session")
def content():
    """A stabilised network of 60 cells."""
    return _content_of(StabilizeConfig(n=60, radius=4.0, target=0.6, seed=1))
