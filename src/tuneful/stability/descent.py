r"""Descent of the smoothed spectral abscissa in the inhibitory weights, one Schur form a step.

For cells with time constants tau_i (in units of a reference), dx/dt = T^-1 (W - 1) x is stable iff the abscissa of

    M = 1 + T^-1 (W - 1)

is below 1. M is W if all tau are 1, so that a target means the same in both cases: 1 minus the slowest rate of decay
of activity, in units of the reference. By the chain rule ds/dW = T^-1 (ds/dM).

The step is a partially adaptive descent with projected momentum [Chen et al. 2018, "Padam"; Polyak 1964]:

    v   = b v + (1 - b) g^2,          d = g (m / sqrt(v + m^2 / 100))^p,   m^2 = mean(v),
    W'  = project(W - rate d + momentum (W - W_before)).

p = 0 is plain momentum, p = 1 the rule of RMSprop. The published descent (p = 0, no momentum) takes 2,000 steps at
N = 200; large steps with p = 0 lead to less energetic circuits than it, and p = 1 to more non-normal ones, p near 0.7
to the same kind. Momentum acts on what was really moved, so that synapses held at zero do not gather speed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self, final

import numpy as np
from jaxtyping import Float, Int

from tuneful.descents import AbstractDescent, Ended, Ending, Outcome, Path
from tuneful.networks.linear_dynamics import effective_matrix
from tuneful.solvers.schur import SchurForm
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.stability.constraints import InhibitoryConstraints, NoConstraints, PublishedConstraints
from tuneful.stability.shifts import Margin, Smoothing


@dataclass(frozen=True)
class Step:
    """How one step is taken; see the equations at the top of this file.

    shift
        Where the gradient is taken.
    rate
        None for N r / 50, with r = sqrt(N) std(W) the radius of the spectrum of a random matrix with these entries:
        at N = 200 and r = 10, four times the published rate; the gradient has trace 1, so that its entries are of
        the order of 1 / N.
    momentum, adaptivity, memory
        momentum, p and b.
    """

    shift: Margin | Smoothing
    rate: float | None = None
    momentum: float = 0.9
    adaptivity: float = 0.7
    memory: float = 0.9

    def __post_init__(self) -> None:
        """Refuse settings without a descent."""
        if self.rate is not None and not 0 < self.rate < np.inf:
            raise ValueError(f"rate must be positive, not {self.rate}.")
        if not (0 <= self.momentum < 1 and 0 <= self.adaptivity <= 1):
            raise ValueError(
                f"momentum must be in [0, 1) and adaptivity in [0, 1], not {self.momentum} and {self.adaptivity}."
            )


@dataclass(frozen=True, eq=False)
class Problem:
    """What is fixed during a descent.

    weights
        (N, N); the inhibitory columns are replaced by those of the state.
    inhibitory
        Columns that learn, int.
    time_constants
        (N,), in units of the reference.
    target
        Abscissa to reach.
    constraints
        Brings inhibition back into the admissible set.
    step
        How the gradient is taken and used.
    rate
        The rate of the step, chosen.
    precision
        Of the Schur form, float32 or float64. Whether the target is reached is always decided in float64.
    """

    weights: Float[np.ndarray, "n n"]
    inhibitory: Int[np.ndarray, " inhibitory"]
    time_constants: Float[np.ndarray, " n"]
    target: float
    constraints: InhibitoryConstraints | PublishedConstraints | NoConstraints
    step: Step
    rate: float
    precision: type

    def start(self) -> Float[np.ndarray, "n inhibitory"]:
        """Inhibition before the first step: the network's own, brought into the admissible set."""
        return self.constraints.admit(self.weights[:, self.inhibitory])

    def circuit(self, inhibition: np.ndarray) -> np.ndarray:
        """The weight matrix with this inhibition."""
        weights = self.weights.copy()
        weights[:, self.inhibitory] = inhibition
        return weights

    def dynamics(self, inhibition: np.ndarray) -> np.ndarray:
        """M = 1 + T^-1 (W - 1)."""
        return effective_matrix(self.circuit(inhibition), self.time_constants)

    def evaluate(self, inhibition: np.ndarray) -> tuple[SchurForm, float]:
        """Schur form of M, and its abscissa."""
        dynamics = self.dynamics(inhibition)
        form = SchurForm.of(dynamics.astype(self.precision))
        is_decided = self.precision is np.float64 or form.abscissa > self.target
        return form, form.abscissa if is_decided else spectral_abscissa(dynamics)


