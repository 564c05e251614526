"""What a study varies: the content of its file, and the combinations that come of it. None of it needs JAX."""

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator, model_validator

from tuneful.errors import UserError
from tuneful.plain import plain
from tuneful.runs.overrides import key_and_text, parse_value
from tuneful.runs.settings_file import read_settings
from tuneful.settings import Section, differences, parse, shown

KIND = "study"
MOST_JOBS = 100_000
DRAWN = 2**20  # a stream of random numbers beside those of the jobs, which are numbered from 0
ELSEWHERE = {
    "seed": "seeds",
    "objective.name": "objective",
    "data.path": "datasets",
    "weights": "datasets",
    "data.resample": "replicates",
}  # not to be varied by these names
LIMITS = ("limit", "memory")  # of a job
FREE = (*LIMITS, "retries", "versions")  # what may differ when a study is gone on with: it decides no number

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class StudyDataset(Section):
    """Measured curves, as `tuneful fit --data` and its `--option` take them."""

    path: str
    name: str | None = None  # what tables call it; None: the path
    options: dict[str, Any] = Field(default_factory=dict)


class Drawn(Section):
    """A number that is drawn evenly, or evenly in its logarithm, between two others."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> "Drawn":
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.scale == "log" and self.low <= 0:
            raise ValueError("a logarithmic scale needs a low above 0")
        return self

    def at(self, share: float) -> float | int:
        """The number at a share in [0, 1) of the way.

        >>> round(Drawn(low=1, high=100, scale="log").at(0.5), 9), Drawn(low=1, high=3, whole=True).at(0.99)
        (10.0, 3)
        """
        if self.whole:
            return min(math.floor(self._between(self.low, self.high + 1, share)), math.floor(self.high))
        return self._between(self.low, self.high, share)

    def _between(self, low: float, high: float, share: float) -> float:
        if self.scale == "linear":
            return low + share * (high - low)
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


class Replicates(Section):
    """Bootstrap samples of the units of every dataset, `tuneful.curves.resampling.resampled`."""

    number: int = Field(ge=1, le=MOST_JOBS)
    by: str | None = None  # the property that those share which are drawn together


class StudySettings(Section):
    """A study: every dataset with every case, point of the grid, draw, bootstrap sample and seed."""

    kind: Literal["study"] = KIND
    format: Literal[1] = 1
    model: str  # as `tuneful fit` takes it, but for places of code; or "stabilize"
    seed: Seed = 0  # decides draws, and the seeds of jobs where only their number is given
    seeds: Annotated[int, Field(ge=1)] | Annotated[tuple[Seed, ...], Field(min_length=1)] = 1
    datasets: tuple[StudyDataset, ...] = ()  # none: those of the model
    settings: dict[str, Any] = Field(default_factory=dict)  # of all jobs
    cases: tuple[dict[str, Any], ...] = ()
    grid: dict[str, Any] = Field(default_factory=dict)  # lists of values
    draws: int = Field(default=0, ge=0, le=MOST_JOBS)
    random: dict[str, Any] = Field(default_factory=dict)  # tables as `Drawn`
    replicates: Replicates | None = None  # none: the units as they are
    limit: float | None = Field(default=None, gt=0)  # seconds that a job may take
    memory: float | None = Field(default=None, gt=0)  # GiB that the process of a job may hold
    retries: int = Field(default=2, ge=0, le=100)  # of a job whose process died
    model_sha256: str | None = None  # of the file of the model
    versions: dict[str, str] = Field(default_factory=dict)  # with which it began; they decide nothing

    @field_validator("datasets", mode="before")
    @classmethod
    def _allow_bare_path(cls, value: Any) -> Any:
        return [{"path": one} if isinstance(one, str) else one for one in value] if isinstance(value, list) else value

    @field_validator("replicates", mode="before")
    @classmethod
    def _allow_bare_number(cls, value: Any) -> Any:
        return {"number": value} if isinstance(value, int) and not isinstance(value, bool) else value

    def written(self) -> dict[str, Any]:
        """The content of config.json."""
        return plain(self.model_dump())

    def changes(self, before: Mapping[str, Any]) -> list[str]:
        """Settings in which a study that is gone on with differs from how it was begun."""
        changed = differences(before, self.written())
        return [name for name in changed if name.split(".")[0] not in FREE]


class Combination(NamedTuple):
    """What one job is run with: the numbers of its dataset and sample, if any, what varies, and its seed."""

    dataset: int | None
    values: dict[str, Any]
    replicate: int | None
    seed: int


def read_study(
    file: Path, overrides: Sequence[str] = (), limits: Mapping[str, float | None] | None = None
) -> StudySettings:
    """Read a study file; limits of jobs, and settings of all jobs `key=value`, are stronger than those in the file.

    Raises
    ------
    UserError
        As `study_from`, and for a file that is none.
    """
    content, more = read_settings(file), {}
    for item in overrides:
        key, text = key_and_text(item)
        more[key] = parse_value(text)
    stronger = {name: value for name, value in (limits or {}).items() if value is not None}
    return study_from(content | stronger, str(file), more)


def study_from(settings: Mapping[str, Any], origin: str, more: Mapping[str, Any] | None = None) -> StudySettings:
    """Read the content of a study file, `more` settings of all jobs included.

    Raises
    ------
    UserError
        For the first thing that is wrong; it is named.
    """
    study = parse(StudySettings, settings, origin)
    if ":" in study.model or study.model.endswith(".py"):
        raise UserError(
            f"{origin}: model = {shown(study.model)} names code, and no code is run because a file names it: write "
            "the label of the circuit there, and add --circuit FILE.py:CLASS to the command."
        )
    if bool(study.draws) != bool(study.random):
        given, missing = ("draws", "[random]") if study.draws else ("[random]", "draws")
        raise UserError(f"{origin}: {given} is there and {missing} is not: give both, or neither.")
    weaker = {key: v for key, v in _paths(study.settings).items() if not any(_is_one(key, m) for m in more or {})}
    shared = weaker | dict(more or {})
    study = study.model_copy(update={"settings": shared, "model_sha256": _digest(study.model)})
    _check_keys(study, origin)
    if count(study) > MOST_JOBS:
        raise UserError(f"{origin} asks for {count(study):,} jobs, and {MOST_JOBS:,} are the most: vary less.")
    return study


def _digest(model: str) -> str | None:
    is_file = Path(model).suffix in (".toml", ".json") and Path(model).is_file()
    return hashlib.sha256(Path(model).read_bytes()).hexdigest() if is_file else None


def _check_keys(study: StudySettings, origin: str) -> None:
    """Every setting is varied in one place, and every one as that place asks."""
    parts = {"settings": [study.settings], "cases": study.cases, "grid": [grid_of(study, origin)]}
    parts["random"] = [random_of(study, origin)]
    names = {part: {key for one in tables for key in _paths(one)} for part, tables in parts.items()}
    for part, keys in names.items():
        if wrong := next((key for key in keys if key in ELSEWHERE), None):
            raise UserError(
                f"{origin}: {part}.{wrong} has a place of its own: give {ELSEWHERE[wrong]} = [...] instead."
            )
    for one, other in itertools.combinations(names, 2):
        if twice := [key for key in sorted(names[one]) if any(_is_one(key, own) for own in names[other])]:
            raise UserError(f"{origin}: {twice[0]} is both in [{one}] and in [{other}]: leave out one.")


def _is_one(name: str, other: str) -> bool:
    """Whether two names are of one setting: max_steps is fit.max_steps where only one section has it."""
    return name == other or name.endswith(f".{other}") or other.endswith(f".{name}")


def grid_of(study: StudySettings, origin: str = KIND) -> dict[str, list[Any]]:
    """The values of every setting of the grid.

    Raises
    ------
    UserError
        If they are no lists of different values.
    """
    found = _paths(study.grid)
    for key, values in found.items():
        if not isinstance(values, list) or not values:
            raise UserError(f"{origin}: grid.{key} = {shown(values)} is no list of values: write [1, 2].")
        if len(set(map(repr, values))) < len(values):
            raise UserError(f"{origin}: grid.{key} = {shown(values)} has a value twice: leave out one.")
    return found


def random_of(study: StudySettings, origin: str = KIND) -> dict[str, Drawn]:
    """How every random setting is drawn.

    Raises
    ------
    UserError
        If one says neither from where nor to where.
    """
    found = _paths(study.random, leaf="low")
    for key, value in found.items():
        if not isinstance(value, Mapping):
            raise UserError(f"{origin}: random.{key} = {shown(value)} is no range: write {{low = 0.1, high = 1}}.")
    return {key: parse(Drawn, value, f"{origin}, random.{key}") for key, value in found.items()}


def _paths(table: Mapping[str, Any], leaf: str | None = None, above: str = "") -> dict[str, Any]:
    """Nested tables as dotted names; a table with the key `leaf` is a value.

    >>> _paths({"fit": {"batch": 8}, "objective.ridge": 1})
    {'fit.batch': 8, 'objective.ridge': 1}
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        is_table = isinstance(value, Mapping) and not (leaf is not None and leaf in value)
        found |= _paths(value, leaf, f"{above}{key}.") if is_table else {f"{above}{key}": value}
    return found


