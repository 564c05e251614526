"""The objective contract: how far a sample of generated curves is from the measured ones."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from tuneful.circuits.base import Response


class Measured(eqx.Module):
    """Measured curves as arrays: unmeasured entries are told by the mask, never by a value.

    rates
        Hz; 0 where not measured, and never looked at there.
    observed
        True where measured.
    counts
        So many units are of each label, one label after the other; empty where all are alike.
    weights
        What each label counts in a distance, in all 1.
    unit_weights
        So many units each of them stands for; by default one. In distances, they weigh the data and nothing else: how
        curves are looked at, landmarks and scales are made of the units as they are.
    """

    rates: Float[Array, "units conditions"]
    observed: Bool[Array, "units conditions"]
    counts: tuple[int, ...] = eqx.field(static=True, default=())
    weights: tuple[float, ...] = eqx.field(static=True, default=())
    unit_weights: Float[Array, " units"] | None = None

    @classmethod
    def from_rates(
        cls, rates: ArrayLike | Sequence, labels: ArrayLike | Sequence | None = None, weights: Sequence[float] = ()
    ) -> "Measured":
        """Take rates of shape (units, conditions) with NaN where nothing was measured.

        With `labels`, the number of each unit's label, units are sorted by them.

        >>> Measured.from_rates([[1.0, float("nan")]]).observed.tolist()
        [[True, False]]
        """
        array, counts = np.asarray(rates), ()
        if labels is not None:
            array = array[np.argsort(labels, kind="stable")]
            counts = tuple(np.bincount(labels).tolist())
        observed = np.isfinite(array)
        filled = jnp.asarray(np.where(observed, array, 0.0), jnp.result_type(float))
        return cls(filled, jnp.asarray(observed), counts, tuple(weights))

    @property
    def parts(self) -> "list[Measured]":
        """The units of each label; all of them where they are alike."""
        ends = np.cumsum(self.counts or (len(self.rates),)).tolist()
        rows = [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
        each = self.unit_weights
        return [
            Measured(self.rates[one], self.observed[one], unit_weights=None if each is None else each[one])
            for one in rows
        ]

    def reweighted(self, unit_weights: ArrayLike) -> "Measured":
        """The same units, each standing for so many, (units,)."""
        return dataclasses.replace(self, unit_weights=jnp.asarray(unit_weights, self.rates.dtype))

    def mean(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """Mean over units, the first axis, each as often as it stands for."""
        if self.unit_weights is None:
            return values.mean(axis=0)
        return jnp.tensordot(self.unit_weights, values, 1) / jnp.sum(self.unit_weights)


class Generated(eqx.Module):
    """Curves of a model, complete in every condition. Those of rejected realisations weigh nothing.

    rates
        Hz.
    weight
        1 if accepted, 0 if rejected.
    n_cells
        So many successive curves are of one realisation.
    labels
        The number of the label of each of these cells, -1 for one that is not compared; empty where all are alike.
    """

    rates: Float[Array, "*batches curves conditions"]
    weight: Float[Array, "*batches curves"]
    n_cells: int = eqx.field(static=True, default=1)
    labels: tuple[int, ...] = eqx.field(static=True, default=())

    @classmethod
    def from_response(cls, response: Response, labels: tuple[int, ...] = ()) -> "Generated":
        """Take the recorded cells of a batch of realisations, whatever happened to them."""
        accepted = response.accepted
        curves = jnp.where(accepted[:, None], response.curves, 0.0)
        return cls(curves, accepted.astype(response.rates.dtype), response.rates.shape[-2], labels)

    def rows(self, label: int) -> Int[np.ndarray, " some"]:
        """Which curves are of a label; all of them where they are alike."""
        curves = np.arange(self.rates.shape[-2]).reshape(-1, self.n_cells)
        return (curves[:, np.array(self.labels) == label] if self.labels else curves).ravel()

    def of_label(self, label: int) -> "Generated":
        """The curves of a label: realisations have fewer cells then."""
        rows, n_cells = self.rows(label), self.labels.count(label) or self.n_cells
        return Generated(self.rates[..., rows, :], self.weight[..., rows], n_cells)

    @property
    def realisation_weight(self) -> Float[Array, " realisations"]:
        """The weight of each realisation, which all of its cells have; of one batch."""
        return self.weight.reshape(-1, self.n_cells)[:, 0]


Draw = Callable[[Array, int], Generated]  # (key, n) -> n batches of fresh curves, with a leading axis
GenerateOnce = Callable[[], Generated]
SHARPENED = 4  # times, as from sample to sample of a refinement: weights are then damped as little as they may be


def weighted_mean(values: Float[Array, "*shape"], weight: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Mean of `values` under `weight`; zero if everything was rejected."""
    return jnp.sum(values * weight) / jnp.maximum(jnp.sum(weight), jnp.finfo(weight.dtype).tiny)


