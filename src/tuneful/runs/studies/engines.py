"""Where the jobs of a study run: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

from tuneful.errors import UserError
from tuneful.runs.studies.attempt import End, attempt
from tuneful.runs.studies.jobs import State
from tuneful.runs.studies.workers import Crew, attempt_by, dismiss, stop

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"  # instead of an address: a cluster on this machine
CONNECT = 30  # seconds in which a scheduler answers


class Engine(Protocol):
    """Something that attempts jobs.

    It keeps what it has started until its generator is closed, and then ends it.
    """

    def ends(self, crew: Crew, indices: Sequence[int]) -> Generator[End]:
        """Attempt jobs; give the end of each as it comes, in any order."""
        ...


@final
@dataclass(frozen=True)
class InThisProcess:
    """One job after the other, here, to look into what goes wrong: nothing is limited, and a death is one's own."""

    def ends(self, crew: Crew, indices: Sequence[int]) -> Generator[End]:
        """See `Engine`.

        Raises
        ------
        UserError
            For a limit, which nobody here could hold.
        """
        if (crew.limit, crew.memory) != (None, None):
            raise UserError("Limits of jobs are held by whoever looks after workers: use one or more (--workers 1).")
        for index in indices:
            yield attempt(crew.study, index)


@final
@dataclass(frozen=True)
class LocalWorkers:
    """So many processes of this machine; with one, jobs run one after the other in the order of their numbers."""

    number: int = 1

    def ends(self, crew: Crew, indices: Sequence[int]) -> Generator[End]:
        """See `Engine`."""
        attendants = ThreadPoolExecutor(self.number, thread_name_prefix="tuneful-study")
        try:
            attempts = [attendants.submit(attempt_by, crew, index) for index in indices]
            yield from (done.result() for done in as_completed(attempts))
        finally:
            stop(crew)
            attendants.shutdown(cancel_futures=True)
            dismiss(crew)


@final
@dataclass(frozen=True)
class DaskWorkers:
    """A Dask cluster: one on this machine, or that of a scheduler. Every Dask worker has a process that computes.

    So Dask's own processes answer its scheduler while a step compiles for minutes, and a limit can be held. Where a
    whole Dask worker is lost, its scheduler gives the job to another one, which goes on from the last saved state.

    address
        Of the scheduler; "local" starts one here.
    number
        Workers of a cluster that is started here.
    """

    address: str = LOCAL
    number: int = 1

    def ends(self, crew: Crew, indices: Sequence[int]) -> Generator[End]:
        """See `Engine`.

        Raises
        ------
        UserError
            If Dask is not installed, or no scheduler answers.
        """
        with self._client(crew.retries) as client:
            futures = {client.submit(attempt_by, crew, index, pure=False): index for index in indices}
            try:
                from distributed import as_completed as completed

                for done in completed(list(futures)):
                    lost = done.exception()
                    yield done.result() if lost is None else _lost(futures[done], lost)
            finally:
                with contextlib.suppress(OSError):  # a cluster that is gone has nothing left to be ended
                    client.cancel(list(futures))
                    client.run(stop, crew)
                    client.run(dismiss, crew)

    @contextlib.contextmanager
    def _client(self, retries: int) -> Iterator[Client]:
        try:
            from dask import config
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise UserError("Dask is not installed: pip install 'tuneful[cluster]', or use --workers.") from error
        # A job may be lost with a worker as often as it may die; and a busy machine is no dead one.
        patient = {"distributed.scheduler.allowed-failures": retries, "distributed.scheduler.worker-ttl": None}
        with contextlib.ExitStack() as stack:
            stack.enter_context(config.set(patient))
            where: Any = self.address
            if self.address == LOCAL:
                about = {"n_workers": self.number, "threads_per_worker": 1, "dashboard_address": None}
                where = stack.enter_context(LocalCluster(processes=True, silence_logs=50, **about))
            try:
                client = stack.enter_context(Client(where, timeout=CONNECT))
            except (OSError, ValueError, TimeoutError) as error:
                raise UserError(f"No Dask scheduler answers at {self.address}: {error}.") from error
            yield client


def _lost(index: int, error: BaseException) -> End:
    """The end of a job that Dask gave up, or that never reached a worker."""
    if isinstance(error, UserError):
        raise error
    return End(index, State.FAILED, f"Dask lost it with its workers ({type(error).__name__}): {str(error)[:200]}")
