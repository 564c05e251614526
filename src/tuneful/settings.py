"""Settings with names and types: what a section of a configuration is, and the sentence for a bad one."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tuneful.errors import UserError, suggest


class Section(BaseModel):
    """A part of the configuration in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("truth", "Input should not be true or false")
        return value


Settings = TypeVar("Settings", bound=Section)


def parse(section: type[Settings], settings: Mapping[str, Any], origin: str) -> Settings:
    """Validate nested settings.

    Raises
    ------
    UserError
        For the first key that is wrong; it is named.
    """
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
