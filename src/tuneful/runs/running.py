"""One entry for every job: the command line, Python, and whoever runs many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tuneful.errors import UserError
from tuneful.readers.reading import NOTES
from tuneful.runs.configuration import RunConfig, read_config
from tuneful.runs.curves_source import curves_of
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import CONFIG, Place, RunFolder
from tuneful.runs.own_code import changed_code
from tuneful.runs.progress import Progress
from tuneful.runs.stabilize_config import KIND, StabilizeConfig
from tuneful.settings import parse, shown
from tuneful.solvers.precision import computing_in

Config = RunConfig | StabilizeConfig


def run(
    config: Config | Path | str,
    folder: Path | str,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str | None = None,
) -> Any:
    """Run a configuration to its end, in a folder of its own.

    It reads no command line, prints nothing unless it is given a `progress`, and leaves the flags of JAX as they are.

    Parameters
    ----------
    config
        A configuration, or a file with one: a .toml, or the config.json of another run, which gives the same bits.
    folder
        Where the run is kept.
    resume
        Go on with the run in the folder, if there is one.
    overwrite
        Replace it.
    progress
        Shows how far it has come; nothing by default.
    command
        What the page gives as the command that does this again.

    Returns
    -------
    Fit or StabilizedRun
        What was found: a fit, or a `tuneful.runs.stabilize_run.StabilizedRun`.

    Raises
    ------
    UserError
        One sentence on what is wrong with the configuration, the data or the folder.
    KeyboardInterrupt
        If it was interrupted; the run can be gone on with.
    """
    if not isinstance(config, Config):
        config = as_config(read_config(Path(config)), str(config))
    place, bar = Place(RunFolder(folder), resume, overwrite), progress or Progress(show=False)
    is_fit = isinstance(config, RunConfig)
    if command is None:
        command = f"tuneful fit {place.folder.path / CONFIG} --out NEW_FOLDER" if is_fit else config.command()
    if isinstance(config, StabilizeConfig):
        from tuneful.runs.stabilize_run import execute_stabilize  # of which a fit needs nothing

        return execute_stabilize(config, place, bar, command)
    with computing_in(config.precision), bar:
        return _fit(config, place, bar, command)


def as_config(settings: dict[str, Any], origin: str) -> Config:
    """Settings as the configuration of their kind.

    Raises
    ------
    UserError
        For bad ones.
    """
    kind = settings.get("kind", "fit")
    known: dict[str, type[Config]] = {"fit": RunConfig, KIND: StabilizeConfig}
    if not isinstance(kind, str) or kind not in known:
        raise UserError(f"{origin}: kind = {shown(kind)} is not one of {', '.join(known)}.")
    return parse(known[kind], settings, origin)


def _fit(config: RunConfig, place: Place, progress: Progress, command: str) -> Fit:
    circuit, objective, penalties = config.components()
    dataset, data = curves_of(config)
    progress.note(map(str, np.atleast_1d(dataset.attrs.get(NOTES, []))))
    complete = config.completed(circuit, objective, penalties).model_copy(update={"data": data})
    progress.note(changed_code(complete.code, config.code))
    fit = Fit(circuit, objective, penalties, complete.match)
    fit.settings = complete.fit
    return fit.execute(dataset, complete, place, progress, command)
