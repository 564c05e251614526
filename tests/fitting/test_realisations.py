"""Whoever draws curves of a circuit, one compiled program draws them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import Response
from tuneful.circuits.ensemble import CHUNK
from tuneful.fitting import Problem, simulate
from tuneful.fitting.linearised import generated_at
from tuneful.fitting.realisations import Realiser, answers, answers_around
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


def test_realisations_have_parameters_of_their_own_around_a_centre(toy, traced):
    """With a spread of zero, by the same program, those that the circuit itself has."""
    problem = Problem(toy, EnergyDistance(), Measured.from_rates(np.ones((2, 3))), ("a", "b"))
    about = Realiser(toy), problem.start()
    plain, z = answers_around(*about, 0.0, jax.random.key(3), 60, first=2)
    times = len(traced)
    np.testing.assert_allclose(plain.rates, answers(Realiser(toy), jax.random.key(3), 60, first=2).rates, rtol=1e-6)
    varied, same = answers_around(*about, 0.3, jax.random.key(3), 60, first=2)
    assert len(traced) == times + 1  # of `answers`
    np.testing.assert_array_equal(z, same)
    assert z.shape == (60, 2)
    assert len(np.unique(z)) == 120
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(60)
    scale = plain.rates / 2.0  # rates a (r + b size), a = 2 and b = 1 / 2
    slope = 0.5 * np.array([1.0, 2.0, 4.0])
    expected = 2 * np.exp(0.3 * z[:, :1]) * (scale[:, 0] - slope + np.exp(0.3 * z[:, 1:]) * slope)
    np.testing.assert_allclose(varied.rates[:, 0], expected, rtol=1e-4)
