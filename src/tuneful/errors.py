"""Errors that a user can mend: the command line prints them as one sentence, without a traceback."""

import difflib
import os
import traceback
from collections.abc import Iterable


class UserError(ValueError):
    """Something in the input, the configuration or the file system is not as it must be."""


class DatasetError(UserError):
    """Data that cannot be used; the message names the offending entry and what to try."""


class NotFittedError(UserError, AttributeError):
    """What only a fit brings was asked for before it; `hasattr` says that it is not there."""


class TunefulWarning(UserWarning):
    """What nobody may miss who reads the numbers; the command line prints it as a note."""


def in_short(error: BaseException, file: str) -> str:
    """What went wrong in somebody's file, in a few words: the kind of error, the line, and what it says.

    >>> in_short(ZeroDivisionError("division by zero"), "mine.py")
    'ZeroDivisionError: division by zero'
    """
    frames = [
        f.lineno
        for f in traceback.extract_tb(error.__traceback__)
        if os.path.basename(f.filename) == os.path.basename(file)
    ]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1] if frames else None
    return f"{type(error).__name__}{'' if line is None else f' in line {line}'}: {' '.join(str(error).split())[:200]}"


def refusal(error: OSError) -> str:
    """What is said where the file system refused something: why, and of which file.

    >>> refusal(FileNotFoundError(2, "No such file or directory", "a.csv"))
    'The file system refused: No such file or directory (a.csv).'
    """
    where = f" ({error.filename})" if error.filename else ""
    return f"The file system refused: {error.strerror or error}{where}."


def suggest(name: str, available: Iterable[str]) -> str:
    """End an error with the nearest name, or with all of them.

    Parameters
    ----------
    name
        What was asked for.
    available
        What there is.

    Returns
    -------
    A sentence that begins with a space.

    >>> suggest("enrgy", ["energy", "wgan"])
    " Did you mean 'energy'?"
    >>> suggest("x", ["energy", "wgan"])
    ' Choose from: energy, wgan.'
    """
    names = list(available)
    close = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Choose from: {', '.join(names)}."