@dataclass(frozen=True, eq=False)
class DescentState:
    """Where a descent stands: all that is needed to go on with the same bits.

    inhibition, before
        Inhibitory columns now and one step earlier.
    squares
        Running mean of the squared gradient.
    steps
        Steps taken.
    abscissae
        Abscissa after 0, 1, ... steps.
    best
        Inhibitory columns with the lowest abscissa so far.
    form
        Schur form of the dynamics, kept so that the next step need not compute it again; None in a state that was
        read from arrays.
    """

    inhibition: Float[np.ndarray, "n inhibitory"]
    before: Float[np.ndarray, "n inhibitory"]
    squares: Float[np.ndarray, "n inhibitory"]
    steps: int
    abscissae: Path
    best: Float[np.ndarray, "n inhibitory"]
    form: SchurForm | None = None

    def __repr__(self) -> str:
        return f"<DescentState of {self.inhibition.shape} inhibitory weights after {self.steps} steps>"

    @classmethod
    def start(cls, inhibition: Float[np.ndarray, "n inhibitory"]) -> Self:
        """The state before the first step, not evaluated yet."""
        return cls(inhibition, inhibition, np.zeros_like(inhibition), 0, Path.of(np.empty(0)), inhibition)

    @property
    def abscissa(self) -> float:
        """The abscissa now."""
        return float(self.abscissae.rows[-1])

    @property
    def steps_since_best(self) -> int:
        """How long ago the lowest abscissa was found."""
        return self.steps - int(np.argmin(self.abscissae.rows))

    def evaluated(self, problem: Problem) -> Self:
        """This state with the Schur form and the abscissa of its matrix."""
        form, abscissa = problem.evaluate(self.inhibition)
        abscissae = self.abscissae.until(self.steps).added(abscissa)
        is_best = int(np.argmin(abscissae.rows)) == self.steps
        return replace(self, abscissae=abscissae, best=self.inhibition if is_best else self.best, form=form)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything but the Schur form as plain arrays; see `from_arrays`."""
        return {name: np.asarray(getattr(self, name)) for name in _SAVED} | {"abscissae": self.abscissae.rows}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuild a state from `to_arrays`, bit for bit."""
        saved: dict[str, Any] = {name: np.asarray(arrays[name]) for name in _SAVED}
        return cls(**saved | {"steps": int(saved["steps"]), "abscissae": Path.of(saved["abscissae"])})


_SAVED = tuple(f.name for f in fields(DescentState) if f.name != "form")


class StabilityRecord(NamedTuple):
    """What is worth knowing about a step: the abscissa that it led to."""

    abscissa: float


@final
@dataclass(frozen=True, eq=False)
class StabilityDescent(AbstractDescent[DescentState, StabilityRecord]):
    """The descent of a problem's smoothed abscissa.

    problem
        What is fixed.
    max_steps, patience
        It ends after so many steps in all, or after so many without a lower abscissa.
    """

    problem: Problem
    max_steps: int
    patience: int

    def init(self) -> DescentState:
        return DescentState.start(self.problem.start()).evaluated(self.problem)

    def step(self, state: DescentState) -> tuple[DescentState, StabilityRecord]:
        if state.steps >= self.max_steps:
            raise Ended(Outcome.MAX_STEPS)
        if state.steps_since_best >= self.patience:
            raise Ended(Outcome.STALLED)
        try:
            moved = advance(self.problem, state)
        except ArithmeticError as error:
            raise Ended(Outcome.NO_GRADIENT) from error
        after = moved.evaluated(self.problem)
        return after, StabilityRecord(after.abscissa)

    def steps(self, state: DescentState) -> int:
        return state.steps

    def ending(self, state: DescentState) -> Ending | None:
        return Ending(Outcome.REACHED) if state.abscissa <= self.problem.target else None

    def pack(self, state: DescentState) -> dict[str, np.ndarray]:
        return state.to_arrays()

    def unpack(self, arrays: Mapping[str, np.ndarray]) -> DescentState:
        state, own = DescentState.from_arrays(arrays), self.problem.weights[:, self.problem.inhibitory]
        if state.inhibition.shape != own.shape:
            raise ValueError(f"state is of a network with other cells: {state.inhibition.shape} inhibitory weights.")
        return state.evaluated(self.problem)


def advance(problem: Problem, state: DescentState) -> DescentState:
    """Take one step from an evaluated state; an `ArithmeticError` if it has no gradient."""
    assert state.form is not None
    step, steps = problem.step, state.steps + 1
    gradient = step.shift.gradient(state.form, state.steps, problem.inhibitory).astype(np.float64)
    gradient /= problem.time_constants[:, None]
    squares = step.memory * state.squares + (1 - step.memory) * gradient**2
    level = squares.mean()
    if not np.isfinite(level):
        raise FloatingPointError("The gradient of the smoothed abscissa is not finite.")
    direction = gradient * (level / (squares + 0.01 * level)) ** (step.adaptivity / 2)
    moved = state.inhibition - state.before
    proposal = state.inhibition - problem.rate * direction + step.momentum * moved
    inhibition = problem.constraints.project(proposal, state.inhibition, steps)
    return replace(state, inhibition=inhibition, before=state.inhibition, squares=squares, steps=steps, form=None)
