"""The loop on a descent that anybody can follow: it counts down."""

from dataclasses import dataclass

import numpy as np
import pytest

from tuneful.descents import AbstractDescent, Ended, Ending, Outcome, descend, end_of
from tuneful.errors import UserError


@dataclass(frozen=True)
class CountDown(AbstractDescent):
    """From `start` to zero; `cliff` is where no step can be taken."""

    start: int
    cliff: int = -1
    interrupted_at: int = -1

    def init(self):
        return (self.start, 0)

    def step(self, state):
        left, steps = state
        if left == self.cliff:
            raise Ended(Outcome.STALLED, "a cliff")
        if left == self.interrupted_at:
            raise KeyboardInterrupt
        return (left - 1, steps + 1), {"left": left - 1}

    def steps(self, state):
        return state[1]

    def ending(self, state):
        return Ending(Outcome.REACHED) if state[0] <= 0 else None

    def pack(self, state):
        return np.array(state)

    def unpack(self, arrays):
        return tuple(arrays.tolist())


class Memory:
    """A keeper that forgets nothing."""

    def __init__(self, saved=None):
        self.saved, self.kept = saved, []

    def load(self, template):
        assert template().shape == (2,)
        return self.saved

    def keep(self, steps, pack, is_last):
        self.kept.append((steps, pack().tolist(), is_last))


def test_observers_see_every_moment_the_first_included():
    seen = []
    done = descend(CountDown(3), observers=[lambda m: seen.append((m.steps, m.state[0], m.record))])
    assert done.ending == Ending(Outcome.REACHED)
    assert seen == [(0, 3, None), (1, 2, {"left": 2}), (2, 1, {"left": 1}), (3, 0, {"left": 0})]


def test_a_descent_that_begins_at_its_end_takes_no_step():
    assert descend(CountDown(0)).state == (0, 0)


def test_a_step_that_finds_the_end():
    done = descend(CountDown(3, cliff=1))
    assert (done.state, done.ending.outcome, str(done.ending)) == ((1, 2), Outcome.STALLED, "a cliff")
    assert done.ending.outcome.is_broken


@pytest.mark.parametrize("answer", [True, np.True_, 1, "yes", None])
def test_only_true_asks_to_stop(answer):
    done = descend(CountDown(3), observers=[lambda m: answer if m.steps == 1 else None])
    assert (done.ending.outcome == Outcome.INTERRUPTED) == (answer is True)


def test_all_observers_are_told_even_if_the_first_asks_to_stop():
    told = []
    descend(CountDown(3), observers=[lambda m: True, lambda m: told.append(m.steps)])
    assert told == [0]


def test_arriving_comes_before_being_asked_to_stop():
    assert descend(CountDown(1), observers=[lambda m: m.steps == 1]).ending.outcome == Outcome.REACHED


def test_ctrl_c_leaves_a_whole_state_to_go_on_from():
    done = descend(CountDown(5, interrupted_at=3))
    assert (done.state, done.ending.outcome) == ((3, 2), Outcome.INTERRUPTED)
    assert descend(CountDown(5), state=done.state).state == descend(CountDown(5)).state


def test_ctrl_c_in_an_observer_leaves_the_state_that_all_of_them_know():
    def late(moment):
        if moment.steps == 2:
            raise KeyboardInterrupt

    memory = Memory()
    assert descend(CountDown(5), keeper=memory, observers=[late]).state == (4, 1)
    assert memory.kept[-1] == (1, [4, 1], True)


def test_a_keeper_saves_states_and_the_last_one_whatever_happens():
    memory = Memory()
    descend(CountDown(3, interrupted_at=1), keeper=memory)
    assert memory.kept == [(1, [2, 1], False), (2, [1, 2], False), (2, [1, 2], True)]


def test_a_saved_state_is_gone_on_from():
    memory = Memory(np.array([1, 7]))
    assert descend(CountDown(3), keeper=memory).state == (0, 8)
    assert descend(CountDown(3), state=(2, 1), keeper=memory).state == (0, 3)


def test_where_only_the_end_is_of_use_it_is_there_or_an_exception_says_why():
    assert end_of(CountDown(3)) == (0, 3)
    with pytest.raises(UserError, match="a cliff"):
        end_of(CountDown(3, cliff=1))
    with pytest.raises(KeyboardInterrupt):
        end_of(CountDown(3), observers=[lambda moment: moment.steps == 2])


def test_every_outcome_has_words():
    for outcome in Outcome:
        assert outcome.message
        assert str(Ending(outcome)) == outcome.message
        assert not (outcome.is_success and outcome.is_broken)
