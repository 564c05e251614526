"""Scores of units, their differences, and the words for them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.model_comparison import (
    BATCHES,
    Difference,
    Scores,
    common_view,
    difference,
    folds,
    in_batches,
    standard_error,
    verdict,
)
from tuneful.objectives import Generated, Measured


def exponential(seed, n, scale=1.0):
    return scale * jax.random.exponential(jax.random.key(seed), (n, 3))


@pytest.fixture(scope="module")
def measured():
    rates = np.array(exponential(0, 100, 5.0))
    rates[::4, 1] = np.nan
    return Measured.from_rates(rates)


@pytest.fixture(scope="module")
def scored(measured):
    """Under the truth, and under curves of four times its rates, each with a cell of either label."""
    view, labels = common_view(measured), np.arange(100) % 2

    def of(scales):
        cells = jnp.stack([exponential(10 + i, 400, scale) for i, scale in enumerate(scales)], axis=1)
        generated = Generated(cells.reshape(-1, 3), jnp.ones(800), n_cells=2, labels=(0, 1))
        return Scores.of(generated, view, measured, labels)

    return of([5.0, 5.0]), of([5.0, 20.0])


def test_the_truth_has_the_better_score_where_curves_differ(scored):
    """Units of label 0 are compared with the same curves, those of label 1 with four times their rates."""
    truth, other = scored
    np.testing.assert_array_equal(truth.by_unit[::2], other.by_unit[::2])
    odd = difference(truth.by_unit[1::2], other.by_unit[1::2])
    assert odd.mean < -2 * odd.error
    assert odd.is_told_apart


def test_the_simulation_error_is_that_between_simulations(measured):
    """Standard deviation over 12 simulations, known to 1 / sqrt(22) of itself, against that told, known better."""
    view, labels = common_view(measured), np.zeros(100, int)
    many = [Scores.of(Generated(exponential(s, 160, 5.0), jnp.ones(160)), view, measured, labels) for s in range(12)]
    between = np.std([one.by_unit.mean() for one in many], ddof=1)
    told = np.sqrt(np.mean([one.simulation_error(np.arange(100)) ** 2 for one in many]))
    assert 0.4 < told / between < 2.5  # three standard errors of its logarithm and more


def test_batches_leave_out_what_did_not_settle():
    weight = jnp.repeat(jnp.arange(20) % 4 != 0, 2).astype(float)
    generated = Generated(jnp.arange(40.0)[:, None], weight, n_cells=2)
    parts = in_batches(generated, 7)
    assert all((part.weight == 1).all() and part.rates.shape == (4, 1) for part in parts)
    assert len(np.unique(np.concatenate([part.rates for part in parts]))) == 28
    with pytest.raises(ValueError, match="Only 15 realisations settled, and scores need 16"):
        in_batches(generated, BATCHES)


def test_standard_errors_of_units_and_of_clusters():
    """Where each unit is there three times, as one cluster, the error is that of a third of the units."""
    values = np.random.default_rng(0).normal(size=50)
    assert standard_error(values) == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    thrice = standard_error(np.repeat(values, 3), np.repeat(np.arange(50), 3))
    assert thrice == pytest.approx(standard_error(values))
    assert np.isnan(standard_error(np.ones(3), np.zeros(3)))
    with_simulation = difference(values, np.zeros(50), simulation=0.4)
    assert with_simulation.error == pytest.approx(np.hypot(standard_error(values), 0.4))


def test_folds_are_even_within_labels():
    labels = np.repeat([0, 1], [40, 7])
    found = folds(47, 5, np.random.default_rng(1), labels)
    counts = np.array([np.bincount(found[labels == label], minlength=5) for label in (0, 1)])
    assert (np.ptp(counts, axis=1) <= 1).all()


def test_words():
    scores = {"a": np.zeros(2), "b": np.ones(2), "c": np.ones(2)}
    far, near = Difference(-1.0, 0.1), Difference(-0.1, 0.1)
    assert verdict(scores, {"b": far, "c": far}) == "a predicts held-out curves better than all others."
    assert verdict(scores, {"b": far, "c": near}) == "a has the best score, and cannot be told apart from c."
    assert near.in_words("a", "c") == "a and c cannot be told apart: difference 0.1 ± 0.1."
    assert Difference(0.5, 0.02).in_words("a", "b") == (
        "b predicts held-out curves better than a: difference 0.50 ± 0.02."
    )
    assert "alone" in verdict({"a": np.zeros(2)}, {})
