"""The one loop of every descent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from tuneful.descents.descent import AbstractDescent, Record, State
from tuneful.descents.outcome import Ended, Ending, Outcome


@dataclass(frozen=True)
class Moment(Generic[State, Record]):
    """What observers see: first where the descent begins or goes on, then after every step.

    `record` is that of the step that led here; None at the first moment.
    """

    steps: int
    state: State
    record: Record | None


Observer = Callable[[Moment], object]  # one that returns True asks the descent to stop


class Keeper(Protocol):
    """Keeps states where they outlive the process."""

    def load(self, template: Callable[[], Any]) -> Any | None:
        """Find the packed state from which to go on, in the structure of `template()`; None if there is none."""

    def keep(self, steps: int, pack: Callable[[], Any], is_last: bool) -> None:
        """Save `pack()` if it is time to, and if it is the last in any case."""


@dataclass(frozen=True)
class Descended(Generic[State]):
    """Where a descent ended, and why."""

    state: State
    ending: Ending


def descend(
    descent: AbstractDescent[State, Record],
    *,
    state: State | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> Descended[State]:
    """Take steps until there is a reason to stop.

    **Arguments:** `state`, from which to go on (by default that of the keeper, else the beginning); `keeper`, which
    saves states on the way, and the last one; `observers`, called in turn at every moment. One that returns True, or
    Ctrl-C, ends the descent as interrupted, at a state from which it can go on.
    """
    if state is None:
        state = _found(descent, keeper)
    record = None
    try:
        while True:
            ending = _end_of_moment(descent, state, record, observers)
            if ending is not None:
                break
            state, record = descent.step(state)
            if keeper is not None:
                keeper.keep(descent.steps(state), lambda now=state: descent.pack(now), False)
    except Ended as end:
        state, ending = state if end.state is None else end.state, end.ending
    except KeyboardInterrupt:
        ending = Ending(Outcome.INTERRUPTED)
    if keeper is not None:
        keeper.keep(descent.steps(state), lambda: descent.pack(state), True)
    return Descended(state, ending)


def _found(descent: AbstractDescent[State, Any], keeper: Keeper | None) -> State:
    saved = None if keeper is None else keeper.load(lambda: descent.pack(descent.init()))
    return descent.init() if saved is None else descent.unpack(saved)


def _end_of_moment(
    descent: AbstractDescent[State, Record], state: State, record: Record | None, observers: Sequence[Observer]
) -> Ending | None:
    """Tell everybody, then see whether the descent ends here; its own reason comes before that of an observer."""
    moment = Moment(descent.steps(state), state, record)
    answers = [observer(moment) for observer in observers]
    is_asked_to_stop = any(answer is True for answer in answers)
    return descent.ending(state) or (Ending(Outcome.INTERRUPTED) if is_asked_to_stop else None)
