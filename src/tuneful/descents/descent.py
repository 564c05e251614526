"""The contract of a descent: where it begins, one step of it, and when it ends."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from tuneful.descents.outcome import Ending

State = TypeVar("State")
Record = TypeVar("Record")


class AbstractDescent(ABC, Generic[State, Record]):
    """A long search, one step at a time.

    States are replaced, never changed: whoever holds one can go on from it, and an interruption at any moment finds a
    whole one. A state is all that the next steps depend on, so that going on from a saved one gives the same bits.
    """

    @abstractmethod
    def init(self) -> State:
        """Make the state before the first step."""

    @abstractmethod
    def step(self, state: State) -> tuple[State, Record]:
        """Take one step: the new state, and what is worth knowing about the step.

        Raises
        ------
        Ended
            Where there is no step to be taken.
        """

    @abstractmethod
    def steps(self, state: State) -> int:
        """Count the steps that led to a state."""

    @abstractmethod
    def ending(self, state: State) -> Ending | None:
        """Tell why the descent ends at a state, or None if it goes on. Cheap: asked at every step."""

    @abstractmethod
    def pack(self, state: State) -> Any:
        """Turn a state into nested containers of arrays, as they are saved; their names and types do not change."""

    @abstractmethod
    def unpack(self, arrays: Any) -> State:
        """Make the state again from what `pack` gave.

        Raises
        ------
        ValueError
            If it is of another problem.
        """
