"""tuneful: which circuit could have produced these neurons?

Fit mechanistic circuit models with random structure to sets of measured tuning curves, without a likelihood.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tuneful import analysis, circuits, curves, objectives, solvers, stability
    from tuneful.app.fit import Fit
    from tuneful.app.readers import load, save
    from tuneful.app.simulate import simulate

# Imported on first use: `import tuneful` and `tuneful --help` need none of the numerical libraries.
_HOME = {
    "Fit": "tuneful.app.fit",
    "load": "tuneful.app.readers",
    "save": "tuneful.app.readers",
    "simulate": "tuneful.app.simulate",
}
_MODULES = ("analysis", "circuits", "curves", "objectives", "solvers", "stability")

__all__ = [
    "Fit",
    "__version__",
    "analysis",
    "circuits",
    "curves",
    "load",
    "objectives",
    "save",
    "simulate",
    "solvers",
    "stability",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"tuneful.{name}")
    raise AttributeError(f"module 'tuneful' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
