"""One start on functions with known minima."""

import numpy as np
import pytest

from tuneful.fitting.candidates import PATIENCE, Candidate
from tuneful.fitting.linearised import Linearised

UNKNOWN = np.full((2, 2, 2), np.nan)  # how well data fix a minimum


def residuals(x):
    """Of Rosenbrock's function: its valley is narrow and curved."""
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), np.array([[-20 * x[0], 10], [-1, 0]])


def look(x, noise=0.0):
    with np.errstate(all="ignore"):
        r, slopes = residuals(x)
        return Linearised(np.array(r @ r), 2 * slopes.T @ r, 2 * slopes.T @ slopes, noise * np.eye(2), UNKNOWN)


def followed(start, steps, valid=lambda point: True, noise=0.0):
    candidate = Candidate.at(np.array(start))
    on_the_way = [candidate]
    for _ in range(steps):
        trial = candidate.trial
        candidate = candidate.after(look(trial, noise), valid(trial))
        on_the_way.append(candidate)
    return on_the_way


def test_a_narrow_curved_valley_is_followed_to_its_end():
    np.testing.assert_allclose(followed([-1.2, 1.0], 40)[-1].point, [1, 1], atol=1e-6)


def test_the_loss_never_rises_and_what_is_invalid_is_never_kept():
    on_the_way = followed([-1.2, 1.0], 60, valid=lambda point: bool(point[0] < 0.5))
    losses = [float(c.around.loss) for c in on_the_way]
    assert losses == sorted(losses, reverse=True)
    assert all(c.point[0] < 0.5 for c in on_the_way)
    assert on_the_way[-1].point[0] > 0.4
    assert float(on_the_way[-1].radius) < 1e-3


def test_nan_is_a_step_that_was_too_long():
    candidate = Candidate.at(np.zeros(2)).after(look(np.zeros(2)), True)
    nothing = Linearised(np.array(np.nan), np.zeros(2), np.eye(2), np.eye(2), UNKNOWN)
    after = candidate.after(nothing, False)
    assert float(after.radius) < float(candidate.radius)
    np.testing.assert_array_equal(after.point, candidate.point)
    for _ in range(PATIENCE):
        after = after.after(nothing, True)
    assert after.is_stuck


def test_a_gain_within_the_sampling_error_is_not_promised():
    """Newton's gain is g^2 / 2h and that of an error of variance s, on average, s / 2h in each of two directions."""
    around = Linearised(np.array(0.0), np.array([1.5, 0.0]), 2 * np.eye(2), np.eye(2), UNKNOWN)
    candidate = Candidate(np.zeros(2), around, np.array(1.0), np.array(0))
    assert candidate.feigned == pytest.approx(0.5)
    assert candidate.promises(1.12)
    assert not candidate.promises(1.13)


def test_noise_along_one_direction_hides_no_slope_along_another():
    """By g^2 / 2h and tr S / 2h the step is worth a hundredth of what is feigned; the gradient is 5 errors from 0."""
    around = Linearised(np.array(0.0), np.array([0.0, 0.5]), 2 * np.eye(2), np.diag([25.0, 0.01]), UNKNOWN)
    candidate = Candidate(np.zeros(2), around, np.array(1.0), np.array(0))
    assert not candidate.promises(0.02)
    assert candidate.slides(12.4)
    assert not candidate.slides(12.6)


def test_points_that_a_sample_does_not_tell_apart_are_one():
    there = Candidate(np.zeros(2), look(np.ones(2), noise=1e-4), np.array(1.0), np.array(0))
    stiff = there.around.metric
    assert there.is_near(there)
    apart = np.sqrt(5 * there.feigned / np.linalg.eigvalsh(stiff)[-1])
    direction = np.linalg.eigh(stiff)[1][:, -1]
    assert not Candidate.at(apart * direction).is_near(there)
    assert Candidate.at(0.5 * apart * direction).is_near(there)
