"""How the steps of a stochastic descent are taken."""

import dataclasses

import equinox as eqx
import optax

from tuneful.fitting.clipping import clip_to_running_norm


class Steps(eqx.Module):
    """Adam on batches of generated curves, with what keeps it from running away.

    Parameters
    ----------
    batch
        Generated curves a step.
    learning_rate, b1, b2
        Of Adam [Kingma & Ba 2015], on the unconstrained parameters.
    clip
        Limit on gradients, as a multiple of their running norm (`clip_to_running_norm`); None: no limit.
    half_life
        After so many steps their length has halved; None: never.
    max_lost
        A step is not taken if more than this fraction of its realisations does not settle, or settles in saturation,
        where there is no gradient to lead out.
    """

    batch: int = eqx.field(static=True, default=64)
    learning_rate: float = eqx.field(static=True, default=0.03)
    b1: float = eqx.field(static=True, default=0.9)
    b2: float = eqx.field(static=True, default=0.99)
    clip: float | None = eqx.field(static=True, default=None)
    half_life: float | None = eqx.field(static=True, default=None)
    max_lost: float = eqx.field(static=True, default=0.5)

    @classmethod
    def names(cls) -> list[str]:
        """Names of all settings."""
        return [field.name for field in dataclasses.fields(cls)]

    def optimiser(self) -> optax.GradientTransformation:
        """Adam, behind the limit on gradients."""
        adam = optax.adam(self.learning_rate, b1=self.b1, b2=self.b2)
        return adam if self.clip is None else optax.chain(clip_to_running_norm(self.clip), adam)
