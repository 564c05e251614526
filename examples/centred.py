"""An objective of one's own in one file: curves around the direction that a cell prefers, whichever that is.

tuneful fit examples/ring.py:Ring --objective examples/centred.py:Centred --data examples/tables/directions.csv
"""

from typing import ClassVar, final

import jax.numpy as jnp
from jax import Array

from tuneful.objectives import AbstractObjective, Generated, Measured


def centred(rates: Array) -> Array:
    """Curves (cells, directions) turned so that the largest rate comes first; directions must be evenly spaced."""
    around = jnp.arange(rates.shape[1]) + rates.argmax(axis=1)[:, None]
    return jnp.take_along_axis(rates, around % rates.shape[1], axis=1)


@final
class Centred(AbstractObjective):
    """Mean over distances from the preferred direction of (m - m')^2 + (s - s')^2, in units of the largest mean.

    m and s are mean and root mean square of the centred curves, of generated and of measured ones. It is blind to
    which directions are preferred, and takes complete curves only.
    """

    label: ClassVar[str] = "centred"

    def init(self, key, data: Measured) -> Array:
        """What the data alone decide: their means and root mean squares, (2, directions)."""
        if not data.observed.all():
            raise ValueError("centred curves must be complete: leave out units with missing directions")
        curves = centred(data.rates)
        return jnp.stack([data.mean(curves), jnp.sqrt(data.mean(curves**2))])

    def loss(self, generated: Generated, state: Array, data: Measured, key) -> Array:
        """How far generated curves are; those of rejected realisations have weight zero."""
        curves, weight = centred(generated.rates), generated.weight[:, None] / generated.weight.sum()
        found = jnp.stack([(weight * curves).sum(0), jnp.sqrt((weight * curves**2).sum(0))])
        return jnp.mean(((found - state) / state[0, 0]) ** 2)
