"""The configuration of a fit: defaults, a TOML file, and single settings from the command line."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from tuneful.errors import UserError, suggest
from tuneful.fitting.settings import FitSettings
from tuneful.settings import Section


class DataSettings(Section):
    """Where the curves come from. Without a path they are simulated from the circuit at known parameters."""

    path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)  # handed to the reader (posture, complete, ...)
    simulate: int = Field(default=1000, ge=4)  # curves, if there is no path
    truth: dict[str, Any] = Field(default_factory=dict)  # of the simulated circuit, where it differs from the fitted


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