class Sampling(eqx.Module):
    """What the sampling of measured units does to the minimum of a loss along n tangents.

    curvature
        Of the loss where model and data agree, without what sampled derivatives add to it: it may have directions of
        none, and by chance of a negative one.
    noise
        Covariance of the slopes of the loss between sets of as many measured units.
    """

    curvature: Float[Array, "n n"]
    noise: Float[Array, "n n"]


class AbstractObjective(eqx.Module):
    """What a fit minimises: a distance between the generated curves and the measured ones.

    It says what is compared. How the distance is made small (curves a step, optimiser, rates, schedule, refinement)
    are settings of the fit. Objectives without a critic keep whatever `init` made; one loop serves them all. Where
    units have labels, it is asked once a label, about the curves of that label only (`PerLabel`), unless it
    `tells_labels` apart.

    label
        The short name used by the command line and in files.
    learns
        Whether `update` changes the state from step to step, as that of a critic: there is then no one loss that a
        refinement could minimise.
    compares_pairs
        Whether generated curves are compared with each other, all with all: one realisation is then not enough.
    weighs_units
        Whether labels, such as cell types, are to count as their numbers of units: where each unit adds what it says
        of the parameters. Otherwise each label counts the same.
    tells_labels
        Whether it is asked about the curves of all labels at once, and compares like with like by itself
        (`Measured.parts`, `Generated.of_label`).
    """

    label: ClassVar[str]
    learns: ClassVar[bool] = False
    compares_pairs: ClassVar[bool] = False
    weighs_units: ClassVar[bool] = False
    tells_labels: ClassVar[bool] = False

    @abstractmethod
    def init(self, key: PRNGKeyArray, data: Measured) -> Any:
        """Make the state: a PyTree of arrays."""

    def update(self, state: Any, generate: Draw, data: Measured, key: PRNGKeyArray) -> Any:
        """Improve the state before a step of the circuit, with as many fresh batches of curves as it takes.

        By default it stays as it is: there is no critic.
        """
        del generate, data, key
        return state

    @abstractmethod
    def loss(self, generated: Generated, state: Any, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Compute the distance, differentiable in `generated.rates`.

        Curves of weight 0 and entries that were not measured must not count, whatever is written there.
        """

    def sharpened(self, state: Any, generate: GenerateOnce, data: Measured) -> Any:
        """Return the state for the next, larger sample of a refinement, given curves of the best circuit so far.

        By default the same: a distance that is good near the minimum and far from it need not change on the way.
        """
        del generate, data
        return state

    def careful(self, state: Any) -> Any | None:
        """Return the state after a step on which networks were lost: with a metric that holds the next ones back.

        None, as by default, if there is none.
        """
        del state

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        """Compute how the loss curves along tangents of the generated curves.

        By default its second derivative in the curves, without what comes from their own curvature; one that is not
        positive where the loss bends down.

        Parameters
        ----------
        generated, state, data, key
            As in `loss`.
        tangents
            Derivatives of the curves in n parameters; 0 for curves of weight 0.
        """

        def slopes(rates: Array) -> Array:
            return jax.grad(lambda r: self.loss(dataclasses.replace(generated, rates=r), state, data, key))(rates)

        def bent(tangent: Array) -> Array:
            return jax.jvp(slopes, (generated.rates,), (tangent,))[1]

        along = [bent(tangents[..., i]) for i in range(tangents.shape[-1])]
        curvature = jnp.einsum("ajk,jkb->ab", jnp.stack(along), tangents)
        return (curvature + curvature.T) / 2

    def sampling(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: Any,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Sampling | None:
        """Compute how well the measured units fix the minimum, arguments as in `metric`; None: not known."""
        del generated, tangents, state, data, key
        return None


def sharpest(objective: Any, state: Any, generate: GenerateOnce, data: Measured) -> Any:
    """Return the state at the end of a refinement, of an objective or of one label by label, for the same curves."""
    for _ in range(SHARPENED):
        state = objective.sharpened(state, generate, data)
    return state
