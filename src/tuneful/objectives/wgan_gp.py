"""Wasserstein GAN with gradient penalty: a critic learns where generated and measured curves differ."""

import itertools
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.circuits.keys import Key, as_key
from tuneful.objectives.base import AbstractObjective, Draw, Generated, Measured, weighted_mean
from tuneful.objectives.feature_map import FeatureMap, Relative
from tuneful.objectives.network_inputs import network_input

Layers = list[tuple[Float[Array, "_ _"], Float[Array, " _"]]]  # (weight, bias) of every layer of the critic


def draw_critic(key: PRNGKeyArray, sizes: tuple[int, ...]) -> Layers:
    """Draw weights uniform on +-0.0096 and biases from N(0, 0.01) [Arakaki et al. 2017]."""
    shapes = list(itertools.pairwise(sizes))
    keys = jax.random.split(key, (len(shapes), 2))
    return [
        (jax.random.uniform(k[0], s, minval=-0.0096, maxval=0.0096), 0.01 * jax.random.normal(k[1], s[1:]))
        for k, s in zip(keys, shapes, strict=True)
    ]


def criticise(layers: Layers, x: Float[Array, " inputs"]) -> Float[Array, ""]:
    """D(x): score one curve by a dense rectified network without normalisation; a scalar."""
    for weight, bias in layers[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = layers[-1]
    return (x @ weight + bias)[0]


class CriticState(eqx.Module):
    """The critic, the state of its optimiser, and what the data alone decide: how curves of each label are seen."""

    critic: Layers
    moments: optax.OptState
    feature_maps: tuple[FeatureMap, ...]


class Side(eqx.Module):
    """The measured units of one label, how curves are seen beside them, and what the critic is told of the label."""

    data: Measured
    feature_map: FeatureMap
    label: tuple[float, ...] = eqx.field(static=True, default=())


@final
class WassersteinGAN(AbstractObjective):
    r"""WGAN-GP, Algorithm 1 of Arakaki et al. 2017 after Gulrajani et al. 2017.

    The critic D minimises  <D(G(z))> - <D(x)> + penalty <(|grad D(e x + (1 - e) G(z))| - 1)^2>,  e uniform on [0, 1],
    n_critic steps with fresh curves for every step of the generator, which minimises  -<D(G(z))>.

    A generated curve is seen through the missing conditions of a measured unit drawn at random, in the critic's steps
    that of its partner x, so that both sides miss the same conditions alike; where any condition is missing, the
    critic is also told which.

    Of units with labels, such as cell types, the critic is told which label a curve has, a 1 at its place among zeros
    [the conditional WGAN of Arakaki et al. 2019]: one critic learns from the curves of all labels, each seen on its
    own scale, and both losses are the weighted sums over labels.

    Defaults are those of the paper's motor-cortex experiment.

    Parameters
    ----------
    whiten, ridge, log_above, relative
        They change what the critic is shown (see `FeatureMap`); in the paper, plain Hz.
    critic_rate, b1, b2
        Of the critic's Adam.
    n_critic
        Its steps for one of the generator.
    penalty
        Of slopes other than one.
    hidden
        Sizes of its hidden layers.
    """

    label: ClassVar[str] = "wgan-gp"
    learns: ClassVar[bool] = True
    tells_labels: ClassVar[bool] = True

    whiten: bool = eqx.field(static=True, default=False)
    ridge: float = eqx.field(static=True, default=1e-3)
    log_above: float | None = eqx.field(static=True, default=None)
    relative: Relative | None = eqx.field(static=True, default=None)
    critic_rate: float = eqx.field(static=True, default=0.001)
    b1: float = eqx.field(static=True, default=0.5)
    b2: float = eqx.field(static=True, default=0.9)
    n_critic: int = eqx.field(static=True, default=5)
    penalty: float = eqx.field(static=True, default=10.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(128, 128))

    def init(self, key: Key, data: Measured) -> CriticState:
        conditions = data.rates.shape[1]
        inputs = conditions if bool(data.observed.all()) else 2 * conditions
        labels = len(data.counts) if len(data.counts) > 1 else 0
        critic = draw_critic(as_key(key), (inputs + labels, *self.hidden, 1))
        how = self.whiten, self.ridge, False, self.log_above, self.relative
        seen = (FeatureMap.of(part, *how) for part in data.parts)
        return CriticState(critic, self._critic_optimiser().init(critic), tuple(seen))

    def update(self, state: CriticState, generate: Draw, data: Measured, key: Key) -> CriticState:
        def critic_step(carry: tuple[Any, Any], fresh: tuple[Generated, Array]) -> tuple[tuple[Any, Any], None]:
            critic, moments = carry
            gradient = jax.grad(self._critic_loss)(critic, state.feature_maps, fresh[0], data, fresh[1])
            with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
                change, moments = self._critic_optimiser().update(gradient, moments)
            return (optax.apply_updates(critic, change), moments), None

        draw, *keys = jax.random.split(as_key(key), 1 + self.n_critic)
        batches = generate(draw, self.n_critic)  # at once: the circuit stands still while the critic learns
        (critic, moments), _ = jax.lax.scan(critic_step, (state.critic, state.moments), (batches, jnp.stack(keys)))
        return CriticState(critic, moments, state.feature_maps)

    def loss(self, generated: Generated, state: CriticState, data: Measured, key: Key) -> Float[Array, ""]:
        def of_label(side: Side, own: Generated) -> Array:
            units = _drawn_units(as_key(key), own.weight.shape, side.data)
            seen = self._see(side.feature_map.levelled(own), units, side, state.critic)
            return -weighted_mean(jax.vmap(criticise, (None, 0))(state.critic, seen), own.weight)

        return _over_labels(of_label, generated, data, state.feature_maps)

    def _critic_optimiser(self) -> optax.GradientTransformation:
        return optax.adam(self.critic_rate, b1=self.b1, b2=self.b2)

    def _critic_loss(
        self, critic: Layers, feature_maps: tuple[FeatureMap, ...], generated: Generated, data: Measured, key: Array
    ) -> Array:
        def of_label(side: Side, own: Generated) -> Array:
            return self._critic_loss_of(critic, side, own, key)

        return _over_labels(of_label, generated, data, feature_maps)

    def _critic_loss_of(self, critic: Layers, side: Side, generated: Generated, key: Array) -> Array:
        pick, mix = jax.random.split(key)
        units = _drawn_units(pick, generated.weight.shape, side.data)
        fake = self._see(side.feature_map.levelled(generated), units, side, critic)
        real = self._see(side.data.rates[units], units, side, critic)
        e = jax.random.uniform(mix, (len(units), 1))
        slope = jax.vmap(jax.grad(criticise, argnums=1), (None, 0))(critic, e * real + (1 - e) * fake)
        # Slopes in the mask and in the label are not slopes in a curve; they are the same at both ends.
        norm = jnp.sqrt(jnp.sum(slope[:, : generated.rates.shape[1]] ** 2, axis=1) + jnp.finfo(slope.dtype).tiny)
        score = jax.vmap(criticise, (None, 0))
        terms = score(critic, fake) - score(critic, real) + self.penalty * (norm - 1) ** 2
        return weighted_mean(terms, generated.weight)

    def _see(self, rates: Array, units: Array, side: Side, critic: Layers) -> Array:
        """What the critic is shown of each curve, through the missing conditions of `units`."""
        tells_missing = critic[0][0].shape[0] - len(side.label) > rates.shape[1]
        about = {"whiten": self.whiten, "tells_missing": tells_missing, "label": side.label}
        return network_input(rates, units, side.data, side.feature_map, **about)


def _drawn_units(key: Array, shape: tuple[int, ...], data: Measured) -> Array:
    """Numbers of units drawn at random, each as often as it stands for."""
    if data.unit_weights is None:
        return jax.random.randint(key, shape, 0, len(data.rates))
    return jax.random.choice(key, len(data.rates), shape, p=data.unit_weights / data.unit_weights.sum())


def _over_labels(
    of_label: Callable[[Side, Generated], Array], generated: Generated, data: Measured, seen: tuple[FeatureMap, ...]
) -> Array:
    """The weighted sum over labels; the thing itself where there are none."""
    if not data.counts:
        return of_label(Side(data, seen[0]), generated)
    several = len(data.counts) if len(data.counts) > 1 else 0
    parts = [
        weight
        * of_label(Side(part, seen[i], tuple(np.eye(several)[i].tolist()) if several else ()), generated.of_label(i))
        for i, (weight, part) in enumerate(zip(data.weights, data.parts, strict=True))
        if weight
    ]
    return reduce(operator.add, parts)
