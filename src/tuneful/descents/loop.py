"""The one loop of every descent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, cast

from tuneful.descents.descent import AbstractDescent, Record, State
from tuneful.descents.outcome import Ended, Ending, Outcome
from tuneful.errors import UserError


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

    Parameters
    ----------
    descent
        What is to be done.
    state
        From which to go on; by default that of the keeper, else the beginning.
    keeper
        Saves states on the way, and the last one.
    observers
        Called in turn at every moment. One that returns True ends the descent as interrupted, as Ctrl-C does, at a
        state that all of them know and from which it can go on.
    """
    known = _found(descent, keeper) if state is None else state
    now, record = known, None
    try:
        while True:
            ending = _end_of_moment(descent, now, record, observers)
            known = now  # all observers know of it: none is behind a state that is saved
            if ending is not None:
                break
            if keeper is not None and record is not None:
                keeper.keep(descent.steps(known), lambda known=known: descent.pack(known), False)
            now, record = descent.step(known)
    except Ended as end:
        known, ending = known if end.state is None else cast(State, end.state), end.ending
    except KeyboardInterrupt:
        ending = Ending(Outcome.INTERRUPTED)
    if keeper is not None:
        keeper.keep(descent.steps(known), lambda: descent.pack(known), True)
    return Descended(known, ending)


def end_of(
    descent: AbstractDescent[State, Any], *, keeper: Keeper | None = None, observers: Sequence[Observer] = ()
) -> State:
    """Descend, where nothing but the end is of use: its state. Arguments are those of `descend`.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted, or an observer asked to stop.
    UserError
        If no further step could be taken, with the reason.
    """
    done = descend(descent, keeper=keeper, observers=observers)
    if done.ending.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    if done.ending.outcome.is_broken:
        raise UserError(str(done.ending))
    return done.state


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
