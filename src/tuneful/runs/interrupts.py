"""Ctrl-C and SIGTERM: a descent stops at its next step, all else ends at once, and one line says how to go on.

An exception from a signal may come in the middle of an import, be swallowed by a callback, and wait for minutes while
a program compiles. So the main thread is never given the signals: they are blocked, and a thread waits for them. What
it ends is left as a kill would leave it, which run folders survive, but without locks and half-written files.
"""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from tuneful.files import discard_unfinished

GRACE = 0.5  # seconds in which the process may end by itself: a descent after its step, whatever was nearly done
WORDS = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated."}
HINT = " The same command with --resume goes on from the last saved step."

_received: list[int] = []
_ending = threading.Lock()
_goodbye: str | None = None  # where being stopped is the normal end
_expected: tuple[Path, set, str] | None = None  # the configuration of a run, its stamps before it begins, the hint


def watch(goodbye: str | None = None) -> None:
    """Answer signals from now on; for programs of their own, not for libraries.

    A program whose normal end they are says `goodbye`, with exit code 0.

    Signals that the process ignores (as under `nohup`) stay ignored. Where threads cannot wait for signals (Windows),
    nothing changes.
    """
    global _goodbye
    _goodbye = goodbye
    asked = {number for number in WORDS if signal.getsignal(number) is not signal.SIG_IGN}
    if asked and hasattr(signal, "sigwait"):
        signal.pthread_sigmask(signal.SIG_BLOCK, asked)
        threading.Thread(target=_answer, args=(asked,), daemon=True).start()


def asked_to_stop(_: object = None) -> bool:
    """Whether a signal came: an observer of descents, which stops them."""
    return bool(_received)


def expect_run(config: Path, goes_on: bool, hint: str = HINT) -> None:
    """Tell which file will say that a run was begun, so that the line on its end can say how to go on with it.

    Parameters
    ----------
    config
        Is written, or written anew, when the run begins.
    goes_on
        Whether a run that is there already is gone on with.
    hint
        How to go on.
    """
    global _expected
    _expected = config, {None} if goes_on else {None, _stamp(config)}, hint


def say_goodbye() -> int:
    """Say the line where a descent was stopped, and return the exit code."""
    if _received:
        _end()
    print(_line(), file=sys.stderr)
    return _code()


def _answer(asked: set[int]) -> None:
    _received.append(signal.sigwait(asked))
    timer = threading.Timer(GRACE, _end)
    timer.daemon = True  # it must not keep a process that ends by itself
    timer.start()
    signal.sigwait(asked)  # a second one does not wait
    _end()


def _end() -> None:
    _ending.acquire()  # and never let go: only the first says the line
    with contextlib.suppress(OSError):
        os.write(2, f"{_line()}\n".encode())  # the lock of sys.stderr may be held by what is ended
    discard_unfinished()
    os._exit(_code())


def _code() -> int:
    return 0 if _goodbye is not None else 128 + _first()


def _first() -> int:
    return (_received or [signal.SIGINT])[0]


def _line() -> str:
    below = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""  # the bar, or ^C
    if _goodbye is not None:
        return below + _goodbye
    word = WORDS[signal.Signals(_first())]
    return below + word + (_expected[2] if _expected is not None and _is_begun(*_expected[:2]) else "")


def _is_begun(config: Path, before: set) -> bool:
    return _stamp(config) not in before


def _stamp(path: Path) -> tuple[int, int] | None:
    """Another one for every file that is renamed to this path; None if there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
