"""The folder of a run: what was asked, what happened, how far it got, what came out."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from tuneful.runs.checkpoints import checkpoints, load_checkpoint, save_checkpoint, write_atomically
from tuneful.errors import UserError
from tuneful.readers import load, save

CONFIG = "config.json"
CONTENTS = (
    CONFIG, "data.nc", "start.nc", "metrics.jsonl", "checkpoints", "result.json", "result.nc", "prediction.nc",
    "prediction_truth.nc", "circuit.npz", "report.html",
)  # fmt: skip


class RunFolder:
    """Files of one run. Whole files are put in place by renaming; the log is appended to line by line."""

    def __init__(self, path: Path | str):
        self.path = Path(path)

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / CONFIG).exists()

    def has(self, name: str) -> bool:
        """Whether a file of the run is there."""
        return (self.path / name).exists()

    def prepare(self, overwrite: bool) -> None:
        """Make the folder, or empty it of an earlier run.

        **Raises:** `UserError` if it holds a run and `overwrite` is false, or holds something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file, not a folder: choose another --out.")
        strangers = sorted(p.name for p in self.path.glob("[!.]*") if p.name not in CONTENTS)
        if not overwrite:
            self.refuse_existing()
        if strangers and not self.exists:
            raise UserError(f"{self.path} holds other files ({strangers[0]}, ...): choose a new folder.")
        left_by_a_kill = self.path.glob(".*.tmp*")
        for target in (*(self.path / name for name in CONTENTS), *left_by_a_kill):
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def refuse_existing(self) -> None:
        """**Raises:** `UserError` if a run was begun here."""
        if self.exists:
            raise UserError(
                f"{self.path} already holds a run: choose another --out, add --resume to go on with it, "
                "or --overwrite to replace it."
            )

    def write_json(self, name: str, content: Any) -> None:
        """Write one JSON file whole."""
        write_atomically(self.path / name, json.dumps(content, indent=1))

    def read_json(self, name: str) -> Any:
        """Read one JSON file. **Raises:** `UserError` if it is missing or damaged."""
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path} holds no {name}: is it the folder of a {'finished ' * (name != CONFIG)}run?"
            ) from error
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path / name} cannot be read: {error}.") from error

    def read_fit_config(self) -> dict[str, Any]:
        """Read the configuration of a fit. **Raises:** `UserError` if the folder is of something else."""
        config = self.read_json(CONFIG)
        if not isinstance(config, dict) or "circuit" not in config:
            raise UserError(f"{self.path} is not the folder of a fit.")
        return config

    def write_dataset(self, name: str, dataset: xr.Dataset) -> None:
        """Write one dataset whole."""
        temporary = self.path / f".{name}.tmp.nc"
        save(dataset, temporary)
        temporary.replace(self.path / name)

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

    def save_checkpoint(self, step: int, state: Any) -> None:
        """Save the state after a step."""
        save_checkpoint(self.path / "checkpoints", step, state)

    def load_checkpoint(self, template: Any) -> Any | None:
        """Read the newest readable checkpoint, None if there is none.

        **Raises:** `UserError` if there are checkpoints and none can be used.
        """
        found = checkpoints(self.path / "checkpoints")
        for path in reversed(found):
            try:
                return load_checkpoint(path, template)
            except UserError:
                if path == found[0]:
                    raise
        return None
