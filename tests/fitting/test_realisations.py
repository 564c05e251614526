"""Whoever draws curves of a circuit, one compiled program draws them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import Response
from tuneful.circuits.ensemble import CHUNK
from tuneful.fitting import Problem, simulate
from tuneful.fitting.linearised import generated_at
from tuneful.fitting.realisations import Realiser, answers
from tuneful.objectives import EnergyDistance, Measured
from tuneful.solvers import Status


@pytest.fixture
def traced(toy, monkeypatch):
    """How often the responses of the circuit were traced, one entry each time."""
    times, respond = [], type(toy).respond
    monkeypatch.setattr(type(toy), "respond", lambda circuit, z: times.append(1) or respond(circuit, z))
    jax.clear_caches()
    return times


def test_samples_and_fits_share_one_program(toy, traced):
    curves = simulate(toy, 2 * CHUNK + 1, 3)["rate"].values
    times = len(traced)
    problem = Problem(toy, EnergyDistance(), Measured.from_rates(curves), ("a", "b"))
    drawn = generated_at(problem, problem.start(), jax.random.key(3), CHUNK - 5)
    answers(Realiser(toy), jax.random.key(0), 2, first=7)
    assert len(traced) == times > 0
    assert drawn.rates.shape == (CHUNK - 5, 3)


def test_what_did_not_settle_on_finite_rates_is_not_accepted(toy, monkeypatch):
    def respond(circuit, z):
        return Response(jnp.where(z > 2, jnp.nan, z), z[0, 0] < 1.5, z[0, 0], status=Status.MOVING)

    monkeypatch.setattr(type(toy), "respond", respond)
    jax.clear_caches()
    found = answers(Realiser(toy), jax.random.key(0), 60, first=2)
    assert found.rates.shape == (60, 1, 3)
    np.testing.assert_array_equal(
        found.accepted, (np.isfinite(found.rates)).all((1, 2)) & (found.rates[:, 0, 0] < 1.5)
    )
    assert 0 < found.accepted.sum() < 60
    assert set(found.status) == {Status.MOVING}
