"""The objective contract, for every objective that is installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.objectives import Generated, Measured
from tuneful.registry import build, objectives, settings_of

VARIANTS = [{"name": name} for name in sorted(objectives())] + [{"name": "energy", "shapes": True}]


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda v: " ".join(map(str, v.values())))
def objective(request):
    return build("objective", objectives(), request.param)


@pytest.fixture(scope="module", params=["complete", "missing conditions"])
def data(request):
    rates = np.random.default_rng(0).exponential(5, (20, 4))
    if request.param != "complete":
        rates[:7, 1] = np.nan
    return Measured.from_rates(rates)


def generate(key, batches):
    return Generated(jax.random.exponential(key, (batches, 10, 4)) * 5, jnp.ones((batches, 10)))


def test_loss_is_a_finite_scalar_with_a_finite_gradient(objective, data):
    state = objective.init(jax.random.key(0), data)
    state = objective.update(state, generate, data, jax.random.key(1))

    def loss(rates):
        return objective.loss(Generated(rates, jnp.ones(10)), state, data, jax.random.key(2))

    value, gradient = jax.jit(jax.value_and_grad(loss))(generate(jax.random.key(3), 1).rates[0])
    assert value.shape == ()
    assert bool(jnp.isfinite(value))
    assert bool(jnp.isfinite(gradient).all())
    assert float(jnp.abs(gradient).max()) > 0


def test_state_is_arrays_and_keeps_its_structure(objective, data):
    state = objective.init(jax.random.key(0), data)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    after = objective.update(state, generate, data, jax.random.key(1))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [a.shape for a in jax.tree.leaves(after)] == [a.shape for a in jax.tree.leaves(state)]


def test_silent_curves_on_both_sides_are_harmless(objective):
    data = Measured.from_rates(np.zeros((5, 3)))
    state = objective.init(jax.random.key(0), data)

    def loss(rates):
        return objective.loss(Generated(rates, jnp.ones(4)), state, data, jax.random.key(2))

    value, gradient = jax.value_and_grad(loss)(jnp.zeros((4, 3)))
    assert bool(jnp.isfinite(value))
    assert bool(jnp.isfinite(gradient).all())


def test_settings_rebuild_the_objective(objective):
    assert build("objective", objectives(), settings_of(objective)) == objective


def test_has_what_the_descent_needs(objective):
    assert objective.batch >= 1
    assert objective.learning_rate > 0
    assert objective.optimiser().init({"a": jnp.zeros(())}) is not None
