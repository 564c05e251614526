"""Parameters: what is declared, and constraints as bijections."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.circuits import FeedforwardM1, Free, Ordered, Positive

values = st.lists(st.floats(-5, 5), min_size=2, max_size=5)


@pytest.mark.parametrize("constraint", [Positive(), Free(10.0), Ordered()], ids=lambda c: type(c).__name__)
@settings(deadline=None)
@given(values=values)
def test_any_free_value_is_allowed_and_comes_back(constraint, values):
    free = jnp.asarray(values)
    natural = constraint.to_constrained(free)
    assert bool(constraint.allows(natural))
    # Cumulative sums of e^5 in float32 leave gaps of e^-5 with a relative error of about 1e-3.
    np.testing.assert_allclose(constraint.to_unconstrained(natural), free, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("constraint", "value"),
    [(Positive(), 0.0), (Positive(), -1.0), (Positive(), np.nan), (Free(), np.inf), (Ordered(), [1.0, 1.0])],
)
def test_forbidden_values(constraint, value):
    assert not bool(constraint.allows(jnp.asarray(value)))


@pytest.mark.parametrize(
    ("constraint", "ends", "beyond"),
    [
        (Positive(), 0.0, -1.0),
        (Positive(), [0.0, 2.0], [1.0, np.nan]),
        (Free(), -1e9, np.inf),
        (Ordered(), [1.0, 1.0], [2.0, 1.0]),
    ],
)
def test_what_is_not_fitted_may_stay_at_an_end_and_not_beyond(constraint, ends, beyond):
    assert bool(constraint.holds(jnp.asarray(ends)))
    assert not bool(constraint.holds(jnp.asarray(beyond)))


def test_declared_parameters_of_m1():
    declared = FeedforwardM1(grid=3, density=0.1).parameters()
    assert list(declared) == ["sigma_l", "dsigma", "J", "phi_l", "dphi"]
    assert declared["J"].unit == "Hz"
    assert declared["phi_l"].symbol == "φ_l"
    assert isinstance(declared["phi_l"].constraint, Free)
