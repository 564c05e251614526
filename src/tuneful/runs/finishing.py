"""After a descent: what it found is kept first, so that whatever fails in reporting on it costs no step."""

import contextlib
from collections.abc import Iterator

from tuneful.errors import UserError, refusal
from tuneful.fitting.fits import FitResult
from tuneful.fitting.unconstrained import parameter_values
from tuneful.plain import plain
from tuneful.runs.folder import RunFolder

FITTED = "fitted.json"


@contextlib.contextmanager
def finishing(folder: RunFolder | None, kept: str) -> Iterator[None]:
    """A context for whatever comes after a descent.

    Parameters
    ----------
    folder
        Of the run, whose last checkpoint is there by now; None for a run in memory.
    kept
        Where in the folder, or in Python, the user finds what was found.

    Raises
    ------
    UserError
        In place of an error that a user can mend, with how to finish. Other errors get that as a note.
    """
    how = f"The descent itself has ended, and what it found is kept in {kept}."
    if folder is not None:
        how = (
            f"The descent itself has ended, and what it found is kept in {folder.path / kept}: the same command with "
            "--resume finishes the run without repeating a step; what is only reported may be set differently."
        )
    try:
        yield
    except (UserError, OSError, MemoryError) as error:
        raise UserError(f"{_sentence(error)} {how}") from error
    except Exception as error:
        error.add_note(how)
        raise


def _sentence(error: UserError | OSError | MemoryError) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory to report on the run."
    return refusal(error)


def fitted_table(result: FitResult) -> dict:
    """What a fit found, without the curves: the content of fitted.json."""
    return plain(
        {
            "outcome": result.ending.outcome,
            "stopped": str(result.ending),
            "steps": result.steps,
            "parameters": parameter_values(result.circuit),
        }
    )
