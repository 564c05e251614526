"""An inference on a finished fit: a run of its own in the folder of the fit, which can be killed and gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
from threadpoolctl import threadpool_limits

from tuneful.analysis import Inference, InferenceSettings, infer
from tuneful.analysis.inference import checked_clusters
from tuneful.curves.labels import COMPARED_AS
from tuneful.descents import Observer
from tuneful.errors import UserError
from tuneful.fitting.tables import other_versions, versions
from tuneful.runs.checkpoints import Checkpoints, remove_checkpoints
from tuneful.runs.curves_source import digest
from tuneful.runs.fit_run import read_run_config
from tuneful.runs.folder import INFERENCE, INFERENCE_DRAWS, INFERENCE_SETTINGS, PAGE, RESULT, RunFolder
from tuneful.runs.inference_files import (
    OF_PREDICTIONS,
    answer_of,
    discard,
    discard_unfinished_inference,
    inference_of,
)
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.progress import Progress, show_steps
from tuneful.settings import differences

if TYPE_CHECKING:
    from tuneful.runs.estimator import Fit


def execute_inference(
    fit: Fit, folder: RunFolder, settings: InferenceSettings, resume: bool, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    """Find intervals for a finished run, and write them into its folder: the content of inference.json.

    Parameters
    ----------
    fit
        The run, as `Fit.load` reads it.
    folder
        Its folder.
    settings
        What is asked for.
    resume
        Go on with an inference that was begun there; one that is finished stays as it is.
    overwrite
        Replace one.
    progress
        Shows how far it has come.

    Raises
    ------
    UserError
        For an inference that is there, or was begun with other settings, for a folder whose files were changed, and
        for whatever `infer` refuses.
    KeyboardInterrupt
        If it was interrupted; it can be gone on with.
    """
    with folder.lock():
        _refuse_other_curves(fit, folder)
        checked_clusters(fit.task_, settings)  # before what is there is replaced
        folder.go_on()
        known = _begun(folder, settings, resume, overwrite)
        if known is not None:
            return known
        written = {
            "settings": settings.model_dump(mode="json"),
            "versions": versions(),
            "fitted": answer_of(fit.result_),
        }
        if not folder.has(INFERENCE_SETTINGS):
            folder.write_json(INFERENCE_SETTINGS, written)
        keeper = Checkpoints(folder.inference_checkpoints)
        observers: list[Observer] = [asked_to_stop, show_steps(progress)]
        try:
            with threadpool_limits(1 if len(jax.devices()) > 1 else None, "blas"):
                found = infer(fit.task_, fit.circuit_, settings, keeper=keeper, observers=observers)
        except UserError:  # what was asked for cannot be had: there is nothing to go on with
            discard_unfinished_inference(folder)
            raise
        return _write(fit, folder, found, settings, keeper.clock())


def _begun(folder: RunFolder, settings: InferenceSettings, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """What is known already: an inference that is finished and may stay.

    An earlier answer stays until the new one is there; only how far another had come is removed.
    """
    if overwrite or not (folder.has(INFERENCE_SETTINGS) or folder.has(INFERENCE)):
        discard_unfinished_inference(folder)
        return None
    if not resume:
        raise UserError(
            f"{folder.path} already holds an inference: add --resume to go on with it, or --overwrite to replace it."
        )
    before = folder.read_json(INFERENCE_SETTINGS if folder.has(INFERENCE_SETTINGS) else INFERENCE)
    changed = differences(before["settings"], settings.model_dump(mode="json"))
    result = folder.read_json(RESULT)
    if changed or before["fitted"] != answer_of(result):
        what = f"another {changed[0]}" if changed else "another answer of the fit"
        raise UserError(f"The inference in {folder.path} was begun with {what}: add --overwrite to replace it.")
    known = inference_of(folder, result)
    return known if known is not None and known.get("settings") == settings.model_dump(mode="json") else None


def _write(
    fit: Fit, folder: RunFolder, found: Inference, settings: InferenceSettings, seconds: float
) -> dict[str, Any]:
    """Write draws, table and page; the states are of no use any more."""
    begun_with = folder.read_json(INFERENCE_SETTINGS)["versions"]
    table = found.table()
    table["remarks"] += other_versions(begun_with)
    table |= {"settings": settings.model_dump(mode="json"), "fitted": answer_of(fit.result_), "versions": begun_with}
    table |= {"wall_seconds": round(seconds, 3)}
    discard(folder, OF_PREDICTIONS)  # which were of other draws
    with folder.writing(INFERENCE_DRAWS) as path:
        found.draws.to_netcdf(path, group="posterior", engine="h5netcdf")
    folder.write_json(INFERENCE, table)
    fit.inference_table = table
    with folder.writing(PAGE) as path:
        fit.report(path)
    remove_checkpoints(folder.inference_checkpoints)
    return table


def _refuse_other_curves(fit: Fit, folder: RunFolder) -> None:
    """Of runs whose curves were replaced together with their proof."""
    expected = read_run_config(folder).data.sha256
    if expected not in (None, digest(fit.dataset_.drop_vars(["held_out", COMPARED_AS], errors="ignore"))):
        raise UserError(f"{folder.path / 'data.nc'} does not hold the curves of the run: put the original back.")
