r"""The score of a circuit that has no likelihood, learned from simulations around a point.

Each realisation has its own parameters, eta ~ N(eta_0, s^2 1). A network m that is trained to tell eta from a curve
by squared error approximates E[eta | x], and u = (m(x) - eta_0) / s^2 the score of the s-smoothed model at eta_0
(Stein's identity; [Brehmer et al. 2018]). Three of five realisations train the network, some more end the training,
and the rest, which it never saw, tells what it knows (`ScoreMoments`). Half as many as all are drawn at eta_0 itself,
where the mean of u is not zero: the smoothed model is not the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from tuneful.circuits.ensemble import CHUNK
from tuneful.circuits.keys import Key, as_key
from tuneful.descents import AbstractDescent, Ended, Ending, Keeper, Observer, Outcome, end_of
from tuneful.errors import UserError
from tuneful.fitting.realisations import answers_around
from tuneful.fitting.score_inputs import ScoreInputs
from tuneful.fitting.score_moments import BLOCKS, ScoreMoments
from tuneful.fitting.score_training import Regression, epoch, outputs
from tuneful.fitting.unconstrained import by_name, unconstrained_values

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Bool, Float, Int

    from tuneful.circuits import AbstractCircuit
    from tuneful.fitting.problem import Problem

AT_ONCE = 20 * CHUNK  # realisations of a step
AROUND, THERE, MASKS, NETWORK, EPOCHS = range(5)  # streams of random numbers
PARTS = np.repeat([0, 1, 2], [12, 3, 5])  # of 20 realisations: to train, to end the training, to tell
TRAIN, END, TELL = range(3)
SETTLED = 0.25  # of realisations, at least
FEWEST = 100  # realisations


@dataclass(frozen=True)
class ScorePlan:
    """How a score is learned.

    spread
        s, in unconstrained parameters: smaller ones tell what curves say at eta_0 itself, but little at a time.
    realisations
        With parameters of their own; half as many are drawn at eta_0.
    hidden
        Layers and width of the network.
    rate, batch, epochs
        Of its training: Adam, curves a step, and epochs at most.

    Raises
    ------
    UserError
        For a spread that is not positive, and fewer than 100 realisations.
    """

    spread: float = 0.2
    realisations: int = 4000
    hidden: tuple[int, int] = (3, 128)
    rate: float = 1e-3
    batch: int = 256
    epochs: int = 200

    def __post_init__(self):
        if not 0 < self.spread < np.inf or self.realisations < FEWEST:
            raise UserError(
                f"A score is learned from at least {FEWEST} realisations, whose parameters scatter by a positive "
                f"spread, and not from {self.realisations} with {self.spread}."
            )


@dataclass(frozen=True, eq=False)
class Drawn:
    """Realisations so far: rates, which settled, and their parameters, (eta - eta_0) / s."""

    rates: Float[np.ndarray, "realisations cells conditions"]
    usable: Bool[np.ndarray, " realisations"]
    z: Float[np.ndarray, "realisations n"]

    def __len__(self) -> int:
        return len(self.rates)

    def added(self, more: Drawn) -> Drawn:
        """These and more."""
        rates, usable = np.concatenate([self.rates, more.rates]), np.concatenate([self.usable, more.usable])
        return Drawn(rates, usable, np.concatenate([self.z, more.z]))

    @property
    def lost(self) -> float:
        """The fraction that did not settle, or saturated."""
        return float(1 - self.usable.mean())


@dataclass(frozen=True, eq=False)
class ScoreState:
    """Where the learning of a score stands: realisations around eta_0, those there, and the network."""

    around: Drawn
    there: Drawn
    regression: Regression


@dataclass(frozen=True, eq=False)
class LearnedScore:
    """A score around a point of n unconstrained parameters, and what it says, label by label.

    centre
        eta_0.
    plan
        How it was learned.
    moments
        Of each label (one where all units are alike).
    shares
        The part of the units that each label has.
    lost
        Fraction of the realisations around eta_0 that did not settle, or saturated. They are left out: the score is
        that of curves of networks that settle, and says nothing of how likely that is.
    explained
        Share of the variance of the drawn parameters that the network explains.
    """

    centre: Float[np.ndarray, " n"]
    plan: ScorePlan
    moments: tuple[ScoreMoments, ...]
    shares: tuple[float, ...]
    lost: float
    explained: float
    _inputs: ScoreInputs
    _network: eqx.nn.MLP

    def of_curves(self, rates: Array, units: Array, label: int = 0) -> Float[np.ndarray, "curves n"]:
        """Scores of curves seen through the missing conditions of measured units, of a label."""
        return self.of_inputs(self._inputs.of_curves(rates, units, label))

    def of_inputs(self, inputs: Any) -> Float[np.ndarray, "curves n"]:
        """Scores of curves as the network is shown them: (m(x) - eta_0) / s^2."""
        return _scores(self._network, inputs, self.plan.spread)

    @cached_property
    def information(self) -> Float[np.ndarray, "n n"]:
        """What a curve says: G^T V^-1 G, a mean over labels, without what sampling adds to it (jackknife).

        Directions of which curves say nothing may come out slightly negative.
        """
        return BLOCKS * self.sensitivity - (BLOCKS - 1) * self._replicates.mean(axis=0)

    @cached_property
    def information_error(self) -> Float[np.ndarray, "n n"]:
        """Standard errors of all entries of the information."""
        return _jackknife_error(self._replicates)

    @cached_property
    def eigenvalues(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Eigenvalues of the information, the largest first, and standard errors of what it is along these axes."""
        values, axes = np.linalg.eigh(self.information)
        along = np.einsum("ia,rij,ja->ra", axes, self._replicates, axes)
        return values[::-1], _jackknife_error(along)[::-1]

    @property
    def sensitivity(self) -> Float[np.ndarray, "n n"]:
        """G^T V^-1 G averaged over labels (`ScoreMoments.sensitivity`): positive, and too large by sampling."""
        return self._shared(self.moments, "sensitivity")

    @property
    def smoothed(self) -> Float[np.ndarray, "n n"]:
        """The information of the smoothed model (`ScoreMoments.smoothed`)."""
        return self._shared(self.moments, "smoothed")

    @cached_property
    def _replicates(self) -> Float[np.ndarray, "blocks n n"]:
        """The sensitivity without one block of realisations after the other."""
        each = zip(*(moments.replicates for moments in self.moments), strict=True)
        return np.stack([self._shared(parts, "sensitivity") for parts in each])

    def _shared(self, parts: Iterable[ScoreMoments], what: str) -> np.ndarray:
        return np.sum([share * getattr(part, what) for share, part in zip(self.shares, parts, strict=True)], axis=0)


