"""A loss around a point, of circuits with steady states and without."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from tuneful.circuits import SSN, FeedforwardM1
from tuneful.fitting import Problem
from tuneful.fitting.linearised import (
    CHUNK,
    SHARE,
    _Realised,
    _sampled,
    _slopes,
    _unit_slope,
    linearise,
    linearise_by_unit,
)
from tuneful.objectives import (
    EnergyDistance,
    Generated,
    MaximumMeanDiscrepancy,
    Measured,
    MomentMatching,
    Moments,
    RatePenalty,
)


def problem(circuit, fitted, penalties=()):
    data = Measured.from_rates(np.asarray(circuit.sample(jax.random.key(1), 30).curves))
    return Problem(circuit, EnergyDistance(), data, fitted, penalties)


CASES = {
    "ssn": (
        SSN(n_sites=11, sites=(0.0, 1.0), dJ=0.1 * np.ones((2, 2))),
        ("J", "sigma"),
        (RatePenalty(weight=1.0, limit=0.5),),
    ),
    "m1": (FeedforwardM1(grid=6, density=0.1), ("J", "sigma_l"), ()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_reverse_mode(case):
    """Over samples that do not fill their last chunk, to the rounding of sums in single precision."""
    about = problem(*CASES[case])
    curves = (CHUNK // 2 + 1) * about.circuit.cells_per_realisation
    objective = about.objective.init(jax.random.key(0), about.data)
    for_sample, for_loss = jax.random.split(jax.random.key(3))
    start = about.start()

    def loss(unconstrained):
        sample = jax.tree.map(lambda a: a[0], about.generate(unconstrained, for_sample, 1, curves))
        return about.objective.loss(sample.curves, objective, about.data, for_loss) + sample.penalty

    value, gradient = jax.jit(jax.value_and_grad(loss))(start)
    found, record = linearise(about, start, objective, jax.random.key(3), curves)
    expected = np.asarray(ravel_pytree(gradient)[0])
    assert found.loss == pytest.approx(float(value), abs=1e-5, rel=1e-6)  # with its penalty that of the SSN is 230
    np.testing.assert_allclose(found.gradient, expected, atol=2e-4 * np.abs(expected).max())
    assert np.linalg.eigvalsh(found.metric)[0] > -1e-5 * np.linalg.eigvalsh(found.metric)[-1]
    assert np.linalg.eigvalsh(found.noise)[-1] > 0
    assert bool(record.taken)


def test_realisations_that_do_not_settle_are_counted_and_weigh_nothing():
    circuit = SSN(n_sites=11, max_time=1e-3, J=0.9 * jnp.ones((2, 2)))
    about = Problem(circuit, EnergyDistance(), Measured.from_rates(np.random.default_rng(0).random((9, 5))), ("J",))
    objective = about.objective.init(jax.random.key(0), about.data)
    found, record = linearise(about, about.start(), objective, jax.random.key(3), 8)
    assert float(record.rejected) > 0
    assert np.isfinite(found.gradient).all()
    assert bool(record.taken) == (float(record.rejected + record.saturated) <= about.steps.max_lost)


def test_a_sample_of_which_most_is_lost_is_not_drawn_to_its_end():
    circuit = SSN(n_sites=11, max_time=1e-3, J=0.9 * jnp.ones((2, 2)))
    about = Problem(circuit, EnergyDistance(), Measured.from_rates(np.random.default_rng(0).random((9, 5))), ("J",))
    sample = _sampled(about, about.start(), jax.random.key(3), 5 * CHUNK, SHARE)
    assert float(sample.accepted.mean()) < 0.25
    assert len(sample.rates) == CHUNK


@pytest.mark.parametrize("measure", [EnergyDistance, Moments])
def test_slopes_of_a_whole_sample_are_those_of_reverse_mode_oracle(measure):
    """48 realisations of five cells, one rejected, against 600 units.

    Taken in a map within one program, they once came out wrong by a factor on CPUs, as users compile it.
    """
    rng = np.random.default_rng(0)
    height = rng.lognormal(size=(600 + 240, 1)) * np.array([0.9, 1.0, 0.7, 0.02, 0.02])
    rates = np.asarray(height * rng.lognormal(sigma=0.3, size=height.shape), np.float32)
    accepted = np.arange(48) != 8
    tangents = rng.normal(size=(48, 5, 5, 3)) * accepted[:, None, None, None]
    curves = rates[600:].reshape(48, 5, 5) * accepted[:, None, None]
    none = np.zeros(48, np.float32), accepted, np.zeros(48, np.int32)
    sample = _Realised(*map(jnp.asarray, (curves, *none, tangents.astype(np.float32), np.zeros((48, 3), np.float32))))
    data, key = Measured.from_rates(rates[:600]), jax.random.key(0)
    about = Problem(SSN(n_sites=11), measure(log_above=0.1, ridge=0.01), data, ("J",))
    objective = about.objective.init(key, data)
    weight = jnp.repeat(jnp.asarray(accepted, jnp.float32), 5)

    def loss(rates):
        return about.objective.loss(Generated(rates, weight, 5), objective, data, key)

    slopes = np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(curves.reshape(240, 5))))
    expected = np.einsum("jk,jka->a", slopes, tangents.reshape(240, 5, 3))
    np.testing.assert_allclose(_slopes(about, objective, sample, key)[0], expected, rtol=1e-3)


def test_tangents_of_a_part_of_a_large_sample_stand_for_all():
    """Loss and curves are those of the whole sample, gradients without bias: means of 60 within four errors."""
    circuit = FeedforwardM1(grid=6, density=0.1)
    about = problem(circuit, ("J", "sigma_l"))
    curves = 2 * SHARE * CHUNK * circuit.cells_per_realisation
    objective, start = about.objective.init(jax.random.key(0), about.data), about.start()

    @jax.jit
    def whole(key):
        for_sample, for_loss = jax.random.split(key)

        def loss(unconstrained):
            sample = jax.tree.map(lambda a: a[0], about.generate(unconstrained, for_sample, 1, curves))
            return about.objective.loss(sample.curves, objective, about.data, for_loss)

        return jax.value_and_grad(loss)(start)

    apart = []
    for seed in range(60):
        key = jax.random.key(seed)
        found, _ = linearise(about, start, objective, key, curves)
        value, gradient = whole(key)
        assert found.loss == pytest.approx(float(value), abs=1e-5)
        apart.append(found.gradient - np.asarray(ravel_pytree(gradient)[0]))
    error = np.std(apart, axis=0, ddof=1) / np.sqrt(60)
    assert (np.abs(np.mean(apart, axis=0)) < 4 * error).all()
    assert (error > 0).all()


@pytest.fixture(scope="module")
def skewed():
    """60 curves that the toy circuit does not quite make."""
    rng = np.random.default_rng(3)
    return Measured.from_rates(2.5 * (rng.gamma(1.2, size=(60, 3)) + 0.4 * np.array([1.0, 2.0, 4.0])))


@pytest.mark.parametrize("objective", [Moments(), MaximumMeanDiscrepancy(scale=1.0), MomentMatching()])
def test_what_units_do_to_the_gradient_is_what_their_sampling_does(objective, toy, skewed):
    """To the rounding of single precision; variances have n - 1 degrees of freedom, which weights know of."""
    key, state = jax.random.key(0), objective.init(jax.random.key(0), skewed)
    z = jax.random.exponential(key, (40, 1, 3))
    none = jnp.zeros(40), jnp.ones(40, bool), jnp.zeros(40, jnp.int32)
    sample = _Realised(
        2 * z + jnp.arange(3.0)[None, None], *none, jnp.stack([2 * z, jnp.ones_like(z)], axis=-1), jnp.zeros((40, 2))
    )
    about = Problem(toy, objective, skewed, ("a", "b"))
    scores = np.stack([_unit_slope(about, state, sample, jnp.int32(i), key) for i in range(2)], axis=-1)
    expected = np.asarray(jax.jit(objective.sampling)(*sample.with_tangents(), state, skewed, key).noise)
    tolerance = 0.05 if isinstance(objective, MomentMatching) else 2e-3
    np.testing.assert_allclose(scores.T @ scores, expected, atol=tolerance * np.abs(expected).max())


def test_weights_of_units_change_the_gradient_as_their_scores_say(toy, skewed):
    """Of a distance that is linear in relative weights, to rounding and the square of their mean change."""
    about, objective = Problem(toy, EnergyDistance(), skewed, ("a", "b")), EnergyDistance()
    state = objective.init(jax.random.key(0), skewed)
    found, scores, record = linearise_by_unit(about, about.start(), state, jax.random.key(3), 48)
    change = 0.2 * np.random.default_rng(1).normal(size=60)
    weighted = dataclasses.replace(about, data=skewed.reweighted(1 + change - change.mean()))
    moved, _ = linearise(weighted, about.start(), state, jax.random.key(3), 48, share=1)
    assert bool(record.taken)
    assert np.abs(change @ scores).max() > 1e-3
    np.testing.assert_allclose(moved.gradient - found.gradient, change @ scores, atol=1e-5)
