"""How Sphinx builds the site of these documents: `make docs`."""

import importlib.metadata
import os
import re
from typing import Any

project = "tuneful"
author = "The tuneful developers"
release = importlib.metadata.version("tuneful")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
html_theme = "furo"
html_title = "tuneful"
highlight_language = "none"  # but for blocks that name theirs

# Every cell runs when the site is built, and one that fails fails the build; what has not changed is kept.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_execution_show_tb = True
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # nobody watches a progress bar here
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4

suppress_warnings = ["misc.highlighting_failure"]  # tables are blocks of csv, of which Pygments knows nothing
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"
napoleon_use_rtype = False


def setup(app: Any) -> None:
    """Docstrings are plain text: bars are absolute values, and sessions at the end are examples."""

    def as_restructured(app: Any, what: str, name: str, component: Any, options: Any, lines: list[str]) -> None:
        lines[:] = [re.sub(r"\|(?=([^`]*`[^`]*`)*[^`]*$)", r"\|", line) for line in lines]  # but in `code`
        session = next((i for i, line in enumerate(lines) if line.startswith(">>>")), None)
        if session is not None:
            lines[session:session] = ["Examples", "--------"]

    app.connect("autodoc-process-docstring", as_restructured, priority=400)  # before napoleon reads the sections
