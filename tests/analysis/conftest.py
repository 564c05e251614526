"""A loss in closed form around its minimum, which stands for the problem of a fit."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.minimum import Minimum
from tuneful.circuits import SSN, FeedforwardM1
from tuneful.fitting.linearised import Linearised
from tuneful.fitting.problem import StepRecord

H = np.array([[4.0, 1.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 9.0, -1.0], [0.0, 0.0, -1.0, 1.0]])
CENTRE = np.array([0.1, -0.2, 0.05, 0.0])
UNITS = 400


def taken(is_taken=True):
    zero = jnp.zeros(())
    return StepRecord(zero, zero, zero, zero, zero, zero, jnp.array(True), jnp.array(is_taken))


@dataclasses.dataclass
class Quadratic:
    """D = (eta - c - sum_i (w_i - 1) u_i / n)^T H (same) / 2: weights move its minimum, exactly as they say."""

    coordinates: Coordinates
    influence: np.ndarray
    noise: np.ndarray
    knows_curvature: bool = True
    edge: float = np.inf  # of the region in which networks settle, in the first coordinate

    def look(self, point, unit_weights=None):
        moved = self.centre
        if unit_weights is not None:
            moved = moved + (np.asarray(unit_weights) / np.mean(unit_weights) - 1) @ self.influence / UNITS
        apart = np.asarray(point, float) - moved
        known = np.stack([H, np.eye(4)]) if self.knows_curvature else np.full((2, 4, 4), np.nan)
        found = Linearised(np.array(apart @ H @ apart / 2), H @ apart, H, self.noise, known)
        return found, taken(point[0] - self.centre[0] < self.edge)

    def look_by_unit(self, point):
        found, record = self.look(point)
        return found, -self.influence @ H / UNITS, record

    @property
    def centre(self):
        return self.coordinates.answer + CENTRE

    def minimum(self):
        around, scores, _ = self.look_by_unit(self.centre)
        return Minimum(self.centre, around, H, scores - scores.mean(axis=0))


@pytest.fixture(scope="session")
def following(quadratic):
    """The same loss in parameters of which a fit measures one, phi_l, from others; all are known well."""
    circuit = FeedforwardM1(grid=6, density=0.1, J=800.0, phi_l=20.0, dphi=10.0)
    coordinates = Coordinates(circuit, ("J", "dphi", "dsigma", "phi_l"))
    return dataclasses.replace(quadratic, coordinates=coordinates, influence=0.2 * quadratic.influence)


@pytest.fixture(scope="session")
def quadratic():
    """A problem in the four weights of an SSN; the scatter of its minimum is that of `influence` over `UNITS`."""
    coordinates = Coordinates(SSN(n_sites=11), ("J",))
    influence = np.random.default_rng(0).normal(size=(UNITS, 4)) * np.array([1.0, 2.0, 0.5, 8.0])
    return Quadratic(coordinates, influence, 1e-4 * H)
