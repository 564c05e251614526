"""From a template and what it shows to one self-contained HTML file."""

from collections.abc import Mapping
from importlib import resources
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
