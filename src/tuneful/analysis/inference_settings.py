"""The settings of an inference: which intervals, how many replicates, and what is drawn anew."""

from typing import Literal

from pydantic import Field, field_validator

from tuneful.settings import Section

Method = Literal["sandwich", "bootstrap", "profile"]
METHODS: tuple[Method, ...] = ("sandwich", "bootstrap", "profile")  # the later, the more they are trusted


class InferenceSettings(Section):
    """What an inference is to do; see `tuneful.analysis.inference`."""

    method: tuple[Method, ...] = ("sandwich",)
    level: float = Field(default=0.9, gt=0.5, lt=1)  # of the intervals
    replicates: int | None = Field(default=None, ge=20)  # of the bootstrap; None: 1000 of one step, 200 refitted
    refits: int = Field(default=0, ge=0)  # looks at the loss that a replicate may take; 0: one Newton step
    clusters: str | None = None  # the property of units by which they are drawn together
    curves: int | None = Field(default=None, ge=2)  # in the sample; None: as the refinement of the fit, at least 1000
    curvature: Literal["known", "differences"] = "known"  # by differences also where the objective knows it
    test: tuple[str, ...] = ()  # restrictions, such as "J_EE = J_EI, sigma_EE = 0.5"
    polish: int = Field(default=12, ge=1)  # steps to the minimum of the sample, at most
    descent: int = Field(default=100, ge=2)  # steps of a replicate where a critic learns
    seed: int = Field(default=0, ge=0, lt=2**32)  # 0: the realisations that the fit was refined with

    @field_validator("method", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        given = (value,) if isinstance(value, str) else value
        if isinstance(given, list | tuple) and given and set(given) <= set(METHODS):
            return tuple(method for method in METHODS if method in given)
        return given if given else None

    @property
    def most_trusted(self) -> Method:
        """The method whose intervals stand in the table."""
        return self.method[-1]

    def replicates_of(self, learns: bool) -> int:
        """How many replicates, where an objective learns on the way or not."""
        return self.replicates or (20 if learns else 200 if self.refits else 1000)
