"""The settings of a fit."""

from typing import Any

from pydantic import Field, field_validator

from tuneful.fitting.stopping import Stopping
from tuneful.settings import Section


class FitSettings(Section):
    """How a fit is run; see `tuneful.fitting.stopping` for the rule of convergence."""

    held_out: float = Field(default=0.5, gt=0, lt=1)
    fitted: tuple[str, ...] | None = None  # names of the fitted parameters; None: all
    max_steps: int = Field(default=600, ge=1)
    window: int = Field(default=100, ge=1)
    tolerance: float = Field(default=0.05, ge=0)
    evaluate_every: int = Field(default=25, ge=1)
    evaluation_curves: int = Field(default=400, ge=2)
    final_curves: int = Field(default=2000, ge=2)
    checkpoint_every: int = Field(default=25, ge=1)
    max_lost: float = Field(
        default=0.5, ge=0, le=1
    )  # fraction of unsettled or saturated realisations that ends a step
    clip: float | None = Field(default=None, gt=0)  # limit on gradients, as a multiple of their running norm
    half_life: float | None = Field(default=None, gt=0)  # steps after which steps are half as long
    prediction_curves: int = Field(default=1000, ge=2)
    predict: dict[str, list[float]] | None = None  # conditions to predict: feature -> values, one a condition
    stability: int = Field(default=0, ge=0)  # realisations of the fitted circuit whose stability is checked

    @field_validator("fitted", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value

    def steps(self) -> dict[str, Any]:
        """How the loop takes steps in these settings; see `tuneful.fitting.Problem`."""
        return {name: getattr(self, name) for name in ("max_lost", "clip", "half_life")}

    def stopping(self) -> Stopping:
        """The rule of convergence in these settings."""
        return Stopping(self.max_steps, self.window, self.tolerance)
