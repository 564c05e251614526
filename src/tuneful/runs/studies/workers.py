"""Processes that run jobs one after the other, and whoever looks after them: they may die, or never answer."""

from __future__ import annotations

import json
import math
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from tuneful.errors import UserError
from tuneful.plain import printable
from tuneful.runs.cores import environment_for
from tuneful.runs.studies.attempt import End, noted
from tuneful.runs.studies.jobs import State, standing_of
from tuneful.runs.studies.memory import resident
from tuneful.runs.studies.study_folder import StudyFolder

READY = "ready"
LOOK = 0.1  # seconds between two looks at the memory of a process
PATIENCE = 5.0  # seconds in which a process that is asked to stop may save its state
AGAIN = 0.5  # seconds between two looks at a run that somebody else has ...
WHILE = 20.0  # ... which for so long may be a process that a killed study left


@dataclass(frozen=True)
class Crew:
    """What workers are: the study that they are of, the places of code of one's own, and how they are treated.

    study
        The folder of the study, which every worker must reach by this path.
    code
        Arguments that name circuits and objectives of one's own.
    cores
        That a worker may use.
    limit
        Seconds that an attempt may take; None: as long as it takes.
    memory
        GiB that the process of an attempt may hold; None: as much as there is.
    retries
        Further attempts at a job whose process died.
    program
        What a worker runs; tests have their own.
    """

    study: str
    code: tuple[str, ...] = ()
    cores: int = 1
    limit: float | None = None
    memory: float | None = None
    retries: int = 0
    program: tuple[str, ...] = ("-P", "-m", "tuneful.runs.studies.worker_process")

    def command(self) -> list[str]:
        """The command of a worker."""
        return [sys.executable, *self.program, self.study, str(self.cores), *self.code]


class Worker:
    """A process that answers a line with the number of a job by a line with its end.

    It is started with the first job, and anew after a death. It ends when this process does.
    """

    def __init__(self, crew: Crew):
        self._crew = crew
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: IO[bytes] | None = None

    def attempt(self, index: int) -> End:
        """Have one job attempted.

        Raises
        ------
        UserError
            If no process can be started that is ready to work.
        """
        is_fresh = self._process is None
        process = self._process or self._start()
        try:
            process.stdin.write(f"{index}\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = self._awaited(process)
        except TimeoutError as late:
            self.close()
            return End(index, State.FAILED, str(late))
        except MemoryError as large:
            process.kill()  # it may want more while it is asked
            self._death()
            return End(index, State.FAILED, str(large)) if is_fresh else self.attempt(index)
        except OSError:
            answer = None
        if answer is None:
            return End(index, State.INTERRUPTED, self._death())
        return End.read(json.loads(answer))

    def _awaited(self, process: subprocess.Popen[str]) -> str | None:
        """The answer, or None at the death of the process; it is looked at as long as that takes.

        Raises
        ------
        TimeoutError, MemoryError
            If it takes more of either than it may.
        """
        limit, most = self._crew.limit, self._crew.memory
        until = math.inf if limit is None else time.monotonic() + limit
        while True:
            pause = min(until - time.monotonic(), math.inf if most is None else LOOK)
            try:
                return self._answers.get(timeout=max(pause, 0) if math.isfinite(pause) else None)
            except queue.Empty:
                if most is not None and resident(process.pid) > most:
                    raise MemoryError(f"it took more than the limit of {most:g} GiB of memory") from None
                if time.monotonic() >= until:
                    raise TimeoutError(f"it was not done within the limit of {limit:g} s") from None

    def stop(self) -> None:
        """End the process; a descent saves its state if it can in time."""
        process = self._process  # which is forgotten by whoever waits for it, as soon as it has ended
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        process.kill()

    def close(self) -> None:
        """The same, and let go of it; not while it is waited for."""
        if self._process is not None:
            self.stop()
            self._death()

    def _start(self) -> subprocess.Popen[str]:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            self._crew.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment_for(self._crew.cores),
            start_new_session=True,  # Ctrl-C is for whoever looks after it
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True).start()
        if self._answers.get() != READY:
            raise UserError(f"A worker of the study did not start: {self._death()}.")
        return self._process

    def _death(self) -> str:
        """Why the process ended, in words; the next job gets another one."""
        process, said = self._process, self._said
        assert process is not None
        assert said is not None
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        said.seek(0)
        last = said.read().decode(errors="replace").strip().splitlines()[-1:]
        said.close()
        self._process = self._said = None
        how = f"was ended by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        return printable(f"its process {how}" + "".join(f" ({line[:200]})" for line in last), longest=200)


def _listen(process: subprocess.Popen[str], answers: queue.SimpleQueue[str | None]) -> None:
    with suppress(ValueError, OSError):  # it was closed
        for line in process.stdout or ():
            answers.put(line.strip())
    answers.put(None)


def _signal(number: int) -> str:
    memory = ", which is what a system out of memory sends" * (number == signal.SIGKILL)
    names = {one.value: one.name for one in signal.Signals}
    return f"{names.get(number, f'signal {number}')}{memory}"


@dataclass
class Workers:
    """The workers of one crew in this process: a job is given to an idle one, or to a new one."""

    crew: Crew
    _idle: list[Worker] = field(default_factory=list)
    _all: list[Worker] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def attempt(self, index: int) -> End:
        """Attempt a job until it ends by itself, its process has died too often, or its time is over.

        What it failed of is noted in its folder.
        """
        with self._worker() as worker:
            end, deaths, waits = self._once(worker, index), 0, 0
            while not self._stopping.is_set():
                if end.state is State.INTERRUPTED and deaths < self.crew.retries:
                    deaths += 1
                elif end.state is State.RUNNING and waits < WHILE / AGAIN:
                    waits += 1
                    self._stopping.wait(AGAIN)
                else:
                    break
                end = self._once(worker, index)
        if end.state is State.INTERRUPTED and not self._stopping.is_set():
            end = End(index, State.FAILED, end.why)
        return self._noted(end) if end.state is State.FAILED and not end.begins_again else end

    def _once(self, worker: Worker, index: int) -> End:
        return End(index, State.INTERRUPTED) if self._stopping.is_set() else worker.attempt(index)

    def stop(self) -> None:
        """End all processes; attempts that are under way return."""
        self._stopping.set()
        for worker in self._all:
            worker.stop()

    def close(self) -> None:
        """The same, when no attempt is under way."""
        self.stop()
        for worker in self._all:
            worker.close()

    def _noted(self, end: End) -> End:
        """With the reason in the folder of the job; it may have been done at the last moment."""
        folder = StudyFolder(self.crew.study)
        place = folder.run(folder.job(end.index))
        found = standing_of(place)
        return End(end.index, *found) if found.state is State.FINISHED else noted(place, end)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        try:
            worker = self._idle.pop()
        except IndexError:  # asking first would let another thread take it in between
            worker = Worker(self.crew)
            self._all.append(worker)
        try:
            yield worker
        finally:
            self._idle.append(worker)


_here: dict[Crew, Workers] = {}


def attempt_by(crew: Crew, index: int) -> End:
    """Attempt a job by the workers of a crew in this process, whatever process it is."""
    return _here.setdefault(crew, Workers(crew)).attempt(index)


def stop(crew: Crew) -> None:
    """End the processes of a crew that were started here; attempts that are under way return."""
    if workers := _here.get(crew):
        workers.stop()


def dismiss(crew: Crew) -> None:
    """Let go of a crew, when no attempt is under way here."""
    if workers := _here.pop(crew, None):
        workers.close()