def learned_score(
    problem: Problem,
    circuit: AbstractCircuit,
    plan: ScorePlan,
    key: Key,
    *,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> LearnedScore:
    """Learn the score of the fitted parameters around a circuit, and what measured curves can say of them.

    Parameters
    ----------
    problem
        Of a fit: which parameters, which measured units (for their missing conditions and their scale), what is
        compared with what.
    circuit
        At the point of interest, such as the answer of the fit.
    plan
        How it is learned.
    key
        A random key, or a seed.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    UserError
        Where most realisations around the circuit do not settle, and for an objective that compares what one curve
        does not show.
    KeyboardInterrupt
        If an observer asked to stop.

    >>> from tuneful.analysis import learned_score, standard_errors
    >>> score = learned_score(fit.task_.problem, fit.circuit_, ScorePlan(), key=0)  # doctest: +SKIP
    >>> standard_errors(score.information, curves=600)  # doctest: +SKIP
    array([0.012, 0.034, 0.21])
    """
    descent = ScoreDescent(problem, unconstrained_values(circuit, problem.fitted), plan, as_key(key))
    return descent.score(end_of(descent, keeper=keeper, observers=observers))


@final
class ScoreDescent(AbstractDescent[ScoreState, str]):
    """Some hundred realisations a step, then an epoch of training a step; the record of a step says how far it is.

    Parameters
    ----------
    problem
        Its circuit, its measured units (for what is missing of them, and for how curves are looked at) and labels.
    centre
        Unconstrained parameters by name, eta_0.
    plan
        How the score is learned.
    key
        Decides all random numbers.
    """

    def __init__(self, problem: Problem, centre: dict[str, Array], plan: ScorePlan, key: Array):
        self._problem, self._centre, self.plan, self._key = problem, centre, plan, key
        self.inputs = ScoreInputs.of(problem)
        flat, _ = ravel_pytree(centre)
        self.point = np.asarray(flat, float)
        self._table: tuple[Array, Array, tuple[Array, Array]] | None = None

    def init(self) -> ScoreState:
        """Nothing drawn yet, and a network as it is drawn."""
        n, circuit = len(self.point), self._problem.circuit
        shape = 0, circuit.cells_per_realisation, self._problem.data.rates.shape[1]
        none = Drawn(np.zeros(shape, np.float32), np.zeros(0, bool), np.zeros((0, n), np.float32))
        network = Regression.start(self._stream(NETWORK), self.inputs.size, n, self.plan.hidden)
        return ScoreState(none, none, network)

    def step(self, state: ScoreState) -> tuple[ScoreState, str]:
        """Draw around eta_0, then there, then train."""
        wanted = self.plan.realisations
        if len(state.around) < wanted:
            now = replace(state, around=self.drawn(state.around, AROUND, self.plan.spread, wanted))
            if 1 - now.around.lost < SETTLED:
                raise Ended(
                    Outcome.LOST,
                    f"{now.around.lost:.0%} of the realisations around the answer do not settle, or saturate: there "
                    "is no score to learn. Take a smaller spread.",
                )
            return now, f"realisations around the answer: {len(now.around):,} of {wanted:,}"
        if len(state.there) < wanted // 2:
            now = replace(state, there=self.drawn(state.there, THERE, 0.0, wanted // 2))
            return now, f"realisations at the answer: {len(now.there):,} of {wanted // 2:,}"
        key = jax.random.fold_in(self._stream(EPOCHS), int(state.regression.epochs))
        inputs, targets, held_out = self._training(state)
        trained = epoch(state.regression, inputs, targets, held_out, key, self.plan.rate, self.plan.batch)
        said = f"epoch {int(trained.epochs)}: {trained.explained:.3g} of the variance of the parameters is explained"
        return replace(state, regression=trained), said

    def steps(self, state: ScoreState) -> int:
        return -(-len(state.around) // AT_ONCE) + -(-len(state.there) // AT_ONCE) + int(state.regression.epochs)

    def ending(self, state: ScoreState) -> Ending | None:
        if state.regression.has_ended:
            return Ending(Outcome.REACHED, "the error on held-out realisations falls no more")
        if int(state.regression.epochs) >= self.plan.epochs:
            return Ending(Outcome.MAX_STEPS, f"reached the maximum of {self.plan.epochs} epochs")
        return None

    def pack(self, state: ScoreState) -> Any:
        drawn = [(d.rates, d.usable, d.z) for d in (state.around, state.there)]
        return drawn, jax.tree.map(np.asarray, eqx.filter(state.regression, eqx.is_array))

    def unpack(self, arrays: Any) -> ScoreState:
        drawn, regression = arrays
        static = eqx.filter(self.init().regression, eqx.is_array, inverse=True)
        around, there = (Drawn(np.asarray(r), np.asarray(u), np.asarray(z)) for r, u, z in drawn)
        return ScoreState(around, there, eqx.combine(jax.tree.map(jnp.asarray, regression), static))

    def drawn(
        self, before: Drawn, stream: int, spread: float, wanted: int, centre: dict[str, Array] | None = None
    ) -> Drawn:
        """Some more realisations, so many at most, with parameters that scatter by `spread` around eta_0."""
        about = self._problem.realiser, centre or self._centre, spread, self._stream(stream)
        found, z = answers_around(*about, min(AT_ONCE, wanted - len(before)), len(before))
        usable = found.usable
        return before.added(Drawn(np.where(usable[:, None, None], found.rates, 0).astype(np.float32), usable, z))

    def drawn_at(self, point: Float[np.ndarray, " n"]) -> Drawn:
        """Realisations at another point, with the random numbers of those at eta_0; no more where most are lost."""
        wanted, found, centre = self.plan.realisations // 2, self.init().there, self.at(point)
        while len(found) < wanted and not (len(found) and found.lost > self._problem.steps.max_lost):
            found = self.drawn(found, THERE, 0.0, wanted, centre)
        return found

    def at(self, point: Float[np.ndarray, " n"]) -> dict[str, Array]:
        """Unconstrained parameters by name."""
        return by_name(point, self._centre)

    def mean_of(self, score: LearnedScore, drawn: Drawn, label: int) -> Float[np.ndarray, " n"]:
        """The mean score of realisations."""
        return score.of_inputs(self._curves(drawn, label).inputs).mean(axis=0)

    def score(self, state: ScoreState) -> LearnedScore:
        """What was learned.

        Raises
        ------
        UserError
            If too few realisations settle, of any label, to tell anything of it.
        """
        plan, network = self.plan, state.regression.best
        units = [len(part.rates) for part in self._problem.data.parts]
        moments = []
        for label in range(len(units)):
            here, there = (self._curves(drawn, label) for drawn in (state.around, state.there))
            told = PARTS[here.numbers % len(PARTS)] == TELL
            if told.sum() <= len(self.point) or len(there.numbers) <= len(self.point):
                raise UserError("Too few realisations settle to learn a score from: ask for more of them.")
            numbers = here.numbers[told]
            shifts, blocks = plan.spread * state.around.z[numbers].astype(float), numbers // len(PARTS) % BLOCKS
            scores, scores_there = (_scores(network, x, plan.spread) for x in (here.inputs[told], there.inputs))
            moments.append(ScoreMoments.of(scores, shifts, blocks, scores_there, there.numbers % BLOCKS))
        shares = tuple(n / sum(units) for n in units)
        lost, explained = state.around.lost, state.regression.explained
        return LearnedScore(self.point, plan, tuple(moments), shares, lost, explained, self.inputs, network)

    def _training(self, state: ScoreState) -> tuple[Array, Array, tuple[Array, Array]]:
        """Inputs and targets to train with, and those that end the training; made once, as draws stay."""
        if self._table is None:
            parts = [self._curves(state.around, label) for label in range(len(self._problem.data.parts))]
            numbers = np.concatenate([part.numbers for part in parts])
            inputs = np.concatenate([part.inputs for part in parts])
            targets, of = state.around.z[numbers], PARTS[numbers % len(PARTS)]
            train, end = ((jnp.asarray(inputs[of == p]), jnp.asarray(targets[of == p])) for p in (TRAIN, END))
            self._table = *train, end
        return self._table

    def _curves(self, drawn: Drawn, label: int) -> _Curves:
        """All usable curves of a label, each through the missing conditions of a unit."""
        cells = self.inputs.cells(label, drawn.rates.shape[1])
        numbers = np.repeat(np.flatnonzero(drawn.usable), len(cells))
        rates = drawn.rates[drawn.usable][:, cells].reshape(len(numbers), -1)
        units = self.inputs.dealt(label, len(numbers), self._stream(MASKS))
        return _Curves(np.asarray(self.inputs.of_curves(jnp.asarray(rates), units, label)), numbers)

    def _stream(self, number: int) -> Array:
        return jax.random.fold_in(self._key, number)


@dataclass(frozen=True, eq=False)
class _Curves:
    """Inputs of curves, and the numbers of their realisations."""

    inputs: Float[np.ndarray, "curves inputs"]
    numbers: Int[np.ndarray, " curves"]


def _scores(network: eqx.nn.MLP, inputs: Any, spread: float) -> Float[np.ndarray, "curves n"]:
    """(m(x) - eta_0) / s^2, of a network that tells (eta - eta_0) / s."""
    return np.asarray(outputs(network, jnp.asarray(inputs)), float) / spread


def _jackknife_error(replicates: np.ndarray) -> np.ndarray:
    """Standard error of what has these values without one block after the other, the first axis."""
    return np.sqrt((BLOCKS - 1) * replicates.var(axis=0))
