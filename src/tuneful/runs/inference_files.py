"""What an inference leaves in the folder of a fit, and whether it is of the answer that is there."""

from collections.abc import Iterable
from typing import Any

from tuneful.circuits import AbstractCircuit
from tuneful.runs.checkpoints import remove_checkpoints
from tuneful.runs.folder import (
    DESIGN,
    DESIGN_PAGE,
    GOODNESS,
    GOODNESS_PAGE,
    INFERENCE,
    INFERENCE_DRAWS,
    INFERENCE_SETTINGS,
    PREDICTIONS,
    PREDICTIONS_DRAWS,
    PREDICTIONS_PAGE,
    RunFolder,
)

OF_PREDICTIONS = PREDICTIONS, PREDICTIONS_DRAWS, PREDICTIONS_PAGE
OF_ANSWERS = (GOODNESS, GOODNESS_PAGE), (DESIGN, DESIGN_PAGE), OF_PREDICTIONS  # the first file of each says of which


def answer_of(result: dict[str, Any]) -> dict[str, Any]:
    """The answer that an inference is of: fitted values by name, from the content of result.json."""
    return {name: row["value"] for name, row in result["parameters"].items()}


def about_answer(circuit: AbstractCircuit, result: dict[str, Any]) -> dict[str, Any]:
    """What is kept beside anything that was computed of an answer: whose it is, and of which data."""
    return {"fitted": answer_of(result), "circuit": type(circuit).__name__, "data": result["data"]}


def inference_of(folder: RunFolder, result: dict[str, Any]) -> dict[str, Any] | None:
    """The content of inference.json, if there is one of this very answer; None otherwise."""
    if not folder.has(INFERENCE):
        return None
    table = folder.read_json(INFERENCE)
    return table if table.get("fitted") == answer_of(result) else None


def discard_other_answers(folder: RunFolder, result: dict[str, Any]) -> None:
    """Remove what was computed of another answer than this, which the run had before."""
    for names in OF_ANSWERS:
        if folder.has(names[0]) and folder.read_json(names[0]).get("fitted") != answer_of(result):
            discard(folder, names)


def discard(folder: RunFolder, names: Iterable[str]) -> None:
    """Remove files that the run wrote, if they are there."""
    for name in names:
        folder.discard(name)


def discard_inference(folder: RunFolder) -> None:
    """Remove what an inference wrote, what was predicted of its draws, and its states."""
    discard(folder, (INFERENCE, INFERENCE_DRAWS, *OF_PREDICTIONS))
    discard_unfinished_inference(folder)


def discard_unfinished_inference(folder: RunFolder) -> None:
    """Remove how far an inference had come, and what it was asked; an answer that is there stays."""
    folder.discard(INFERENCE_SETTINGS)
    remove_checkpoints(folder.inference_checkpoints)
