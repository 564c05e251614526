"""Penalties by hand, and in the loss of a fit."""

import jax
import jax.numpy as jnp
import pytest

from tuneful.circuits import Response
from tuneful.objectives import RatePenalty


def response(rates):
    rates = jnp.asarray(rates, float)
    return Response(rates[:1], settled=jnp.array(True), residual=jnp.zeros(()), network=rates)


def test_rate_penalty_is_equation_15():
    penalty = RatePenalty()
    assert float(penalty(None, None, response([[150.0, 10.0], [149.0, 0.0]]))) == 0
    assert float(penalty(None, None, response([[152.0, 10.0], [151.0, 400.0]]))) == pytest.approx(
        5000 * (2 + 1 + 250)
    )


def test_rate_penalty_pushes_every_cell_above_the_limit():
    slope = jax.grad(lambda r: RatePenalty(weight=2.0, limit=10.0)(None, None, response(r)))(
        jnp.array([[5.0, 11.0], [30.0, 9.0]])
    )
    assert slope.tolist() == [[0.0, 2.0], [2.0, 0.0]]


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"limit": -1.0}, {"limit": float("nan")}])
def test_impossible_penalties(wrong):
    with pytest.raises(ValueError, match="must not be negative"):
        RatePenalty(**wrong)
