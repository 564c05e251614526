"""From what a study varies to its jobs: every one is checked before the first begins."""

import json
from collections.abc import Mapping, Sequence
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
from tuneful.runs.configuration import Resampling, RunConfig, read_config
from tuneful.runs.curves_source import proven, read_curves, sample_of
from tuneful.runs.overrides import as_override
from tuneful.runs.own_code import label_of
from tuneful.runs.presets import resolve
from tuneful.runs.running import Config
from tuneful.runs.stabilize_config import KIND, StabilizeConfig, config_from
from tuneful.runs.studies.jobs import Job
from tuneful.runs.studies.study_settings import Combination, StudyDataset, StudySettings, combinations
from tuneful.solvers.precision import computing_in

OBJECTIVE, STABILIZE = "objective", "stabilize"
OF_A_RUN = ("network", "versions")  # what a run notes of itself
MOST_NOISE = 200  # curves that stand for those which are simulated later


def planned(study: StudySettings, origin: str, circuits: Sequence[str] = ()) -> list[Job]:
    """All jobs of a study, checked as far as can be without a step of any.

    Datasets are read, circuits and objectives are built, and what is fitted is put together: once for all jobs that
    differ in their seeds and bootstrap samples only.

    Parameters
    ----------
    study
        What is asked.
    origin
        The file, for sentences.
    circuits
        Places of circuits of one's own: one whose label is the model of the study is that model, whatever preset is
        called so, too.

    Raises
    ------
    UserError
        For the first job that could not be run; it says which, and why.
    """
    own = {label_of("circuit", place): place for place in circuits}
    plans, jobs = _Plans(study, own.get(study.model, study.model)), []
    for index, combination in enumerate(combinations(study)):
        try:
            config = plans.of(combination)
        except UserError as error:
            values = ", ".join(f"{key}={value}" for key, value in combination.values.items())
            raise UserError(f"{origin}, job {index}{f' ({values})' * bool(values)}: {error}") from error
        written = config.model_copy(update={"seed": combination.seed}).written()
        jobs.append(Job(index, _name_of_data(study, combination, config), combination.values, written))
    return jobs


def _name_of_data(study: StudySettings, combination: Combination, config: Config) -> str:
    """What tables call the curves of a job, or its network."""
    if isinstance(config, RunConfig):
        return str(config.data.name)
    given = None if combination.dataset is None else study.datasets[combination.dataset]
    return "drawn networks" if given is None else given.name or given.path


class _Plans:
    """Configurations by what varies, each checked once."""

    def __init__(self, study: StudySettings, model: str):
        self._study, self._model = study, model
        self._known: dict[str, Config] = {}
        self._curves: dict[str, xr.Dataset] = {}
        self._given = given_stabilization(study.model)

    def of(self, combination: Combination) -> Config:
        """The whole configuration of a job, but for its seed."""
        own = json.dumps([combination.dataset, combination.values], sort_keys=True, default=str)
        if own not in self._known:
            self._known[own] = self._checked(own, combination)
        config = self._known[own]
        return config if isinstance(config, StabilizeConfig) else self._sampled(own, config, combination.replicate)

    def _checked(self, own: str, combination: Combination) -> Config:
        study, values = self._study, self._study.settings | combination.values
        data = None if combination.dataset is None else study.datasets[combination.dataset]
        if self._given is not None:
            if study.replicates is not None:
                raise UserError("[replicates] are samples of measured units, and a network has none: leave it out.")
            return stabilization(self._given | values, data)
        asked: dict[str, Any] = {"objective": values.pop(OBJECTIVE, None)}
        if data is not None:
            asked |= _asked(data)
        config = resolve(self._model, asked, [f"{key}={as_override(value)}" for key, value in values.items()])
        if data is not None:
            config = config.model_copy(update={"data": config.data.model_copy(update={"name": data.name})})
        with computing_in(config.precision):
            circuit, objective, penalties = config.components()
            config, self._curves[own] = _with_curves(config, circuit)
            complete = config.completed(circuit, objective, penalties)
            about = complete.fit, complete.seed, penalties, complete.match
            FitTask.of(circuit, objective, self._curves[own], *about).course()
        return complete

    def _sampled(self, own: str, config: RunConfig, number: int | None) -> RunConfig:
        """The configuration with a bootstrap sample of its curves, proven by their digest."""
        if number is None or self._study.replicates is None:
            return config
        sample = Resampling(seed=self._study.seed, number=number, by=self._study.replicates.by)
        data = config.data.model_copy(update={"resample": sample, "sha256": None})
        if data.path is None:
            sample_of(self._curves[own], data)  # which are simulated later
        else:
            _, data = proven(self._curves[own], data)
        return config.model_copy(update={"data": data})


def given_stabilization(model: str) -> dict[str, Any] | None:
    """The settings of a network that is to be stabilised, if a model stands for one."""
    if model == STABILIZE:
        return {}
    given = read_config(Path(model)) if Path(model).suffix in (".toml", ".json") else {}
    return {key: value for key, value in given.items() if key not in OF_A_RUN} if given.get("kind") == KIND else None


def stabilization(settings: Mapping[str, Any], data: StudyDataset | None) -> StabilizeConfig:
    """The configuration of a network that is drawn, or read from a file, and can be stabilised as far as is known.

    Raises
    ------
    UserError
        For what `tuneful stabilize` would refuse before its first step.
    """
    read = {} if data is None else {"weights": str(Path(data.path).absolute())} | data.options
    config = config_from({**settings, **read})
    config.network_to_stabilize()
    config.arguments()
    return config


def _asked(data: StudyDataset) -> dict[str, Any]:
    """A dataset as the command line would be asked for it; its place holds wherever the job is run."""
    path = Path(data.path)
    return {"data": str(path.absolute()) if path.exists() else data.path, "options": data.options}


def _with_curves(config: RunConfig, circuit: AbstractCircuit) -> tuple[RunConfig, xr.Dataset]:
    """The configuration with the digest of its curves, and these; where they are simulated later, noise like them."""
    if config.data.path is not None:
        dataset, data = proven(read_curves(config.data), config.data)
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
