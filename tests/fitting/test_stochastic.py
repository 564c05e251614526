"""The descent knows the contracts only: a toy circuit of a few lines is fitted by every objective."""

from collections.abc import Mapping
from typing import ClassVar, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from tuneful.circuits import SSN, AbstractCircuit, Free, Positive, Response, parameter
from tuneful.fitting import Problem, Steps
from tuneful.fitting.stochastic import advance, start
from tuneful.fitting.unconstrained import with_unconstrained
from tuneful.objectives import EnergyDistance, Measured, RatePenalty, StabilityPenalty, WassersteinGAN
from tuneful.solvers import Status


@final
class Toy(AbstractCircuit):
    """Two conditions, independent exponential rates with means `scale` and 2 `scale` above `base`."""

    label: ClassVar[str] = "exponential-scale"
    scale: Array = parameter(symbol="s", unit="Hz", constraint=Positive(), default=3.0, meaning="scale")
    base: Array = parameter(symbol="b", unit="Hz", constraint=Free(), default=0.0, meaning="base")
    broken: float = eqx.field(static=True, default=0.0)

    def draw(self, key):
        return jax.random.exponential(key, (1, 2)), jax.random.uniform(jax.random.fold_in(key, 1))

    def respond(self, z):
        rates = self.base + self.scale * z[0] * jnp.array([[1.0, 2.0]])
        settled = z[1] >= self.broken
        return Response(jnp.where(settled, rates, 1e9), settled, jnp.zeros(()), network=rates)

    def conditions(self):
        return {"size": np.array([1.0, 2.0])}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        return self

    @classmethod
    def example(cls) -> Self:
        return cls()


@pytest.fixture(scope="module")
def data():
    truth = Toy().with_values({"scale": 6.0, "base": 2.0})
    return Measured.from_rates(truth.sample(jax.random.key(5), 800).curves)


def fit(problem, steps, seed=0):
    state, path, records = start(problem, jax.random.key(seed)), [], []
    for _ in range(steps):
        state, record = advance(problem, state)
        path.append([float(v) for v in state.unconstrained.values()])
        records.append(record)
    return state, np.array(path), records


def test_energy_distance_recovers_the_truth(data):
    problem = Problem(Toy(), EnergyDistance(), data, ("base", "scale"), steps=Steps(batch=128, learning_rate=0.05))
    _, path, _ = fit(problem, 300)
    base, scale = path[-100:, 0].mean(), np.exp(path[-100:, 1].mean())
    # 1,600 exponential rates fix the scale to 2.5 %, the base to well below; allow four times that.
    assert scale == pytest.approx(6.0, rel=0.1)
    assert base == pytest.approx(2.0, abs=0.3)


def test_wgan_gp_moves_towards_the_truth(data):
    steps = Steps(batch=64, learning_rate=0.02, b1=0.5, b2=0.9)
    _, path, _ = fit(Problem(Toy(), WassersteinGAN(critic_rate=0.01), data, ("scale",), steps=steps), 150)
    assert np.exp(path[-30:, 0].mean()) == pytest.approx(6.0, rel=0.25)


def test_steps_halve_with_their_half_life(data):
    plain, cooled = (
        Problem(Toy(), EnergyDistance(), data, ("scale", "base"), steps=Steps(batch=8, half_life=h))
        for h in (None, 5.0)
    )
    for taken, factor in ((0, 1.0), (5, 0.5), (10, 0.25)):
        state = eqx.tree_at(lambda s: s.step, start(plain, jax.random.key(0)), jnp.asarray(taken))
        full, short = (advance(problem, state)[0].unconstrained for problem in (plain, cooled))
        for name, now in state.unconstrained.items():
            assert float(short[name] - now) == pytest.approx(factor * float(full[name] - now), rel=1e-4)


def test_only_the_named_parameters_move(data):
    problem = Problem(Toy(), EnergyDistance(), data, ("scale",), steps=Steps(batch=8))
    state, _, _ = fit(problem, 2)
    circuit = with_unconstrained(problem.circuit, state.unconstrained)
    assert float(circuit.base) == 0.0
    assert float(circuit.scale) != 3.0


