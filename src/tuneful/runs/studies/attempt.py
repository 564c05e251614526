"""One job of a study, in this process: begun, gone on with, or left as it is when it is finished."""

import dataclasses
import errno
import itertools
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuneful.errors import TunefulWarning, UserError, in_short, refusal
from tuneful.plain import printable
from tuneful.runs.folder import FAILURE, RunFolder
from tuneful.runs.lock import FolderInUseError
from tuneful.runs.manifest import Manifest, read_manifest
from tuneful.runs.studies.jobs import Standing, State, standing_of
from tuneful.runs.studies.study_folder import StudyFolder

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # of a disk: what lies there is as after a kill


@dataclass(frozen=True)
class End:
    """How an attempt at a job ended.

    begins_again
        Whether a further attempt has to begin the run again; otherwise it goes on from the last saved state.
    """

    index: int
    state: State
    why: str = ""
    begins_again: bool = False

    def written(self) -> dict[str, Any]:
        """As JSON knows it."""
        return asdict(self)

    @classmethod
    def read(cls, content: dict[str, Any]) -> "End":
        """Of what was `written`."""
        return dataclasses.replace(cls(**content), state=State(content["state"]))


def attempt(study: Path | str, index: int) -> End:
    """Bring a job to its end, with the bits that it has wherever and whenever it is run.

    A failure is noted in the run folder (failure.json), whatever it is, and is no exception here. A job that failed
    before is tried again: where a run could not go on, it is moved aside, and begun anew.

    Raises
    ------
    UserError
        If there is no such study or job.
    KeyboardInterrupt
        If it was interrupted; it can be gone on with.
    """
    from tuneful.runs.running import as_config, run

    folder = StudyFolder(study)
    job = folder.job(index)
    place = folder.run(job)
    if (found := standing_of(place)).state is State.FINISHED:
        return End(index, *found)
    try:
        _clear(place)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TunefulWarning)  # they are in result.json
            run(as_config(job.config, f"job {index}"), place.path, resume=True)
    except FolderInUseError as error:
        return End(index, State.RUNNING, str(error))
    except Exception as error:  # of any library and anybody's circuit: the study goes on without this job
        begins_again = not (isinstance(error, OSError) and error.errno in NO_ROOM)
        return noted(place, End(index, State.FAILED, _sentence(error), begins_again))
    return End(index, *_of_result(standing_of(place)))


def _clear(place: RunFolder) -> None:
    """Make room for a further attempt."""
    if not place.has(FAILURE):
        return
    before = place.read_json(FAILURE)
    if isinstance(before, dict) and before.get("begins_again") is False:
        place.discard(FAILURE)
        return
    names = (place.path.with_name(f"{place.path.name}.failed-{n}") for n in itertools.count(1))
    place.path.rename(next(path for path in names if not path.exists()))


def _of_result(found: Standing) -> Standing:
    """How a job stands that wrote its result; for an instant another process may look at its folder."""
    return Standing(State.FINISHED) if found.state is State.RUNNING else found


def noted(place: RunFolder, end: End) -> End:
    """Leave the reason of a failure in the run folder, if it can be written to; by whoever has the folder."""
    try:
        if read_manifest(place.path) is None:  # it failed before there was anything
            place.path.mkdir(parents=True, exist_ok=True)
            Manifest.of().write(place.path)
        place.write_json(FAILURE, {"why": end.why, "begins_again": end.begins_again})
    except (
        OSError,
        UserError,
    ):  # it is read-only, full, or holds something else: the end itself is told all the same
        pass
    return end


def _sentence(error: Exception) -> str:
    """A refusal as it is, and anything else with its kind and where it came from."""
    if isinstance(error, UserError):
        return printable(" ".join(str(error).split()), longest=200)
    if isinstance(error, MemoryError):
        return "there was not enough memory"
    if isinstance(error, OSError):
        return printable(refusal(error), longest=200)
    file = _file_of(error)
    return printable(f"{in_short(error, file)} ({os.path.basename(file)})", longest=200)


def _file_of(error: Exception) -> str:
    """The file in which it was raised."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return __file__ if last is None else last.tb_frame.f_code.co_filename
