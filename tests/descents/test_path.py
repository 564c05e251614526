"""A path shares its memory and never changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneful.descents import Path


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), max_size=60))
def test_branches_do_not_see_each_other(steps):
    """Rows are added to paths picked at random among all so far; lists are the truth."""
    paths, lists = [Path.of(np.empty((0, 1)))], [[]]
    for back, value in steps:
        chosen = max(0, len(paths) - 1 - back)
        paths.append(paths[chosen].added(np.array([value])))
        lists.append([*lists[chosen], [value]])
    assert [path.rows.tolist() for path in paths] == lists


def test_memory_is_shared_and_doubles():
    path = Path.of(np.empty((0,)))
    rooms = set()
    for i in range(1000):
        path = path.added(float(i))
        rooms.add(id(path._memory))
    assert len(rooms) <= 8
    assert path.rows.tolist() == list(range(1000))


def test_rows_cannot_be_written():
    path = Path.of(np.ones((2, 1))).added(np.zeros(1))
    with pytest.raises(ValueError, match="read-only"):
        path.rows[0] = 5.0


def test_the_beginning_of_a_path_can_grow_another_way():
    path = Path.of(np.arange(3.0))
    assert path.until(1).added(9.0).rows.tolist() == [0, 9]
    assert path.rows.tolist() == [0, 1, 2]
