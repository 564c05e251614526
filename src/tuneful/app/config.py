"""The configuration of a fit: defaults, a TOML file, and single settings from the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tuneful.app.errors import UserError, suggest
from tuneful.fitting.stopping import Stopping


class Section(BaseModel):
    """A part of the configuration in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("truth", "Input should not be true or false")
        return value


class DataSettings(Section):
    """Where the curves come from. Without a path they are simulated from the circuit at known parameters."""

    path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)  # handed to the reader (posture, complete, ...)
    simulate: int = Field(default=1000, ge=4)  # curves, if there is no path
    truth: dict[str, Any] = Field(default_factory=dict)  # of the simulated circuit, where it differs from the fitted


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


class RunConfig(Section):
    """Everything that decides the result of a fit."""

    circuit: dict[str, Any]
    objective: dict[str, Any] = Field(default_factory=lambda: {"name": "energy"})
    alternatives: dict[str, dict[str, Any]] = Field(default_factory=dict)  # settings of other objectives, by name
    penalties: dict[str, dict[str, Any]] = Field(default_factory=dict)  # settings by name
    data: DataSettings = DataSettings()
    fit: FitSettings = FitSettings()
    seed: int = Field(default=0, ge=0, lt=2**32)  # all that a random key takes in
    precision: Literal["float32", "float64"] = "float32"

    @field_validator("circuit", "objective", mode="before")
    @classmethod
    def _allow_bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _allow_bare_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


Settings = TypeVar("Settings", bound=Section)


def parse(section: type[Settings], settings: Mapping[str, Any], origin: str) -> Settings:
    """Validate nested settings. **Raises:** `UserError` that names the key and what is wrong with it."""
    try:
        return section.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UserError(f"{origin}: the setting {key!r} is missing.") from error
        if first["type"] == "extra_forbidden":
            raise UserError(f"{origin}: unknown setting {key!r}.{_suggestion(section, first['loc'])}") from error
        raise UserError(f"{origin}: {key} = {first['input']!r} is not valid: {first['msg']}.") from error


def _suggestion(section: type[Section], location: tuple[int | str, ...]) -> str:
    """Name the settings of the section in which an unknown one was found."""
    for part in location[:-1]:
        section = section.model_fields[str(part)].annotation  # type: ignore[assignment]
    return suggest(str(location[-1]), section.model_fields)


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Name the settings in which two configurations, nested dictionaries, differ.

    >>> differences({"fit": {"window": 3}, "seed": 0}, {"fit": {"window": 4}, "seed": 0})
    ['fit.window']
    """
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return [name] if before != now else []
    inner = ((f"{name}.{key}".lstrip("."), before.get(key), now.get(key)) for key in {**before, **now})
    return [path for key, old, new in inner for path in differences(old, new, key)]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file. **Raises:** `UserError` if it is missing, unreadable or not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"There is no configuration file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The configuration file {path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The configuration file {path} is not valid TOML: {error}.") from error


def apply_overrides(
    settings: dict[str, Any], overrides: Sequence[str], owners: dict[str, list[str]]
) -> dict[str, Any]:
    """Apply `--set key=value` items to nested settings.

    A key is a path (`objective.batch`), or a bare name that one section only knows (`max_steps`, `sigma_l`).

    **Arguments:** `owners`: for every bare name, the sections that have it.

    **Raises:** `UserError` for an item without `=`, or a bare name that no section or several sections have.
    """
    settings = {key: dict(value) if isinstance(value, dict) else value for key, value in settings.items()}
    for item in overrides:
        key, equals, text = (part.strip() for part in item.partition("="))
        if not equals or not key:
            raise UserError(f"--set {item!r} is not of the form key=value, for example --set objective.batch=128.")
        *path, name = _full_path(key, owners)
        target = settings
        for part in path:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise UserError(f"--set {item!r}: {part} is not a section of the configuration.")
        target[name] = parse_value(text)
    return settings


def _full_path(key: str, owners: dict[str, list[str]]) -> list[str]:
    if "." in key:
        return key.split(".")
    sections = owners.get(key, [])
    if len(sections) == 1:
        return [*filter(None, sections[0].split(".")), key]
    if sections:
        choices = " or ".join(f"{section}.{key}" for section in sections)
        raise UserError(f"--set {key}=... is ambiguous: write {choices}.")
    raise UserError(f"No section of the configuration has a setting {key!r}.{suggest(key, owners)}")


def parse_value(text: str) -> Any:
    """Read a value as TOML would (numbers, true/false, lists), or `none`; anything else is a string."""
    if text == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
