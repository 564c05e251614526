"""Rows that a descent leaves behind: cheap to add to, and never changed."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass
class _Memory:
    """Room for rows; those from `used` on have not been written yet."""

    room: np.ndarray
    used: int


class Path:
    """A growing array of rows: `added` gives a longer path, and the shorter one stays what it is.

    Successive paths share their memory, which doubles when it is full, so that n rows cost O(n) in all.

    >>> short = Path.of(np.array([[1.0, 2.0]]))
    >>> longer = short.added(np.array([3.0, 4.0]))
    >>> len(short), longer.rows.tolist()
    (1, [[1.0, 2.0], [3.0, 4.0]])
    """

    def __init__(self, memory: _Memory, length: int):
        self._memory, self._length = memory, length

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """The path of these rows, (length, ...)."""
        return cls(_Memory(np.array(rows), len(rows)), len(rows))

    def __len__(self) -> int:
        return self._length

    @property
    def rows(self) -> np.ndarray:
        """All rows, (length, ...), not to be written to."""
        rows = self._memory.room[: self._length]
        rows.flags.writeable = False
        return rows

    def added(self, row: np.ndarray | float) -> Self:
        """This path and one more row."""
        memory = self._memory
        if memory.used != self._length or memory.used == len(memory.room):
            room = np.empty((max(16, 2 * self._length), *memory.room.shape[1:]), memory.room.dtype)
            room[: self._length] = self.rows
            memory = _Memory(room, self._length)
        memory.room[self._length] = row
        memory.used += 1
        return type(self)(memory, self._length + 1)

    def until(self, length: int) -> Self:
        """The first rows of this path."""
        return type(self)(self._memory, length)
