"""The folder of a study: what was asked, the jobs that came of it, and a run folder for each."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tuneful.errors import UserError
from tuneful.runs.folder import CONFIG, JOBS, RunFolder
from tuneful.runs.lock import FolderLock
from tuneful.runs.studies.jobs import Job, Standing, standing_of
from tuneful.runs.studies.study_settings import KIND, StudySettings
from tuneful.settings import parse

JOB = TypeAdapter(Job)
RUNS, COLLECTED = "runs", "collected"


class StudyFolder:
    """Files of one study. Whoever runs a job writes into the folder of that job only."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self._own = RunFolder(path)

    @property
    def exists(self) -> bool:
        """Whether a study was begun here."""
        return self._own.exists

    def lock(self) -> FolderLock:
        """A context in which no other process can run the study; its jobs have locks of their own.

        Raises
        ------
        UserError
            If one does.
        """
        return self._own.lock()

    def begin(self, study: StudySettings, jobs: Iterable[Job]) -> None:
        """Write what the study is; its configuration comes last, and marks it as begun.

        Raises
        ------
        UserError
            If the folder holds something already.
        """
        self._own.prepare(overwrite=False)
        with self._own.writing(JOBS) as path:
            path.write_text("".join(json.dumps(job.written()) + "\n" for job in jobs))
        self._own.write_json(CONFIG, study.written())

    def refuse(self) -> None:
        """Check that a study may begin here.

        Raises
        ------
        UserError
            If the folder holds something already.
        """
        self._own.refuse(overwrite=False)

    def study(self) -> StudySettings:
        """What was asked.

        Raises
        ------
        UserError
            If the folder is of something else, or damaged.
        """
        if self._own.kind() != KIND:
            raise UserError(f"{self.path} is not the folder of a study.")
        self._own.refuse_damage()
        return parse(StudySettings, self._own.read_json(CONFIG), str(self.path / CONFIG))

    def refuse_changes(self, study: StudySettings) -> None:
        """Refuse to go on with another study than that of the folder.

        Raises
        ------
        UserError
            If it differs in a setting, which is named.
        """
        if changed := study.changes(self.study().written()):
            raise UserError(
                f"The study in {self.path} was begun with another {changed[0]}: go on with it as it was, or choose "
                "another --out."
            )

    def jobs(self) -> Iterator[Job]:
        """All jobs, in their order."""
        with self._lines() as lines:
            yield from map(self._read, lines, itertools.count())

    def job(self, index: int) -> Job:
        """One of them.

        Raises
        ------
        UserError
            If there is none of that number.
        """
        with self._lines() as lines:
            line = next(itertools.islice(lines, index, None), None) if index >= 0 else None
        if line is None:
            raise UserError(
                f"{self.path} has no job {index}: the first is 0, the last {sum(1 for _ in self.jobs()) - 1}."
            )
        return self._read(line, index)

    def run(self, job: Job) -> RunFolder:
        """The run folder of a job."""
        return RunFolder(self.path / RUNS / job.name)

    def standings(self) -> list[tuple[Job, Standing]]:
        """How all jobs stand."""
        return [(job, standing_of(self.run(job))) for job in self.jobs()]

    def _lines(self) -> Any:
        try:
            return open(self.path / JOBS, "rb")
        except OSError as error:
            raise UserError(f"{self.path / JOBS} cannot be read ({error.strerror}): is this a study?") from error

    def _read(self, line: bytes, number: int) -> Job:
        try:
            job = JOB.validate_python(json.loads(line))
            if job.index != number or not isinstance(job.config.get("seed"), int):
                raise ValueError("it is no job of that number")
            return job
        except (ValueError, TypeError, RecursionError) as error:
            raise UserError(f"{self.path / JOBS} is damaged: begin the study in another folder.") from error
