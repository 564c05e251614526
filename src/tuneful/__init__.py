"""tuneful: which circuit could have produced these neurons?

Fit mechanistic circuit models with random structure to sets of measured tuning curves, without a likelihood.
"""

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False  # as type checkers know it; `typing` would take half of the time of this import
if TYPE_CHECKING:
    from tuneful import circuits, curves, descents, fitting, networks, objectives, plot, solvers, stability
    from tuneful.errors import DatasetError, NotFittedError, TunefulWarning, UserError
    from tuneful.fitting.parameter_simulator import simulator
    from tuneful.fitting.simulation import simulate
    from tuneful.readers import from_spikes, load, save, to_pynapple
    from tuneful.runs.checkpoints import Checkpoints
    from tuneful.runs.estimator import Fit
    from tuneful.runs.presets import preset
    from tuneful.runs.running import run

# Imported on first use: `import tuneful` and `tuneful --help` need none of the numerical libraries.
_HOME = {
    "Fit": "tuneful.runs.estimator",
    "Checkpoints": "tuneful.runs.checkpoints",
    "DatasetError": "tuneful.errors",
    "NotFittedError": "tuneful.errors",
    "TunefulWarning": "tuneful.errors",
    "UserError": "tuneful.errors",
    "from_spikes": "tuneful.readers",
    "load": "tuneful.readers",
    "preset": "tuneful.runs.presets",
    "run": "tuneful.runs.running",
    "save": "tuneful.readers",
    "simulate": "tuneful.fitting.simulation",
    "simulator": "tuneful.fitting.parameter_simulator",
    "to_pynapple": "tuneful.readers",
}
_MODULES = ("circuits", "curves", "descents", "fitting", "networks", "objectives", "plot", "solvers", "stability")

__all__ = [
    "Checkpoints",
    "DatasetError",
    "Fit",
    "NotFittedError",
    "TunefulWarning",
    "UserError",
    "__version__",
    "circuits",
    "curves",
    "descents",
    "fitting",
    "from_spikes",
    "load",
    "networks",
    "objectives",
    "plot",
    "preset",
    "run",
    "save",
    "simulate",
    "simulator",
    "solvers",
    "stability",
    "to_pynapple",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"tuneful.{name}")
    raise AttributeError(f"module 'tuneful' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
