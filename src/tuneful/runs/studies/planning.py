"""From what a study varies to its jobs: every one is checked before the first begins."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.observation import unit_of
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.fitting.checks import check_size
from tuneful.fitting.fits import FitTask
from tuneful.runs.configuration import RunConfig
from tuneful.runs.curves_source import curves_of
from tuneful.runs.presets import resolve
from tuneful.runs.studies.jobs import Job
from tuneful.runs.studies.study_settings import Combination, StudyDataset, StudySettings, combinations
from tuneful.solvers.precision import computing_in

OBJECTIVE = "objective"
MOST_NOISE = 200  # curves that stand for those which are simulated later


def planned(study: StudySettings, origin: str) -> list[Job]:
    """All jobs of a study, checked as far as can be without a step of any.

    Datasets are read, circuits and objectives are built, and what is fitted is put together: once for all jobs that
    differ in their seeds only.

    Parameters
    ----------
    study
        What is asked.
    origin
        The file, for sentences.

    Raises
    ------
    UserError
        For the first job that could not be run; it says which, and why.
    """
    plans, jobs = _Plans(study), []
    for index, combination in enumerate(combinations(study)):
        try:
            config = plans.of(combination)
        except UserError as error:
            values = ", ".join(f"{key}={value}" for key, value in combination.values.items())
            raise UserError(f"{origin}, job {index}{f' ({values})' * bool(values)}: {error}") from error
        written = config.model_copy(update={"seed": combination.seed}).written()
        jobs.append(Job(index, str(config.data.name), combination.values, written))
    return jobs


class _Plans:
    """Configurations by what varies, each checked once."""

    def __init__(self, study: StudySettings):
        self._study = study
        self._known: dict[str, RunConfig] = {}

    def of(self, combination: Combination) -> RunConfig:
        """The whole configuration of a job, but for its seed."""
        own = json.dumps([combination.dataset, combination.values], sort_keys=True, default=str)
        if own not in self._known:
            self._known[own] = self._checked(combination)
        return self._known[own]

    def _checked(self, combination: Combination) -> RunConfig:
        study, values = self._study, self._study.settings | combination.values
        asked: dict[str, Any] = {"objective": values.pop(OBJECTIVE, None)}
        if combination.dataset is not None:
            asked |= _asked(study.datasets[combination.dataset])
        config = resolve(study.model, asked, [f"{key}={as_override(value)}" for key, value in values.items()])
        with computing_in(config.precision):
            circuit, objective, penalties = config.components()
            config, dataset = _with_curves(config, circuit)
            complete = config.completed(circuit, objective, penalties)
            about = complete.fit, complete.seed, penalties, complete.match
            FitTask.of(circuit, objective, dataset, *about).course()
        return complete


def _asked(data: StudyDataset) -> dict[str, Any]:
    """A dataset as the command line would be asked for it; its place holds wherever the job is run."""
    path = Path(data.path)
    return {"data": str(path.absolute()) if path.exists() else data.path, "options": data.options}


def _with_curves(config: RunConfig, circuit: AbstractCircuit) -> tuple[RunConfig, xr.Dataset]:
    """The configuration with the digest of its curves, and these; where they are simulated later, noise like them."""
    if config.data.path is not None:
        dataset, data = curves_of(config)
        return config.model_copy(update={"data": data}), dataset
    check_size(circuit, {"data.simulate": config.data.simulate})
    name = config.data.name or f"{config.data.simulate} simulated curves"
    data = config.data.model_copy(update={"name": name})
    return config.model_copy(update={"data": data}), _noise(circuit, min(config.data.simulate, MOST_NOISE))


def _noise(circuit: AbstractCircuit, n: int) -> xr.Dataset:
    """Curves of the form of simulated ones, which would take long: what is checked depends on their form."""
    conditions, unit = circuit.conditions(), unit_of(circuit)
    rates = 10 * np.random.default_rng(0).exponential(size=(n, len(next(iter(conditions.values())))))
    names = {name: np.asarray(values) for name, values in circuit.populations().items()}
    cells = {name: np.resize(values, n) for name, values in names.items() if values.dtype.kind == "U"}
    return make_dataset(rates, conditions, cells, rate_unit=unit)


def as_override(value: Any) -> str:
    """A value as `--set` reads it: TOML.

    >>> as_override("m1"), as_override([1, 2.5]), as_override({"J": True})
    ('"m1"', '[1, 2.5]', '{"J" = true}')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_override(str(k))} = {as_override(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_override, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
