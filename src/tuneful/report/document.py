"""From a template and what it shows to one self-contained HTML file."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from tuneful.plain import plain
from tuneful.report.wording import flattened

SCRIPT = "page.js"


def render_template(name: str, view: Mapping[str, Any]) -> str:
    """Fill a template of this folder; the same view gives the same text.

    Browsers run the script of this folder in a page, known by its digest, and no other, whatever names hold.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": True}
    about_script = {"script": Markup(_source(SCRIPT)), "policy": policy()}
    return environment.get_template(name).render({**about_script, **view})


def made_by(result: Mapping[str, Any]) -> dict[str, Any]:
    """What every page says of how its numbers came about, and the numbers themselves, which are in it as JSON."""
    versions = result.get("versions") or {}
    return {
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "command": result.get("command"),
        "settings": flattened(result.get("settings") or {}),
        "numbers": plain(result),
    }


@functools.cache
def policy() -> str:
    """What a browser may do with a page: its own style and script, and asking where it came from for a newer one."""
    digest = base64.b64encode(hashlib.sha256(_source(SCRIPT).encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


def _source(name: str) -> str:
    return resources.files("tuneful.report").joinpath(name).read_text(encoding="utf-8")