def test_the_same_seed_gives_the_same_bits(data):
    problem = Problem(Toy(), WassersteinGAN(hidden=(4,)), data, ("scale", "base"), steps=Steps(batch=8))
    a, b, other = (fit(problem, 3, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, other)


def test_rejected_realisations_are_counted_and_never_enter_a_gradient(data):
    clean, half = (
        Problem(Toy(broken=b), EnergyDistance(), data, ("scale",), steps=Steps(batch=64, max_lost=1.0))
        for b in (0.0, 0.5)
    )
    _, _, records = fit(clean, 1)
    assert float(records[0].rejected) == 0
    _, path, records = fit(half, 20)
    rejected = np.array([float(r.rejected) for r in records])
    assert abs(rejected.mean() - 0.5) < 5 * 0.5 / np.sqrt(64 * 20)
    assert np.isfinite(path).all()
    assert all(float(r.gradient_norm) < 10 for r in records)


def test_everything_rejected_changes_nothing(data):
    state, path, records = fit(Problem(Toy(broken=2.0), EnergyDistance(), data, ("scale",), steps=Steps(batch=4)), 2)
    assert float(records[-1].rejected) == 1
    assert np.isfinite(path).all()
    assert int(state.step) == 2


def test_a_gradient_that_is_not_finite_is_skipped_and_counted(data):
    circuit = Toy().with_values({"scale": 1e38})
    state, path, records = fit(Problem(circuit, EnergyDistance(), data, ("scale", "base"), steps=Steps(batch=4)), 3)
    assert not any(bool(r.finite) for r in records)
    assert int(state.failed) == 3
    assert np.ptp(path, axis=0).max() == 0


@final
class Cliff(AbstractCircuit):
    """Rates grow with `drive`; beyond `edge` nothing settles. The data ask for more drive than that."""

    label: ClassVar[str] = "cliff"
    drive: Array = parameter(symbol="d", unit="Hz", constraint=Free(), default=1.0, meaning="drive")
    edge: float = eqx.field(static=True, default=2.0)
    saturates: bool = eqx.field(static=True, default=False)

    def draw(self, key):
        return jax.random.uniform(key, (1, 1))

    def respond(self, z):
        rates = self.drive + z
        beyond = self.drive > self.edge
        status = jnp.where(beyond, Status.SATURATED, Status.SETTLED)
        return Response(rates, ~beyond | self.saturates, jnp.zeros(()), network=rates, status=status)

    def conditions(self):
        return {"size": np.array([1.0])}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        return self

    @classmethod
    def example(cls) -> Self:
        return cls()


@pytest.mark.parametrize("saturates", [False, True])
def test_a_fit_that_walks_over_the_edge_comes_back_with_shorter_steps(saturates):
    beyond = Measured.from_rates(np.linspace(5, 6, 50)[:, None])
    objective, steps = EnergyDistance(whiten=False), Steps(batch=8, learning_rate=0.3)
    problem = Problem(Cliff(saturates=saturates), objective, beyond, ("drive",), steps=steps)
    state, path, records = fit(problem, 40)
    drive, taken = path[:, 0], np.array([bool(r.taken) for r in records])
    assert np.isfinite(drive).all()
    assert not taken.all()
    # Where a step was not taken, the next one starts at parameters that were good: below the edge.
    assert (drive[~taken] <= 2.0).all()
    assert (drive <= 2.0 + 0.3).all()
    assert drive[-10:].max() > 1.9
    assert float(state.step_scale) < 1


def test_penalties_are_added_to_the_loss_and_bound_the_rates():
    high = Measured.from_rates(np.linspace(5, 6, 50)[:, None])
    objective, steps = EnergyDistance(whiten=False), Steps(batch=8, learning_rate=0.1, clip=3.0)
    penalties = (RatePenalty(weight=100.0, limit=3.0),)
    problem = Problem(Cliff(edge=1e9), objective, high, ("drive",), penalties, steps)
    _, path, records = fit(problem, 80)
    # Rates are uniform on [drive, drive + 1]: the penalty begins to bite at drive = 2.
    assert 1.7 < path[-20:, 0].mean() < 2.3
    assert any(float(r.penalty) > 0 for r in records)


def test_a_penalty_that_does_not_apply_is_refused_before_the_first_step():
    objective, data = EnergyDistance(), Measured.from_rates(np.linspace(5, 6, 50)[:, None])
    with pytest.raises(ValueError, match="needs a recurrent circuit: Cliff has no dynamics"):
        Problem(Cliff(), objective, data, ("drive",), (StabilityPenalty(),)).start()


@pytest.mark.parametrize("bits", ["float32", "float64"])
def test_the_stability_penalty_leads_away_from_instability(bits, request):
    if bits == "float64":
        request.getfixturevalue("x64")
    strong = SSN(n_sites=11, sizes=(2.0,), J=3 * SSN().J, dJ=0.3 * SSN().dJ)
    penalty = StabilityPenalty(weight=1e5, limit=-0.035)
    data = Measured.from_rates(np.linspace(5, 6, 20)[:, None])
    steps = Steps(batch=6, learning_rate=0.05)
    problem = Problem(strong, EnergyDistance(), data, ("J", "dJ"), (penalty,), steps)
    state, costs = start(problem, jax.random.key(0)), []
    for _ in range(10):
        state, record = advance(problem, state)
        costs.append(float(record.penalty))
        assert bool(record.taken)
    # The loss alone is of order one and moves rates up, towards instability.
    assert costs[0] > 0
    assert np.mean(costs[-2:]) < 0.5 * np.mean(costs[:2])


def test_units_with_missing_conditions_take_part():
    rates = np.array(Toy().with_values({"scale": 6.0}).sample(jax.random.key(5), 600).curves, float)
    rates[::2, 1] = np.nan
    steps = Steps(batch=128, learning_rate=0.05)
    problem = Problem(Toy(), EnergyDistance(), Measured.from_rates(rates), ("scale",), steps=steps)
    _, path, _ = fit(problem, 150)
    # 900 exponential rates fix the scale to 3.3 %; allow four times that.
    assert np.exp(path[-75:, 0].mean()) == pytest.approx(6.0, rel=0.14)
