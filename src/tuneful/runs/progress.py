"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from typing import Self

from tqdm import tqdm

EVERY = 5.0  # seconds between the lines of work that has no natural pauses


class Progress:
    """Shows how far a fit or a descent has come and how good it is, on standard error.

    `total` is None where it is not known how many steps it will take.
    """

    def __init__(self, total: int | None, done: int, show: bool):
        self._show = show and sys.stderr is not None
        self._total = total
        self._live = show and sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, unit="step", disable=not self._live, dynamic_ncols=True)
        self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, loss: float) -> None:
        """One more step was taken."""
        self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self._bar.update()

    def at(self, step: int, text: str) -> None:
        """So many steps were taken in all; elsewhere than on a terminal, said every few seconds only."""
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(step - self._bar.n)
        if not self._live and time.monotonic() - self._spoke >= EVERY:
            self._spoke = time.monotonic()
            self.say(f"step {step:>5}   {text}")

    def evaluated(self, step: int, distances: dict[str, float]) -> None:
        """The distances to the held-out units are known."""
        text = "  ".join(f"{name} {ks:.3f}" for name, ks in distances.items())
        self.say(f"step {step:>5} of at most {self._total}   KS: {text}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._show:
            self._bar.write(text, file=sys.stderr) if self._live else print(text, file=sys.stderr, flush=True)
