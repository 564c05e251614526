"""From a template and what it shows to one self-contained HTML file."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2


def render_template(name: str, view: Mapping[str, Any]) -> str:
    """Fill a template of this folder; the same view gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": True}
    return environment.get_template(name).render(view)


def _source(name: str) -> str:
    return resources.files("tuneful.report").joinpath(name).read_text(encoding="utf-8")


def write_document(html: str, path: str | os.PathLike[str]) -> None:
    """Write a page, all of it or nothing: a reader never finds half of one.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(html, encoding="utf-8")
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
