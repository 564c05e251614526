"""How Sphinx builds the site of these documents: `make docs`."""

import importlib.metadata
import os
import re
import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode, paragraph
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import toctree
from sphinx.util import logging

project = "tuneful"
author = "The tuneful developers"
copyright = author
release = importlib.metadata.version("tuneful")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
html_theme = "furo"
html_title = "tuneful"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sourcelink_suffix = ""  # pages are there as they were written, too, under the names of their files
html_math_renderer = "mathml"  # what browsers draw themselves: no script, and nothing from elsewhere
highlight_language = "none"  # but for blocks that name theirs

# Every cell runs when the site is built, and one that fails fails the build; what has not changed is kept.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_execution_show_tb = True
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where `tuneful` is
COMPILED = Path(__file__).parents[1] / "build" / "compiled"  # programs of all pages
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # nobody watches a progress bar here
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4

suppress_warnings = ["misc.highlighting_failure"]  # tables are blocks of csv, of which Pygments knows nothing
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"
napoleon_use_rtype = False
nitpicky = True  # every reference leads somewhere, but those to types of other packages
nitpick_ignore_regex = [("py:class", r"(jax|jaxtyping|collections|ndarray|'|\s).*"), ("py:class", "")]
nitpick_ignore = [("py:class", "RunConfig")]  # what a configuration holds stands in the guides


def setup(app: Any) -> None:
    """Docstrings are plain text: bars are absolute values, and sessions at the end are examples."""

    def as_restructured(app: Any, what: str, name: str, component: Any, options: Any, lines: list[str]) -> None:
        if what in ("property", "attribute"):
            lines.insert(0, "\\ ")  # shows nothing; what comes before a colon in the first line is taken for a type
        lines[:] = [re.sub(r"\|(?=([^`]*`[^`]*`)*[^`]*$)", r"\|", line) for line in lines]  # but in `code`
        session = next((i for i, line in enumerate(lines) if line.startswith(">>>")), None)
        if session is not None:
            lines[session:session] = ["Examples", "--------"]

    app.connect("autodoc-process-docstring", as_restructured, priority=400)  # before napoleon reads the sections
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    app.connect("build-finished", index_for_machines)


def inline(translator: Any, node: Any) -> None:
    """A formula in a line."""
    translator.body.append(drawn(node))
    raise SkipNode


def block(translator: Any, node: Any) -> None:
    """A formula of its own, which scrolls where a screen is narrow."""
    translator.body.append(f'<div class="math">{drawn(node, as_block=True)}</div>')
    raise SkipNode


def drawn(node: Any, **how: bool) -> str:
    """MathML, in one line as text around it is; a command that is not known fails the build, with its place."""
    try:
        return re.sub(r"\n\s*", "", tex2mathml(node.astext(), **how))
    except MathError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        return ""


def index_for_machines(app: Any, failure: Exception | None) -> None:
    """llms.txt: the index, with links to pages as they were written and how each begins (https://llmstxt.org)."""
    if failure is not None or app.builder.format != "html":
        return
    pages, below = app.env, app.env.toctree_includes
    index = pages.get_doctree("index")
    lines = [f"# {project}", "", f"> {opening(index)}"]
    for tree in index.findall(toctree):
        lines += ["", f"## {tree['caption']}", ""]
        for name in (n for top in tree["includefiles"] for n in [top, *below.get(top, [])] if "generated/" not in n):
            source, begins = pages.doc2path(name, base=False), opening(pages.get_doctree(name))
            lines.append(f"- [{pages.titles[name].astext()}](_sources/{source}): {begins}")
    (Path(app.outdir) / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def opening(page: Any) -> str:
    """The first paragraph of a page, in one line."""
    return " ".join(next(page.findall(paragraph)).astext().split())
