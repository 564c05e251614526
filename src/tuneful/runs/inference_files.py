"""What an inference leaves in the folder of a fit, and whether it is of the answer that is there."""

from typing import Any

from tuneful.circuits import AbstractCircuit
from tuneful.runs.checkpoints import remove_checkpoints
from tuneful.runs.folder import INFERENCE, INFERENCE_DRAWS, INFERENCE_SETTINGS, RunFolder


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


def discard_inference(folder: RunFolder) -> None:
    """Remove what an inference wrote, and its states."""
    for name in (INFERENCE, INFERENCE_DRAWS, INFERENCE_SETTINGS):
        folder.discard(name)
    remove_checkpoints(folder.inference_checkpoints)
