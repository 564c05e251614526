"""Progress of long work: a bar on a terminal or in a notebook, a line now and then elsewhere, and a log."""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Self

from tqdm import tqdm

from tuneful.descents import Moment
from tuneful.errors import TunefulWarning
from tuneful.plain import printable

LONGEST = 200  # characters of a word in a note
EVERY = 5.0  # seconds between the lines of work that has no natural pauses
LOG = logging.getLogger("tuneful")  # says nothing unless somebody listens
LOG.addHandler(logging.NullHandler())


class Stopwatch:
    """Seconds of work, those of earlier processes included."""

    def __init__(self, before: float = 0.0):
        self._began = time.perf_counter() - before

    def __call__(self) -> float:
        return time.perf_counter() - self._began


class Progress:
    """Shows how far a fit or a descent has come and how good it is, on standard error, or nothing at all."""

    def __init__(self, show: bool):
        self._show = show and sys.stderr is not None
        self._live = self._show and sys.stderr is not None and (sys.stderr.isatty() or in_notebook())
        self._total: int | None = None
        self._bar: tqdm | None = None
        self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, done: int, total: int | None = None) -> None:
        """Work begins, or goes on, after so many steps; `total` is None where it is not known how many there are.

        Where it is known, steps are compiled before the first of them.
        """
        self._total = total
        if total is not None and done < total:
            self.say("compiling the first step, which may take minutes")
        self._bar = bars()(total=total, initial=done, unit="step", disable=not self._live, dynamic_ncols=True)

    def at(self, step: int, text: str) -> None:
        """So many steps were taken in all."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(step - self._bar.n)

    def now_and_then(self, step: int, text: str) -> None:
        """The same; elsewhere than on a terminal, it is said every few seconds."""
        self.at(step, text)
        if not self._live and time.monotonic() - self._spoke >= EVERY:
            self._spoke = time.monotonic()
            self.say(f"step {step:>5}   {text}")

    def evaluated(self, step: int, distances: dict[str, float]) -> None:
        """The distances to the held-out units are known."""
        text = "  ".join(f"{name} {ks:.3f}" for name, ks in distances.items())
        self.say(f"step {step:>5} of at most {self._total}   KS: {text}")

    def note(self, sentences: Iterable[str]) -> None:
        """Print what must not be missed; it is a warning of Python where nothing is printed."""
        for sentence in sentences:
            said = printable(sentence, LONGEST)
            LOG.warning(said)
            if self._show:
                self._print(f"note: {said}")
            else:
                warnings.warn(said, TunefulWarning, stacklevel=2)

    def say(self, text: str) -> None:
        """Print a line above the bar, and log it."""
        LOG.info(text)
        if self._show:
            self._print(text)

    def _print(self, text: str) -> None:
        if self._live and self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook, which is no terminal and shows bars all the same."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def bars() -> Any:
    """The bars of tqdm that suit: in a notebook widgets, or text where ipywidgets is not installed."""
    if not in_notebook():
        return tqdm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ipywidgets would be prettier
        from tqdm.auto import tqdm as of_notebook
    return of_notebook


def show_steps(progress: Progress) -> Callable[[Moment], None]:
    """An observer that shows what every step did."""

    def show(moment: Moment) -> None:
        if moment.record is None:
            progress.say("compiling the first step, which may take minutes")
            progress.begin(moment.steps)
        else:
            progress.now_and_then(moment.steps, str(moment.record))

    return show
