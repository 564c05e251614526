"""The folder of a run: what was asked, what happened, how far it got, what came out."""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from tuneful.errors import UserError
from tuneful.files import write_atomically
from tuneful.readers import load, save
from tuneful.runs.lock import HOLDER, LOCK, FolderLock

CONFIG = "config.json"  # the configuration: everything that decides the result
RESULT = "result.json"  # what was found; written last
CONTENTS = {
    CONFIG: "the configuration, everything that decides the result",
    "data.nc": "the curves of a fit, with a coordinate that says which were held out",
    "metrics.jsonl": "a line for every step, and for every evaluation",
    "checkpoints": "the states from which a killed run goes on",
    "start.nc": "curves at the start of a fit",
    "result.nc": "curves of the fitted circuit",
    "prediction.nc": "curves of the fitted circuit in conditions that were not fitted",
    "prediction_truth.nc": "those of the circuit that made the data",
    "circuit.npz": "a stabilised network, and how it went",
    "report.html": "the page",
    RESULT: "everything in numbers; written last, it marks a finished run",
}


@dataclass(frozen=True)
class Place:
    """Where a run is kept, and what may become of one that is there already."""

    folder: "RunFolder"
    resume: bool = False
    overwrite: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether a run that is there is gone on with."""
        return self.resume and self.folder.exists


class RunFolder:
    """Files of one run. Whole files are put in place by renaming; the log is appended to line by line."""

    def __init__(self, path: Path | str):
        self.path = Path(path)

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / CONFIG).exists()

    @property
    def checkpoints(self) -> Path:
        """Where states are kept."""
        return self.path / "checkpoints"

    def has(self, name: str) -> bool:
        """Whether a file of the run is there."""
        return (self.path / name).exists()

    def lock(self) -> FolderLock:
        """A context in which no other process can have the folder.

        Raises
        ------
        UserError
            If one has it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file, not a folder: choose another --out.")
        return FolderLock(self.path)

    def refuse(self, overwrite: bool) -> None:
        """Check that a run may begin here.

        Raises
        ------
        UserError
            If the folder holds a run and `overwrite` is false, or holds something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file, not a folder: choose another --out.")
        if self.exists and not overwrite:
            raise UserError(
                f"{self.path} already holds a run: choose another --out, add --resume to go on with it, "
                "or --overwrite to replace it."
            )
        strangers = sorted(p.name for p in self.path.glob("[!.]*") if p.name not in CONTENTS)
        if strangers and not self.exists:
            raise UserError(f"{self.path} holds other files ({strangers[0]}, ...): choose a new folder.")

    def refuse_changes(self, changed: Sequence[str]) -> None:
        """Refuse to go on with a run that was begun with other settings, named in `changed`.

        Raises
        ------
        UserError
            If there are any; the first is named.
        """
        if changed:
            raise UserError(
                f"The run in {self.path} was started with another {changed[0]}: "
                "resume it with its own settings, or choose another --out."
            )

    def prepare(self, overwrite: bool) -> None:
        """Make the folder, or empty it of an earlier run.

        Raises
        ------
        UserError
            As `refuse` does.
        """
        self.refuse(overwrite)
        left_by_a_kill = (p for p in self.path.glob(".*.tmp*") if p.name not in (LOCK, HOLDER))
        for target in (*(self.path / name for name in CONTENTS), *left_by_a_kill):
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write one JSON file whole."""
        write_atomically(self.path / name, json.dumps(content, indent=1))

    def read_json(self, name: str) -> Any:
        """Read one JSON file.

        Raises
        ------
        UserError
            If it is missing or damaged.
        """
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path} holds no {name}: is it the folder of a {'finished ' * (name != CONFIG)}run?"
            ) from error
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path / name} cannot be read: {error}.") from error

    def kind(self) -> str:
        """What was run here: "fit", "stabilized circuit".

        Raises
        ------
        UserError
            If nothing was.
        """
        config = self.read_json(CONFIG)
        if not isinstance(config, dict) or not ("kind" in config or "circuit" in config):
            raise UserError(f"{self.path} is not the folder of a run.")
        return str(config.get("kind", "fit"))  # fits did not say so once

    def write_dataset(self, name: str, dataset: xr.Dataset) -> None:
        """Write one dataset whole."""
        save(dataset, self.path / name)

    def read_dataset(self, name: str) -> xr.Dataset:
        """Read one dataset."""
        return load(self.path / name)

    def append_metrics(self, lines: Iterable[dict[str, Any]]) -> None:
        """Add lines to the log."""
        with open(self.path / "metrics.jsonl", "a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def read_metrics(self, until: int | None = None) -> list[dict[str, Any]]:
        """Read the log up to a step. A line cut short by a kill ends it."""
        lines: list[dict[str, Any]] = []
        path = self.path / "metrics.jsonl"
        for text in path.read_text().splitlines() if path.exists() else []:
            try:
                line = json.loads(text)
            except ValueError:
                break
            if until is None or line["step"] <= until:
                lines.append(line)
        return lines

    def rewrite_metrics(self, lines: Iterable[dict[str, Any]]) -> None:
        """Replace the log."""
        write_atomically(self.path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
