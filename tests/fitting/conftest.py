"""Log-normal rates, of which everything is known, and a score that was learned of them."""

import dataclasses
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import AbstractCircuit, Positive, Response, parameter
from tuneful.fitting import Problem
from tuneful.fitting.score_learning import ScorePlan, learned_score
from tuneful.objectives import EnergyDistance, Measured


@final
class LogNormal(AbstractCircuit):
    """Rates median * exp(spread z), z standard normal in every condition; none settles above a median of `edge`."""

    label = "log-normal"

    median: jax.Array = parameter(symbol="m", unit="Hz", constraint=Positive(), default=5.0, meaning="median rate")
    spread: jax.Array = parameter(symbol="s", unit="", constraint=Positive(), default=0.5, meaning="of log rates")
    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 2.0, 4.0))
    cells: int = eqx.field(static=True, default=4)
    edge: jax.Array = eqx.field(converter=jnp.asarray, default=np.inf)

    def draw(self, key):
        return jax.random.normal(key, (self.cells, len(self.sizes)))

    def respond(self, z):
        return Response(self.median * jnp.exp(self.spread * z), self.median < self.edge, jnp.zeros(()))

    def conditions(self):
        return {"size": np.array(self.sizes)}

    def at_conditions(self, features):
        return dataclasses.replace(self, sizes=tuple(features["size"].tolist()))

    @classmethod
    def example(cls):
        return cls()


@pytest.fixture(scope="session")
def log_normal():
    return LogNormal()


@pytest.fixture(scope="session")
def problem_of():
    """A problem with these measured curves, in both parameters."""

    def problem(circuit, rates, **changes):
        return Problem(circuit, EnergyDistance(), Measured.from_rates(rates), ("median", "spread"), **changes)

    return problem


@pytest.fixture(scope="session")
def rates_of():
    """Sets of curves in three conditions, (sets, units, 3), at the values of the circuit."""

    def rates(seed, sets, units, median=5.0, spread=0.5):
        return median * np.exp(spread * np.random.default_rng(seed).normal(size=(sets, units, 3)))

    return rates


@pytest.fixture(scope="session")
def plan():
    """Small and short."""
    return ScorePlan(spread=0.15, realisations=1440, hidden=(2, 32), rate=3e-3, epochs=25)


@pytest.fixture(scope="session")
def known(log_normal, problem_of, rates_of, plan):
    """A score around the circuit's own values."""
    problem = problem_of(log_normal, rates_of(0, 1, 300)[0])
    return learned_score(problem, log_normal, plan, key=0)
