"""tuneful: which circuit could have produced these neurons?

Fit mechanistic circuit models with random structure to sets of measured tuning curves, without a likelihood.
"""

from tuneful.deferred import deferred

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
    "Fit": "runs.estimator",
    "Checkpoints": "runs.checkpoints",
    "DatasetError": "errors",
    "NotFittedError": "errors",
    "TunefulWarning": "errors",
    "UserError": "errors",
    "from_spikes": "readers",
    "load": "readers",
    "preset": "runs.presets",
    "run": "runs.running",
    "save": "readers",
    "simulate": "fitting.simulation",
    "simulator": "fitting.parameter_simulator",
    "to_pynapple": "readers",
    "circuits": "circuits",
    "curves": "curves",
    "descents": "descents",
    "fitting": "fitting",
    "networks": "networks",
    "objectives": "objectives",
    "plot": "plot",
    "solvers": "solvers",
    "stability": "stability",
}

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

__getattr__, __dir__ = deferred(__name__, _HOME, __all__)
