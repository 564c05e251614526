"""The folder of a run: what was asked, what happened, how far it got, what came out.

Whoever only looks after runs needs no JAX: what reads curves and states is imported where it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneful.errors import UserError
from tuneful.files import replacing
from tuneful.plain import printable
from tuneful.runs.lock import FolderLock
from tuneful.runs.manifest import LOG, MANIFEST, Manifest, read_manifest, stranger

if TYPE_CHECKING:
    import xarray as xr

CONFIG = "config.json"  # the configuration: everything that decides the result
RESULT = "result.json"  # what was found; written last
PAGE = "report.html"
GOODNESS, GOODNESS_PAGE = "goodness.json", "goodness.html"
DESIGN, DESIGN_PAGE = "design.json", "design.html"
PREDICTIONS, PREDICTIONS_DRAWS, PREDICTIONS_PAGE = "predictions.json", "predictions.nc", "predictions.html"
FAILURE = "failure.json"  # why a job of a study failed
JOBS = "jobs.jsonl"  # of a study
INFERENCE = "inference.json"  # intervals, written last of an inference
INFERENCE_SETTINGS, INFERENCE_DRAWS = "inference_settings.json", "inference.nc"
STATES, INFERENCE_STATES = "checkpoints", "inference_checkpoints"
GOODNESS_STATES, PREDICTIONS_STATES = "goodness_checkpoints", "predictions_checkpoints"
DESIGN_STATES, ONE_STEP_STATES = "design_checkpoints", "one_step_checkpoints"
ALL_STATES = (STATES, ONE_STEP_STATES, INFERENCE_STATES, GOODNESS_STATES, DESIGN_STATES, PREDICTIONS_STATES)
CONTENTS = {
    MANIFEST: "what the run wrote, and the proof of it; nothing else in the folder is replaced or removed",
    CONFIG: "the configuration, everything that decides the result",
    "data.nc": "the curves of a fit, with a coordinate that says which were held out",
    LOG: "a line for every step, and for every evaluation; of a comparison, for every refit",
    STATES: "the states from which a killed run goes on",
    ONE_STEP_STATES: "the states from which killed steps of a learned score go on; gone when the run is finished",
    "fitted.json": "the fitted parameters, from the end of the descent to that of the run",
    "start.nc": "curves at the start of a fit",
    "result.nc": "curves of the fitted circuit",
    "prediction.nc": "curves of the fitted circuit in conditions that were not fitted",
    "prediction_truth.nc": "those of the circuit that made the data",
    "circuit.npz": "a stabilised network, and how it went",
    "compare.json": "what a comparison of runs found",
    FAILURE: "why a job of a study failed; gone when it is tried again",
    JOBS: "the jobs of a study, one a line: what each is run with",
    GOODNESS: "whether the circuit could have produced the units",
    GOODNESS_PAGE: "its page",
    GOODNESS_STATES: "the states from which a killed test goes on; gone when it is finished",
    DESIGN_STATES: "the states from which a killed design goes on; gone when it is finished",
    DESIGN: "which conditions to measure next",
    DESIGN_PAGE: "its page",
    PREDICTIONS_STATES: "the states from which killed predictions go on; gone when they are finished",
    PREDICTIONS_DRAWS: "what the circuit predicts at every draw of its parameters",
    PREDICTIONS: "the same with bands",
    PREDICTIONS_PAGE: "their page",
    PAGE: "the page",
    INFERENCE_SETTINGS: "what an inference was asked for, and of which answer",
    INFERENCE_STATES: "the states from which a killed inference goes on; gone when it is finished",
    INFERENCE_DRAWS: "draws of the parameters, as ArviZ reads them",
    INFERENCE: "intervals, and what the data do not tell apart",
    RESULT: "everything in numbers; written last, it marks a finished run",
}


@dataclass(frozen=True)
class Place:
    """Where a run is kept, and what may become of one that is there already."""

    folder: RunFolder
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
        return self.path / STATES

    @property
    def inference_checkpoints(self) -> Path:
        """Where those of an inference are."""
        return self.path / INFERENCE_STATES

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
        self._refuse_file()
        return FolderLock(self.path)

    def refuse(self, overwrite: bool) -> None:
        """Check that a run may begin here.

        Raises
        ------
        UserError
            If the folder holds a run and `overwrite` is false, or anything that no run is proven to have written.
        """
        self._refuse_file()
        manifest = read_manifest(self.path)
        if manifest is None and self._is_of_earlier_version():
            raise UserError(
                f"{self.path} already holds a run, of an earlier version of tuneful that did not note what it wrote: "
                "choose another --out. An unfinished one is gone on with by --resume."
            )
        if manifest is not None and self.exists and not overwrite:
            raise UserError(
                f"{self.path} already holds a run: choose another --out, add --resume to go on with it, "
                "or --overwrite to replace it."
            )
        if other := next(self._strangers(manifest), None):
            raise stranger(other, manifest is not None and other.name in manifest.files)

    def _refuse_file(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file, not a folder: choose another --out.")

    def _is_of_earlier_version(self) -> bool:
        with contextlib.suppress(UserError):
            return bool(self.kind())
        return False

    def _strangers(self, manifest: Manifest | None) -> Iterator[Path]:
        """Whatever is not proven to be of the run; hidden files are left alone and stand in nobody's way."""
        from tuneful.runs.checkpoints import is_proven

        for path in sorted(self.path.iterdir()) if self.path.exists() else ():
            is_hidden = path.name[0] == "." and (path.name != MANIFEST or manifest is not None)
            if is_hidden or (manifest is not None and manifest.proves(path)):
                continue
            holds_states = path.parent == self.path and path.name in ALL_STATES
            if manifest is not None and holds_states and path.is_dir() and not path.is_symlink():
                yield from (p for p in sorted(path.iterdir()) if p.name[0] != "." and not is_proven(p))
            else:
                yield path

    def refuse_damage(self) -> None:
        """Refuse to read a run whose files, but for its pages, were changed since they were written.

        Raises
        ------
        UserError
            If there is one; the first is named. Folders of earlier versions do not know what was written.
        """
        manifest = read_manifest(self.path)
        if manifest is None:
            return
        for path in (self.path / name for name in manifest.files if not name.endswith(".html")):
            if path.exists() and not manifest.proves(path):
                raise UserError(
                    f"{path} is damaged, or was changed since tuneful wrote it: put the original back, "
                    "or run it again in another folder."
                )

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """A context for reading a folder of which nothing may be proven, of an earlier version or damaged.

        Raises
        ------
        UserError
            In place of whatever comes of content that no run wrote.
        """
        try:
            yield
        except (UserError, OSError):
            raise
        except Exception as error:
            if read_manifest(self.path) is not None:
                raise
            what = printable(f"{type(error).__name__} {error}").split("\n")[0]
            raise UserError(f"{self.path} cannot be read as the folder of a run ({what}).") from error

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

        The configuration goes first, so that nothing half removed is taken for a run.

        Raises
        ------
        UserError
            As `refuse` does.
        """
        from tuneful.runs.checkpoints import remove_checkpoints

        self.refuse(overwrite)
        self.path.mkdir(parents=True, exist_ok=True)
        if (before := read_manifest(self.path)) is not None:
            for path in sorted(self.path.iterdir(), key=lambda path: path.name != CONFIG):
                if before.proves(path) or before.is_leftover(path):
                    path.unlink()
            for name in ALL_STATES:
                remove_checkpoints(self.path / name)
        Manifest.of().write(self.path)

    def go_on(self) -> None:
        """Check that all that a run will write may be written, and note the files of one of an earlier version.

        Raises
        ------
        UserError
            If there is a file that is not proven to be of the run; only how an earlier version began is believed.
        """
        manifest = read_manifest(self.path)
        begun = {CONFIG, "data.nc", LOG} if manifest is None else {MANIFEST}
        for name in sorted(CONTENTS.keys() - begun - {*ALL_STATES}):
            path = self.path / name
            if os.path.lexists(path) and not (manifest is not None and manifest.proves(path)):
                raise stranger(path, manifest is not None and name in manifest.files)
        if manifest is None:
            Manifest.of(*(self.path / name for name in begun if self.has(name))).write(self.path)

    @contextlib.contextmanager
    def writing(self, name: str, overwrite: bool = False) -> Iterator[Path]:
        """Give a path to write to, and put what was written there into the folder, noted before it appears.

        Raises
        ------
        UserError
            If there is a file of that name which is not of this run, and `overwrite` is false; it is kept.
        """
        manifest = read_manifest(self.path)
        if manifest is None:
            raise UserError(f"{self.path} is not the folder of a run, or its {MANIFEST} is damaged.")
        with replacing(self.path / name, manifest.mark) as temporary:
            yield temporary
            manifest.noted(self.path / name, temporary, overwrite).write(self.path)

    def discard(self, name: str) -> None:
        """Remove a file that the run wrote and no longer has."""
        manifest = read_manifest(self.path)
        if manifest is not None and manifest.proves(self.path / name):
            (self.path / name).unlink()

    def write_json(self, name: str, content: Any) -> None:
        """Write one JSON file whole."""
        with self.writing(name) as path:
            path.write_text(json.dumps(content, indent=1))

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
        except NotADirectoryError as error:
            raise UserError(f"{self.path} is a file: name the folder of a run.") from error
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{self.path / name} cannot be read: {error}. Is it of a run, and complete?") from error

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
        from tuneful.readers import save

        with self.writing(name) as path:
            save(dataset, path)

    def read_dataset(self, name: str) -> xr.Dataset:
        """Read one dataset."""
        from tuneful.readers import load

        return load(self.path / name)

    def append_metrics(self, lines: Iterable[dict[str, Any]]) -> None:
        """Add lines to the log."""
        if not self.has(LOG):
            self.rewrite_metrics([])
        with open(self.path / LOG, "a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def read_metrics(self, until: int | None = None) -> list[dict[str, Any]]:
        """Read the log up to a step. A line cut short by a kill, or that is none, ends it."""
        lines: list[dict[str, Any]] = []
        path = self.path / LOG
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
            try:
                line = json.loads(text)
                line["step"] = int(line["step"])
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
                break
            if until is None or line["step"] <= until:
                lines.append(line)
        return lines

    def rewrite_metrics(self, lines: Iterable[dict[str, Any]]) -> None:
        """Replace the log."""
        with self.writing(LOG) as path:
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
