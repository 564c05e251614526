"""The configuration of a comparison of runs: everything that decides its result."""

from typing import Any, Literal

from pydantic import Field

from tuneful.analysis.model_comparison import BATCHES
from tuneful.plain import plain
from tuneful.settings import Section, differences

KIND = "comparison"


class ComparedRun(Section):
    """One of the runs: where it is, what tables call it, and the SHA-256 of its configuration and its answer."""

    path: str
    name: str
    sha256: str


class CompareConfig(Section):
    """Everything that decides the result of a comparison."""

    kind: Literal["comparison"] = KIND
    format: Literal[1] = 1
    runs: tuple[ComparedRun, ...]
    refit: bool = True  # False: the units that all runs held out, without any fit
    folds: int = Field(default=5, ge=2)
    steps: int | None = Field(default=None, ge=1)  # of a refit at most; None: as many as the run was allowed
    curves: int = Field(default=2000, ge=2 * BATCHES)  # simulated for every run and fold
    clusters: str | None = None  # a property of units that vary together
    seed: int = Field(default=0, ge=0, lt=2**32)
    versions: dict[str, str] = Field(default_factory=dict)  # with which it began; they decide nothing

    def written(self) -> dict[str, Any]:
        """The content of config.json."""
        return plain(self.model_dump())

    def changes(self, before: dict[str, Any]) -> list[str]:
        """Settings in which a comparison that is gone on with differs from how it was begun."""
        free = ("versions", "clusters")  # the latter is asked at the end only
        now, then = (self._by_name(content) for content in (self.written(), before))
        return [name for name in differences(then, now) if name.split(".")[0] not in free]

    @staticmethod
    def _by_name(content: dict[str, Any]) -> dict[str, Any]:
        """Runs by their number, without their places, which may have been written in another way."""
        runs = {str(i): {k: v for k, v in run.items() if k != "path"} for i, run in enumerate(content["runs"])}
        return content | {"runs": runs}
