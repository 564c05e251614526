"""A circuit of one's own in one file: cells that sum a few direction-tuned inputs.

tuneful fit examples/ring.py:Ring                          # to curves simulated from Ring.example()
tuneful fit examples/ring.py:Ring --data directions.csv    # to measured ones, with a column "direction" in degrees
"""

import dataclasses
from typing import ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.circuits import AbstractCircuit, Positive, Response, parameter


@final
class Ring(AbstractCircuit):
    """r(s) = J [sum_k w_k exp(kappa (cos(s - p_k) - 1)) - phi]_+ with p_k uniform on the ring and w_k exponential."""

    label: ClassVar[str] = "ring"

    J: jax.Array = parameter(symbol="J", unit="Hz", constraint=Positive(), default=5.0, meaning="gain")
    kappa: jax.Array = parameter(
        symbol="κ", unit="1", constraint=Positive(), default=1.0, meaning="sharpness of inputs"
    )
    phi: jax.Array = parameter(symbol="φ", unit="1", constraint=Positive(), default=0.5, meaning="threshold")
    directions: tuple[float, ...] = (0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
    inputs: int = 4

    def draw(self, key):
        """The random inputs of one realisation: preferred directions and weights."""
        for_directions, for_weights = jax.random.split(key)
        preferred = jax.random.uniform(for_directions, (self.inputs,), maxval=2 * jnp.pi)
        return preferred, jax.random.exponential(for_weights, (self.inputs,))

    def respond(self, z):
        """Rates of the recorded cells, here one, in every condition."""
        preferred, weights = z
        away = jnp.deg2rad(jnp.array(self.directions))[:, None] - preferred[None]
        drive = jnp.exp(self.kappa * (jnp.cos(away) - 1)) @ weights
        rates = self.J * jax.nn.relu(drive - self.phi)
        return Response(rates[None], settled=jnp.array(True), residual=jnp.zeros(()))

    def conditions(self):
        """The stimuli, feature by feature, as the data name them."""
        return {"direction": np.array(self.directions)}

    def at_conditions(self, features):
        """The same circuit at the stimuli of the data."""
        return dataclasses.replace(self, directions=tuple(map(float, features["direction"])))

    @classmethod
    def example(cls):
        """A known truth, from which curves are simulated where no data are given."""
        return cls(J=8.0, kappa=2.0, phi=1.0)