def count(study: StudySettings) -> int:
    """How many jobs it has."""
    points = math.prod(len(values) for values in grid_of(study).values())
    seeds = study.seeds if isinstance(study.seeds, int) else len(study.seeds)
    samples = 1 if study.replicates is None else study.replicates.number
    return max(len(study.datasets), 1) * max(len(study.cases), 1) * points * max(study.draws, 1) * samples * seeds


def combinations(study: StudySettings) -> Iterator[Combination]:
    """All jobs in their order, which numbers them: seeds vary fastest, then samples, draws, the grid, ..."""
    grid = grid_of(study)
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    draws = [_draw(study, number) for number in range(study.draws)] or [{}]
    seeds = range(study.seeds) if isinstance(study.seeds, int) else study.seeds
    samples = (None,) if study.replicates is None else range(study.replicates.number)
    sets = range(len(study.datasets)) or (None,)
    own = itertools.product(sets, study.cases or ({},), points, draws, samples, seeds)
    for index, (dataset, case, point, draw, sample, seed) in enumerate(own):
        decided = seed_of(study.seed, index) if isinstance(study.seeds, int) else seed
        yield Combination(dataset, _paths(case) | point | draw, sample, decided)


def seed_of(root: int, index: int) -> int:
    """The seed of a job, from that of the study and its number: who runs it, and when, has no part in it."""
    return int(np.random.default_rng([root, index]).integers(2**32))


def _draw(study: StudySettings, number: int) -> dict[str, float | int]:
    """One draw of all random settings; each has its own numbers, whatever others there are."""
    sources = {key: [study.seed, DRAWN, number, *key.encode()] for key in random_of(study)}
    shares = {key: np.random.default_rng(source).random() for key, source in sources.items()}
    return {key: how.at(float(shares[key])) for key, how in random_of(study).items()}
