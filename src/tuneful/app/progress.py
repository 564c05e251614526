"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

import sys
from typing import Self

from tqdm import tqdm


class Progress:
    """Shows how far a fit has come and how good it is, on standard error."""

    def __init__(self, total: int, done: int, show: bool):
        self._show = show and sys.stderr is not None
        self._total = total
        self._live = show and sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, unit="step", disable=not self._live, dynamic_ncols=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def step(self, loss: float) -> None:
        """One more step was taken."""
        self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self._bar.update()

    def evaluated(self, step: int, distances: dict[str, float]) -> None:
        """The distances to the held-out units are known."""
        text = "  ".join(f"{name} {ks:.3f}" for name, ks in distances.items())
        self.say(f"step {step:>5} of at most {self._total}   KS: {text}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._show:
            self._bar.write(text, file=sys.stderr) if self._live else print(text, file=sys.stderr, flush=True)
