"""Single settings from the command line: `--set key=value`."""

import copy
import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from tuneful.errors import UserError, suggest


def apply_overrides(
    settings: dict[str, Any], overrides: Sequence[str], owners: dict[str, list[str]]
) -> dict[str, Any]:
    """Apply `--set key=value` items to nested settings.

    A key is a path (`objective.batch`), or a bare name that one section only knows (`max_steps`, `sigma_l`).

    Parameters
    ----------
    settings
        Nested sections; not changed.
    overrides
        Items `key=value`.
    owners
        For every bare name, the sections that have it.

    Raises
    ------
    UserError
        For an item without `=`, a bare name that no section or several sections have, or a key with two values.
    """
    settings, given = copy.deepcopy(settings), {}
    for item in overrides:
        key, text = key_and_text(item)
        *path, name = whole = full_path(key, owners)
        target = settings
        for part in path:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise UserError(f"--set {item!r}: {part} is not a section of the configuration.")
        target[name] = parse_value(text)
        if given.setdefault(tuple(whole), text) != text:
            raise UserError(f"--set {key}=... is given twice, with different values: leave out one.")
    return settings


def key_and_text(item: str) -> tuple[str, str]:
    """The two sides of an item `key=value`.

    Raises
    ------
    UserError
        If it is none.
    """
    key, equals, text = (part.strip() for part in item.partition("="))
    if not equals or not key:
        raise UserError(f"--set {item!r} is not of the form key=value, for example --set fit.max_steps=50.")
    return key, text


def full_path(key: str, owners: dict[str, list[str]]) -> list[str]:
    """Where a setting is: its sections and its name.

    Raises
    ------
    UserError
        For a bare name that no section or several sections have.
    """
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
    except (ValueError, RecursionError):  # no TOML, or numbers of thousands of digits, or very deep lists
        return text


def as_override(value: Any) -> str:
    """A value as `parse_value` reads it.

    >>> as_override("m1"), as_override([1, 2.5]), as_override({"J": True}), as_override(None)
    ('"m1"', '[1, 2.5]', '{"J" = true}', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_override(str(k))} = {as_override(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_override, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
