"""The objective contract, for every objective that is installed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tuneful.objectives
from tuneful.objectives import AbstractObjective, Generated, Measured
from tuneful.objectives.per_label import label_by_label
from tuneful.registry import build, installed, objectives, settings_of

VARIANTS = [
    *({"name": name} for name in sorted(installed(tuneful.objectives, AbstractObjective))),
    {"name": "energy", "shapes": True},
    {"name": "energy", "log_above": 0.5},
    {"name": "wgan-gp", "whiten": True, "log_above": 0.5},
    {"name": "energy", "relative": "label", "log_above": 0.1},
]
MISSING = "missing conditions"


def described(variant):
    return " ".join(f"{key}={value}" for key, value in variant.items())


@pytest.fixture(scope="module", params=VARIANTS, ids=described)
def objective(request):
    return build("objective", objectives(), request.param)


def measured(kind):
    rates = np.random.default_rng(0).exponential(5, (20, 4))
    if kind == MISSING:
        rates[:7, 1] = np.nan
    return Measured.from_rates(rates)


@pytest.fixture(scope="module", params=["complete", MISSING])
def data(request):
    return measured(request.param)


def generate(key, batches):
    return Generated(jax.random.exponential(key, (batches, 10, 4)) * 5, jnp.ones((batches, 10)))


@pytest.fixture(scope="module")
def follow(objective):
    """The state after an update, the loss of another batch, and its gradient; `rejected` fills rejected curves."""

    @jax.jit
    def follow(state, data, weight, rejected):
        def drawn(key, batches):
            rates = jnp.where(weight[None, :, None] > 0, generate(key, batches).rates, rejected)
            return Generated(rates, jnp.broadcast_to(weight, (batches, 10)))

        def loss(rates):
            return objective.loss(Generated(rates, weight), after, data, jax.random.key(2))

        after = objective.update(state, drawn, data, jax.random.key(1))
        return after, *jax.value_and_grad(loss)(drawn(jax.random.key(3), 1).rates[0])

    return follow


def test_loss_is_a_finite_scalar_with_a_finite_gradient(objective, data, follow):
    state = objective.init(jax.random.key(0), data)
    _, value, gradient = follow(state, data, jnp.ones(10), jnp.array(0.0))
    assert value.shape == ()
    assert bool(jnp.isfinite(value))
    assert bool(jnp.isfinite(gradient).all())
    assert float(jnp.abs(gradient).max()) > 0


def test_state_is_arrays_and_keeps_its_structure(objective, data, follow):
    state = objective.init(jax.random.key(0), data)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    after, *_ = follow(state, data, jnp.ones(10), jnp.array(0.0))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert [a.shape for a in jax.tree.leaves(after)] == [a.shape for a in jax.tree.leaves(state)]


def test_curves_of_rejected_realisations_change_nothing(objective, data, follow):
    """Neither the state nor the loss nor its gradient: what is written there is multiplied by zero."""
    state, weight = objective.init(jax.random.key(0), data), jnp.ones(10).at[jnp.array([2, 7])].set(0.0)
    quiet, loud = (follow(state, data, weight, jnp.array(value)) for value in (0.0, 500.0))
    jax.tree.map(np.testing.assert_array_equal, quiet, loud)
    gradient = np.asarray(loud[-1])
    assert not gradient[[2, 7]].any()
    assert gradient.any()


def test_values_that_were_not_measured_change_nothing(objective, follow):
    data = measured(MISSING)
    others = Measured(jnp.where(data.observed, data.rates, 700.0), data.observed)
    before, after = (
        follow(objective.init(jax.random.key(0), d), d, jnp.ones(10), jnp.array(0.0)) for d in (data, others)
    )
    jax.tree.map(np.testing.assert_array_equal, before, after)


def test_the_order_of_units_does_not_matter(objective, data, x64):
    """But for rounding; and but for chance, where units are drawn at random: within five standard errors."""
    order = np.random.default_rng(1).permutation(20)
    rates, observed = np.asarray(data.rates, float), np.asarray(data.observed)
    batch = generate(jax.random.key(3), 1)

    @jax.jit
    def losses(data, state, keys):
        return jax.vmap(lambda key: objective.loss(Generated(batch.rates[0], batch.weight[0]), state, data, key))(
            keys
        )

    draws = []
    for rows in (np.arange(20), order):
        again = Measured(jnp.asarray(rates[rows]), jnp.asarray(observed[rows]))
        state = objective.init(jax.random.key(0), again)
        draws.append(np.asarray(losses(again, state, jax.random.split(jax.random.key(4), 400))))
    means, errors = np.mean(draws, axis=1), np.std(draws, axis=1) / np.sqrt(400)
    assert abs(means[1] - means[0]) <= 5 * np.linalg.norm(errors) + 1e-9 * abs(means[0])


def test_silent_curves_on_both_sides_are_harmless(objective):
    data = Measured.from_rates(np.zeros((5, 3)))
    state = objective.init(jax.random.key(0), data)

    def loss(rates):
        return objective.loss(Generated(rates, jnp.ones(4)), state, data, jax.random.key(2))

    value, gradient = jax.jit(jax.value_and_grad(loss))(jnp.zeros((4, 3)))
    assert bool(jnp.isfinite(value))
    assert bool(jnp.isfinite(gradient).all())


@pytest.mark.parametrize("relative", ["curve", "label"])
@pytest.mark.parametrize("name", sorted(installed(tuneful.objectives, AbstractObjective)))
def test_relative_curves_know_no_gain(name, relative):
    """Of every curve, or of all generated ones: what is left is the smoothing of means, and a large loss of gains."""
    data, curves = measured(MISSING), generate(jax.random.key(3), 1).rates[0]
    gains = {"curve": jnp.linspace(2.0, 40.0, 10)[:, None], "label": jnp.array(7.0)}[relative]

    def losses(relative):
        objective = build("objective", objectives(), {"name": name, "relative": relative})
        state, key = objective.init(jax.random.key(0), data), jax.random.key(2)
        loss = jax.jit(lambda rates: objective.loss(Generated(rates, jnp.ones(10)), state, data, key))
        return np.array([loss(curves), loss(curves * gains)])

    plain, seen = losses(None), losses(relative)
    assert abs(seen[1] - seen[0]) < 0.02 * abs(plain[1] - plain[0])
    np.testing.assert_allclose(seen[1], seen[0], rtol=0.02, atol=2e-3)


def test_settings_rebuild_the_objective(objective):
    assert build("objective", objectives(), settings_of(objective)) == objective


def test_curvature_along_tangents_is_symmetric_and_blind_to_rejected_curves(objective, data):
    if objective.learns:
        pytest.skip("a loss that changes with its critic has no curvature to go by")
    state, weight = objective.init(jax.random.key(0), data), jnp.ones(10).at[jnp.array([2, 7])].set(0.0)
    tangents = jax.random.normal(jax.random.key(5), (10, 4, 3)) * weight[:, None, None]

    @jax.jit
    def metric(rejected):
        rates = jnp.where(weight[:, None] > 0, generate(jax.random.key(3), 1).rates[0], rejected)
        return objective.metric(Generated(rates, weight), tangents, state, data, jax.random.key(2))

    quiet, loud = (np.asarray(metric(jnp.array(value))) for value in (0.0, 500.0))
    np.testing.assert_array_equal(quiet, loud)
    np.testing.assert_allclose(quiet, quiet.T, rtol=1e-3, atol=1e-5 * np.abs(quiet).max())
    assert np.abs(quiet).max() > 0


# Of two labels: 12 units of one and 8 of the other; a realisation has two cells of the one, one of the other, and one
# that is not compared.
OF_CELLS, WEIGHTS = (0, 1, -1, 0), (0.7, 0.3)
RATES = jnp.asarray(np.random.default_rng(5).exponential(5, (12, 4)))
CELLS = np.tile(OF_CELLS, 3)


@pytest.fixture(scope="module")
def of_two():
    data = measured(MISSING)
    return Measured.from_rates(np.where(data.observed, data.rates, np.nan), np.arange(20) % 5 % 2, WEIGHTS)


@pytest.fixture(scope="module", params=sorted(installed(tuneful.objectives, AbstractObjective)))
def distance(request):
    """An objective as it is where there are labels."""
    return label_by_label(build("objective", objectives(), {"name": request.param}))


@pytest.fixture(scope="module")
def follow_labels(distance):
    """The state after an update with curves of two labels, the loss of other curves, and its gradient."""

    @jax.jit
    def follow(state, data, weight, rates):
        def drawn(key, batches):
            own = jax.random.exponential(key, (batches, 12, 4)) * 5
            return Generated(own, jnp.broadcast_to(weight, (batches, 12)), 4, OF_CELLS)

        def loss(rates):
            return distance.loss(Generated(rates, weight, 4, OF_CELLS), after, data, jax.random.key(2))

        after = distance.update(state, drawn, data, jax.random.key(1))
        return after, *jax.value_and_grad(loss)(rates)

    return follow


def test_cells_that_are_not_compared_and_rejected_ones_change_nothing(distance, of_two, follow_labels):
    state, weight = distance.init(jax.random.key(0), of_two), jnp.ones(12).at[4:8].set(0.0)
    hidden = (CELLS < 0) | (np.asarray(weight) == 0)
    rates = [jnp.where(hidden[:, None], value, RATES) for value in (0.0, 500.0)]
    quiet, loud = (follow_labels(state, of_two, weight, r) for r in rates)
    jax.tree.map(np.testing.assert_array_equal, quiet, loud)
    gradient = np.abs(np.asarray(loud[-1])).sum(axis=1)
    assert not gradient[hidden].any()
    assert gradient[(CELLS == 0) & ~hidden].all()
    assert gradient[(CELLS == 1) & ~hidden].all()
    assert bool(np.isfinite(loud[1]))


def test_a_label_of_no_weight_is_not_looked_at(distance, of_two, follow_labels):
    only = dataclasses.replace(of_two, weights=(1.0, 0.0))
    state, of_other = distance.init(jax.random.key(0), only), CELLS[:, None] == 1
    here, there = (
        follow_labels(state, only, jnp.ones(12), jnp.where(of_other, RATES + shift, RATES))[1:] for shift in (0, 50)
    )
    jax.tree.map(np.testing.assert_array_equal, here, there)
    assert not np.asarray(here[1])[of_other[:, 0]].any()


def test_the_loss_of_one_label_does_not_know_the_other(distance, of_two):
    """Neither its curves nor how many units it has; a critic that learns from both passes on what it learnt."""
    rates, own = np.where(of_two.observed, of_two.rates, np.nan), np.repeat([0, 1], of_two.counts)
    twice = Measured.from_rates(np.concatenate([rates, rates[own == 1]]), [*own, *own[own == 1]], WEIGHTS)
    moved = jnp.where(CELLS[:, None] == 1, RATES + 3.0, RATES)

    @jax.jit
    def slopes(state, data, rates):
        key = jax.random.key(2)
        return jax.grad(lambda r: distance.loss(Generated(r, jnp.ones(12), 4, OF_CELLS), state, data, key))(rates)

    before, after, doubled = (
        np.asarray(slopes(distance.init(jax.random.key(0), data), data, r))[CELLS == 0]
        for data, r in ((of_two, RATES), (of_two, moved), (twice, RATES))
    )
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before, doubled, rtol=1e-5, atol=1e-6 * np.abs(before).max())
    assert np.abs(before).max() > 0


def test_what_labels_are_called_and_in_which_order_units_come_does_not_matter(distance, of_two):
    if getattr(distance, "objective", distance).learns:
        pytest.skip("a critic begins at random, and otherwise for another label")
    rates, own = np.where(of_two.observed, of_two.rates, np.nan), np.repeat([0, 1], of_two.counts)
    order, key = np.random.default_rng(1).permutation(20), jax.random.key(4)

    def loss(data, of_cells):
        state = distance.init(key, data)
        return float(jax.jit(distance.loss)(Generated(RATES, jnp.ones(12), 4, of_cells), state, data, key))

    named = loss(Measured.from_rates(rates, own, WEIGHTS), OF_CELLS)
    renamed = loss(Measured.from_rates(rates[order], 1 - own[order], WEIGHTS[::-1]), (1, 0, -1, 1))
    assert renamed == pytest.approx(named, rel=1e-4)  # sums of floats in another order


@pytest.mark.parametrize("name", sorted(installed(tuneful.objectives, AbstractObjective)))
def test_units_of_integer_weight_count_as_so_many_units(name, x64):
    """In the slope of the loss, the view held: but for rounding, or for chance where units are drawn at random."""
    objective, data = build("objective", objectives(), {"name": name}), measured(MISSING)
    rows = np.random.default_rng(6).integers(0, 20, 20)
    times = np.bincount(rows, minlength=20).astype(float)
    batch = jax.tree.map(lambda a: a[0], generate(jax.random.key(3), 1))
    units = Measured(jnp.asarray(data.rates, float), data.observed)
    state = objective.init(jax.random.key(0), units)

    @jax.jit
    def slopes(data, state, keys):
        def slope(key):
            moved = lambda r: objective.loss(Generated(r, batch.weight), state, data, key)  # noqa: E731
            return jax.grad(moved)(batch.rates)

        found = jax.vmap(slope)(keys)
        return found.mean(axis=0), found.std(axis=0) / np.sqrt(len(keys))

    keys = jax.random.split(jax.random.key(4), 200 if objective.learns else 1)
    weighted, plain = (slopes(units.reweighted(each), state, keys) for each in (times, np.ones(20)))
    repeated = Measured(units.rates[rows], units.observed[rows]).reweighted(np.ones(20))
    expected = slopes(repeated, _repeated(state, rows, units), keys)
    allowed = 5 * np.hypot(weighted[1], expected[1]) * objective.learns + 1e-9
    assert (np.abs(weighted[0] - expected[0]) <= allowed).all()
    if not objective.learns:  # a critic sees units through their missing conditions only
        assert np.abs(weighted[0] - plain[0]).max() > 1e-4 * np.abs(plain[0]).max()


def _repeated(state, rows, data):
    """A state whose units are so many rows of those of another, seen as these are."""

    def of_rows(path, leaf):
        name = path[-1].name if hasattr(path[-1], "name") else ""
        if name == "fraction":
            return jnp.asarray(np.bincount(patterns[rows], minlength=len(leaf)) / len(rows))
        return leaf[rows] if name in ("pattern", "seen", "measured") and len(leaf) == 20 else leaf

    patterns = np.unique(np.asarray(data.observed), axis=0, return_inverse=True)[1].ravel()
    repeated = jax.tree_util.tree_map_with_path(of_rows, state)
    if not hasattr(repeated, "share"):
        return repeated
    seen = state.feature_map.of_units(data.rates, jnp.arange(20))[rows]
    seen = np.where(np.asarray(data.observed)[rows], seen, np.nan)
    weighted = np.asarray(repeated.feature_map.observed * repeated.feature_map.fraction[:, None])
    moments = jnp.stack([np.nanmean(seen, axis=0), np.nanvar(seen, axis=0, ddof=1)])
    return dataclasses.replace(repeated, measured=moments, share=jnp.asarray(weighted / weighted.sum(axis=0)))
