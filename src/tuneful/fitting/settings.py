"""The settings of a fit: how long, how its steps are taken, and what is reported of it."""

from typing import Any

from pydantic import Field, field_validator

from tuneful.circuits.ensemble import Schedule
from tuneful.fitting.refinement import Refining
from tuneful.fitting.steps import Steps
from tuneful.fitting.stopping import Stopping
from tuneful.settings import Section

# How each objective is best descended, where nobody says; one that is not named here goes like the energy distance.
BEST_STEPS: dict[str, dict[str, Any]] = {
    "energy": {"batch": 64, "learning_rate": 0.03, "b1": 0.9, "b2": 0.99},
    "wgan-gp": {"batch": 30, "learning_rate": 0.001, "b1": 0.5, "b2": 0.9},  # [Arakaki et al. 2017], motor cortex
}
# What is for an objective to suggest, and what another objective does not inherit.
HOW = (
    "batch", "learning_rate", "b1", "b2", "half_life", "refine_steps", "refine_batch", "refine_first", "starts",
    "start_spread",
)  # fmt: skip
# What may differ when a run is gone on with: where it ends, and what is reported of it.
LIMITS = ("max_steps", "refine_steps")
REPORTING = (
    "evaluate_every", "evaluation_curves", "final_curves", "prediction_curves", "predict", "stability",
    "checkpoint_every", "page",
)  # fmt: skip


class FitSettings(Section):
    """How a fit is run; see `tuneful.fitting.stopping` for the rule of convergence."""

    held_out: float = Field(default=0.5, gt=0, lt=1)
    fitted: tuple[str, ...] | None = None  # names of the fitted parameters; None: all
    batch: int | None = Field(default=None, ge=1)  # generated curves a step; None, here and below: see `BEST_STEPS`
    learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # of Adam, as are b1 and b2
    b1: float | None = Field(default=None, ge=0, lt=1)
    b2: float | None = Field(default=None, ge=0, lt=1)
    clip: float | None = Field(default=None, gt=0)  # limit on gradients, as a multiple of their running norm
    half_life: float | None = Field(default=None, gt=0)  # steps after which steps are half as long
    max_lost: float = Field(default=0.5, ge=0, le=1)  # of realisations, unsettled or saturated, in a step
    label_weights: dict[str, float] = Field(
        default_factory=dict
    )  # of labels, times those that the objective suggests; 0: not fitted
    max_steps: int = Field(default=600, ge=0)  # of the stochastic descent; 0: only the refinement
    window: int = Field(default=100, ge=1)
    tolerance: float = Field(default=0.05, ge=0)
    refine_steps: int = Field(default=0, ge=0)  # at most, after the descent; see `tuneful.fitting.refinement`
    refine_batch: int = Field(default=1000, ge=1)  # generated curves, with the same random numbers at every step
    refine_first: int = Field(default=240, ge=1)  # curves in its first, smallest sample
    starts: int = Field(
        default=1, ge=1, le=100
    )  # of the refinement: the estimate of the descent, and others around it
    start_spread: float = Field(
        default=0.3, ge=0, allow_inf_nan=False
    )  # of these others, in unconstrained parameters
    one_step: bool = False  # steps of a learned score go on from the answer; see `tuneful.fitting.score_steps`
    score_realisations: int = Field(default=4000, ge=100)  # from which the score is learned
    score_spread: float = Field(default=0.2, gt=0, allow_inf_nan=False)  # of their unconstrained parameters
    evaluate_every: int = Field(default=25, ge=1)
    evaluation_curves: int = Field(default=400, ge=2)
    final_curves: int = Field(default=2000, ge=2)
    checkpoint_every: int = Field(default=25, ge=1)
    prediction_curves: int = Field(default=1000, ge=2)
    predict: dict[str, list[float]] | None = None  # conditions to predict: feature -> values, one a condition
    stability: int = Field(default=0, ge=0, le=10_000)  # realisations of the fitted circuit that are checked
    side_by_side: bool | None = None  # realisations on a device, or in turn; None: as is faster
    device_memory: float = Field(default=4.0, gt=0)  # GiB that realisations may hold on each device
    page: bool = True  # False: none is written; `tuneful report` does it later

    @field_validator("fitted", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value

    @field_validator("label_weights")
    @classmethod
    def _refuse_negative(cls, value: dict[str, float]) -> dict[str, float]:
        if not min(value.values(), default=0) >= 0:
            raise ValueError("weights must not be negative")
        return value

    def for_objective(self, label: str) -> "FitSettings":
        """These settings, with nothing left to the objective of that label to suggest."""
        best = BEST_STEPS.get(label, BEST_STEPS["energy"])
        return self.model_copy(update={k: v for k, v in best.items() if getattr(self, k) is None})

    def steps(self) -> Steps:
        """How steps are taken; of settings that are complete (`for_objective`)."""
        return Steps(**{name: getattr(self, name) for name in Steps.names()})

    def schedule(self) -> Schedule:
        """How realisations share a device."""
        return Schedule(self.side_by_side, self.device_memory)

    def stopping(self) -> Stopping:
        """The rule of convergence."""
        return Stopping(self.max_steps, self.window, self.tolerance)

    def refining(self) -> Refining:
        """How the fit is refined when its descent is over."""
        return Refining(self.refine_steps, self.refine_batch, self.refine_first, self.starts, self.start_spread)
