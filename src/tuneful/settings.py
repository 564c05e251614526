"""Settings with names and types: what a section of a configuration is, and the sentence for a bad one."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tuneful.errors import UserError, suggest


class Section(BaseModel):
    """A part of the configuration in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("truth", "Input should not be true or false")
        return value


LONGEST = 78  # characters of a value in a sentence
DEEPEST = 20  # levels of sections and lists
SECTIONS = ("dict_type", "model_type")  # errors of what must be a section

Settings = TypeVar("Settings", bound=Section)


def parse(section: type[Settings], settings: Mapping[str, Any], origin: str) -> Settings:
    """Validate nested settings.

    Raises
    ------
    UserError
        For the first key that is wrong; it is named.
    """
    _check_depth(settings, origin)
    try:
        return section.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UserError(f"{origin}: the setting {key!r} is missing.") from error
        if first["type"] == "extra_forbidden":
            raise UserError(f"{origin}: unknown setting {key!r}.{_suggestion(section, first['loc'])}") from error
        told = f"name its settings, {key}.NAME = VALUE" if first["type"] in SECTIONS else first["msg"]
        raise UserError(f"{origin}: {key} = {shown(first['input'])} is not valid: {told}.") from error


def shown(value: Any) -> str:
    """A value as it may stand in a sentence: not longer than a line, and numbers of any size.

    >>> shown("a"), shown([1] * 1000)[-5:], shown(16**10_000)
    ("'a'", '1,...', 'a number of thousands of digits')
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no longer ones
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _check_depth(settings: Any, origin: str) -> None:
    level = [settings]
    for _ in range(DEEPEST):
        inner = [list(value.values() if isinstance(value, Mapping) else value) for value in level]
        level = [value for values in inner for value in values if isinstance(value, (Mapping, list, tuple))]
        if not level:
            return
    raise UserError(f"{origin}: settings are nested more than {DEEPEST} levels deep.")


def _suggestion(section: type[Section], location: tuple[int | str, ...]) -> str:
    """Name the settings of the section in which an unknown one was found."""
    for part in location[:-1]:
        field = section.model_fields.get(str(part))  # none: the place in a list
        inner = section if field is None else _section_in(field.annotation)
        if inner is None:
            return ""
        section = inner
    return suggest(str(location[-1]), section.model_fields)


def _section_in(annotation: Any) -> type[Section] | None:
    """The section that an annotation is, or is about: one of a list, or one that may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Name the settings in which two configurations, nested dictionaries, differ.

    >>> differences({"fit": {"window": 3}, "seed": 0}, {"fit": {"window": 4}, "seed": 0})
    ['fit.window']
    """
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return [name] if before != now else []
    inner = ((f"{name}.{key}".lstrip("."), before.get(key), now.get(key)) for key in {**before, **now})
    return [path for key, old, new in inner for path in differences(old, new, key)]
