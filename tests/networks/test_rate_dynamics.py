"""Nonlinear transients: against matrix exponentials, SciPy's adaptive integrator and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from tuneful.circuits import random_network, saturating_rate
from tuneful.networks import rate_transients
from tuneful.networks.rate_dynamics import count_steps

pytestmark = pytest.mark.usefixtures("x64")

N = 20
W = random_network(N, 0, density=0.3, radius=2.0).weights
RNG = np.random.default_rng(0)
INITIAL = RNG.normal(size=N) * 15
GAINS = RNG.uniform(0.5, 1.5, N)
TIMES = np.array([0.0, 0.3, 1.0, 2.5])  # not equally spaced


def f(x, g):
    room = np.where(x < 0, 20.0, 80.0)
    return room * np.tanh(g * x / room)


def by_scipy(times, gains=1.0, drive=lambda t: 0.0, tau=1.0):
    solution = solve_ivp(
        lambda t, x: (-x + W @ f(x, gains) + drive(t)) / tau,
        (times[0], times[-1]),
        INITIAL,
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-12,
    )
    return solution.y.T


@pytest.mark.parametrize("gains", [1.0, GAINS], ids=["default", "modulated"])
def test_small_states_follow_the_matrix_exponential(gains):
    a, h, small = W * gains - np.eye(N), 0.01, 1e-6
    linear = np.stack([expm(a * t) @ INITIAL * small for t in TIMES])
    # Local error of the method (|A| h)^5 / 120 a step, amplified by at most the peak of |exp(At)|, relative to the
    # state; the curvature of f matters by (small 15 peak / r0)^2, 1e-10.
    peak = max(np.linalg.norm(expm(a * t), 2) for t in np.linspace(0, 2.5, 100))
    bound = (TIMES[-1] / h) * (np.linalg.norm(a, 2) * h) ** 5 / 120 * peak
    assert 1e-10 < bound < 1e-2
    states = rate_transients(W, INITIAL * small, TIMES, gains, step=h).states
    assert np.abs(states - linear).max() < 2 * bound * np.linalg.norm(INITIAL) * small
    assert np.abs(states).max() > small


def test_errors_fall_with_the_fourth_power_of_the_step():
    exact = by_scipy(TIMES, GAINS)
    errors = [
        np.abs(rate_transients(W, INITIAL, TIMES, GAINS, step=h).states - exact).max() for h in (0.1, 0.05, 0.025)
    ]
    ratios = np.array(errors[:-1]) / errors[1:]
    assert ((ratios > 2**3.5) & (ratios < 2**4.5)).all()  # 2^4 in the limit
    assert errors[-1] < 1e-3


def test_scipy_agrees_on_everything_at_once():
    tau = RNG.uniform(0.5, 2.0, N)
    push = RNG.normal(size=N)
    ours = rate_transients(W, INITIAL, TIMES, GAINS, lambda t: push * jnp.cos(3 * t), tau=tau, step=0.01)
    exact = by_scipy(TIMES, GAINS, lambda t: push * np.cos(3 * t), tau)
    # The step is 0.01 of the shortest time constant; the test above allows 1e-3 at 0.025, hence 1e-3 / 2.5^4.
    np.testing.assert_allclose(ours.states, exact, atol=3e-5)
    np.testing.assert_array_equal(ours.rates, saturating_rate(ours.states, GAINS))
    np.testing.assert_array_equal(ours.states[0], INITIAL)


def test_time_has_the_unit_of_tau():
    in_tau = rate_transients(W, INITIAL, TIMES).states
    in_ms = rate_transients(W, INITIAL, 200 * TIMES + 50, tau=200.0).states
    np.testing.assert_allclose(in_ms, in_tau, atol=1e-10)


def test_a_constant_input_leads_to_its_fixed_point():
    drive = RNG.normal(size=N)
    last = rate_transients(W * 0.1, INITIAL, [0.0, 60.0], drive=drive).states[-1]
    np.testing.assert_allclose(last, 0.1 * W @ f(np.asarray(last), 1.0) + drive, atol=1e-10)


def test_gradients_meet_finite_differences():
    def summary(initial, gains):
        rates = rate_transients(W, initial, TIMES, gains, step=0.05).rates
        return jnp.sum(rates * jnp.cos(jnp.arange(N, dtype=float))[None])

    direction = RNG.normal(size=(2, N))
    gradient = jax.grad(summary, argnums=(0, 1))(INITIAL, GAINS)
    h = 1e-5
    for k in range(2):
        moves = [np.where(np.arange(2)[:, None] == k, sign * h * direction, 0) for sign in (1, -1)]
        up, down = (summary(INITIAL + m[0], GAINS + m[1]) for m in moves)
        # h^2 times a third derivative of the order of the value, and rounding of 1e-13 / h.
        np.testing.assert_allclose(gradient[k] @ direction[k], (up - down) / (2 * h), rtol=1e-6)


def test_states_can_be_batched_and_the_whole_compiled():
    batch = jnp.stack([INITIAL, 2 * INITIAL])
    follow = jax.jit(jax.vmap(lambda x: rate_transients(W, x, TIMES).states))
    np.testing.assert_allclose(follow(batch)[1], rate_transients(W, 2 * INITIAL, TIMES).states, atol=1e-12)


def test_steps_fill_the_longest_interval():
    assert count_steps(np.array([0.0, 0.06, 0.1]), np.array(1.0), 0.02) == 3  # not 4 by rounding
    assert count_steps(np.array([0.0, 1e-9]), np.array(1.0), 0.02) == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weights": W[:3]}, "do not fit"),
        ({"initial": INITIAL[:3]}, "do not fit"),
        ({"times": [0.0, 1.0, 1.0]}, "increase"),
        ({"times": [0.0]}, "two"),
        ({"times": [0.0, np.nan]}, "finite"),
        ({"gains": np.ones(3)}, "gains"),
        ({"drive": np.ones(3)}, "drive"),
        ({"tau": np.ones(3)}, "tau"),
        ({"tau": -1.0}, "positive"),
        ({"step": 0.0}, "positive"),
        ({"baseline": 100.0}, "baseline"),
        ({"largest": np.nan}, "baseline"),
    ],
)
def test_bad_input_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        rate_transients(**({"weights": W, "initial": INITIAL, "times": TIMES} | change))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": 1j * np.eye(2)}, "weights must be real"),
        ({"initial": [np.nan, 0.0]}, "initial must be finite"),
        ({"gains": None}, "gains must be real"),
        ({"drive": lambda t: jnp.ones(3)}, "drive must return one number or 2"),
        ({"step": 1e-15}, "take a longer step"),
        ({"step": "0.1"}, "step must be a number"),
        ({"baseline": "20"}, "baseline must be a number"),
    ],
)
def test_arguments_that_are_none(changed, message):
    with pytest.raises(ValueError, match=message):
        rate_transients(**{"weights": np.zeros((2, 2)), "initial": np.ones(2), "times": [0.0, 1.0]} | changed)
