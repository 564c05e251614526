r"""Transients of the nonlinear rate dynamics, differentiable in JAX [Stroud et al. 2018].

    tau dx/dt = -x + W f(x; g) + u(t),

with x the activity of N cells, f(x; g) their rates relative to baseline (`tuneful.circuits.saturating_rate`), g one
gain a cell. Near x = 0 this is the linear network with weights W diag(g).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.networks.arguments import LARGEST, check_numbers, real_array
from tuneful.networks.saturating import saturating_rate

MOST_STEPS = 1e7  # from one time to the next: minutes
Drive = ArrayLike | Callable[[Array], Array]


class RateTransients(NamedTuple):
    """What follows an initial activity.

    states
        Activity x, (times, N).
    rates
        f(x; g), (times, N), Hz relative to baseline.
    """

    states: Float[Array, "*batch times n"]
    rates: Float[Array, "*batch times n"]


def rate_transients(
    weights: ArrayLike,
    initial: ArrayLike,
    times: ArrayLike,
    gains: ArrayLike = 1.0,
    drive: Drive = 0.0,
    *,
    baseline: float = 20.0,
    largest: float = 100.0,
    tau: ArrayLike = 1.0,
    step: float = 0.02,
) -> RateTransients:
    r"""Integrate tau dx/dt = -x + W f(x; g) + u(t), differentiable in all arrays but the times.

    The classical Runge-Kutta method of fourth order, with equal steps between two times. Kinks in the third
    derivative of f do not lower the order: they cost O(step^4) at each of the few moments at which a cell crosses
    its baseline. Steps need to resolve W: |lambda| step < 2.5 for the eigenvalues lambda of W diag(g) - 1. (For a
    stability-optimised circuit of 200 cells, |lambda| is below 25 and the default step is off by 1e-5 of the peak.)

    Parameters
    ----------
    weights
        W, (N, N), rows post-synaptic.
    initial
        x at the first of the times, (N,). Use `jax.vmap` for many.
    times
        Increasing, in the unit of tau: with the default, in time constants. The network of [Stroud et al. 2018] has
        tau = 200 ms and was followed for 500 ms, 2.5 time constants.
    gains
        g, (N,) or one for all.
    drive
        u: (N,), a number, or a function of time that returns one of them.
    baseline, largest
        r0 and rmax of the rates, Hz.
    tau
        Time constant; one a cell, (N,), if they differ.
    step
        Longest step of integration, in units of the shortest time constant.

    Returns
    -------
    RateTransients
        At the times given, the first of them included.

    Raises
    ------
    ValueError
        If shapes do not fit, times do not increase, or the step, a time constant or the range of rates is not
        positive.

    >>> decay = rate_transients(jnp.zeros((2, 2)), jnp.array([1.0, -2.0]), jnp.array([0.0, 1.0]))
    >>> np.asarray(decay.states[1], float).round(4)
    array([ 0.3679, -0.7358])
    """
    dtype = jnp.result_type(float)
    for name, values in {"weights": weights, "initial": initial, "tau": tau, "gains": gains, "drive": drive}.items():
        is_known = not (isinstance(values, Array) or callable(values))  # what JAX differentiates is not
        if is_known and not np.isfinite(real_array(name, values)).all():
            raise ValueError(f"{name} must be finite.")
    w, x, taus = (jnp.asarray(a, dtype) for a in (weights, initial, tau))
    if w.ndim != 2 or w.shape[0] != w.shape[1] or x.shape != w.shape[:1]:
        raise ValueError(f"weights (N, N) and initial (N,) do not fit: they are {w.shape} and {x.shape}.")
    for name, values in {"gains": gains, "tau": tau, "drive": 0.0 if callable(drive) else drive}.items():
        if np.shape(values) not in ((), x.shape):
            raise ValueError(f"{name} must be one number or {len(x)}, not of shape {np.shape(values)}.")
    check_range(baseline, largest)
    if callable(drive) and (shape := jax.eval_shape(drive, jnp.zeros((), dtype)).shape) not in ((), x.shape):
        raise ValueError(f"drive must return one number or {len(x)}, not an array of shape {shape}.")
    clock = as_times(times)
    steps = count_steps(clock, np.asarray(tau, float), step)
    states = integrate(w, x, jnp.asarray(clock, dtype), gains, drive, (baseline, largest), taus, steps)
    return RateTransients(states, saturating_rate(states, gains, baseline, largest))


def as_times(times: ArrayLike) -> np.ndarray:
    """Convert to an increasing float64 array of at least two times, or raise a `ValueError`.

    >>> as_times([0, 1])
    array([0., 1.])
    """
    clock = real_array("times", times)
    if clock.ndim != 1 or len(clock) < 2 or not np.isfinite(clock).all() or not (np.diff(clock) > 0).all():
        raise ValueError("times must be a sequence of at least two finite numbers that increase.")
    return clock


def check_range(baseline: float, largest: float) -> None:
    """Refuse a range of rates without room below or above the baseline."""
    check_numbers(baseline=baseline, largest=largest)
    if not 0 < baseline < largest < LARGEST:
        raise ValueError(f"Rates lie between 0 and largest, with the baseline within: not {baseline} and {largest}.")


def count_steps(times: np.ndarray, taus: np.ndarray, step: float) -> int:
    """Steps from each time to the next, the same number everywhere: shapes are then known to the compiler.

    >>> count_steps(np.array([0.0, 0.1, 0.5]), np.array(2.0), step=0.02)
    10
    """
    check_numbers(step=step)
    if not (0 < step < math.inf and (taus > 0).all() and np.isfinite(taus).all()):
        raise ValueError(f"step and tau must be positive, not {step} and {taus}.")
    ratio = float(np.diff(times).max()) / max(step * float(taus.min()), 1e-300)
    if ratio > MOST_STEPS:
        raise ValueError(f"Between two times are {ratio:.2g} steps, more than {MOST_STEPS:g}: take a longer step.")
    return max(1, math.ceil(ratio * (1 - 1e-9)))  # a ratio that is 5 but for rounding is 5


@eqx.filter_jit
def integrate(
    w: Array,
    x: Array,
    times: Array,
    gains: ArrayLike,
    drive: Drive,
    rates: tuple[float, float],
    taus: Array,
    steps: int,
) -> Array:
    """States x at all times, (times, N), for arguments that are known to be right: see `rate_transients`.

    `rates` are r0 and rmax, `taus` a scalar or (N,), `steps` the number of steps from each time to the next.
    """

    def flow(t: Array, x: Array) -> Array:
        u = drive(t) if callable(drive) else drive
        return (-x + w @ saturating_rate(x, gains, *rates) + u) / taus

    def follow(x: Array, interval: tuple[Array, Array]) -> tuple[Array, Array]:
        start, end = interval
        h = (end - start) / steps
        x, _ = jax.lax.scan(
            lambda x, k: (runge_kutta(flow, start + k * h, x, h), None), x, jnp.arange(steps, dtype=h.dtype)
        )
        return x, x

    _, later = jax.lax.scan(follow, x, (times[:-1], times[1:]))
    return jnp.concatenate([x[None], later])


def runge_kutta(flow: Callable[[Array, Array], Array], t: Array, x: Array, h: Array) -> Array:
    """One step of the classical Runge-Kutta method for dx/dt = flow(t, x).

    >>> growth = runge_kutta(lambda t, x: x, jnp.array(0.0), jnp.array(1.0), jnp.array(1.0))
    >>> round(float(growth), 6)  # 1 + 1 + 1/2 + 1/6 + 1/24
    2.708333
    """
    a = flow(t, x)
    b = flow(t + h / 2, x + h / 2 * a)
    c = flow(t + h / 2, x + h / 2 * b)
    d = flow(t + h, x + h * c)
    return x + h / 6 * (a + 2 * b + 2 * c + d)
