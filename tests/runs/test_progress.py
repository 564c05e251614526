"""What is shown of long work."""

import pytest

from tuneful.runs import progress
from tuneful.runs.progress import Progress


@pytest.mark.parametrize(("done", "total", "said"), [(0, 3, True), (2, 3, True), (3, 3, False), (0, None, False)])
def test_a_first_step_says_that_it_compiles(capsys, done, total, said):
    with Progress(show=True) as shown:
        shown.begin(done, total)
    assert ("compiling the first step" in capsys.readouterr().err) == said


def test_steps_are_said_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with Progress(show=True) as shown:
        shown.begin(0, 3)
        shown.now_and_then(1, "loss 0.5")
    assert capsys.readouterr().err.splitlines()[-1] == "step     1   loss 0.5"


def test_notes_are_fit_for_a_terminal(capsys):
    with Progress(show=True) as shown:
        shown.note(["Column '\x1b[2J' was left out"])
    assert capsys.readouterr().err == "note: Column '\\x1b[2J' was left out\n"


def test_nothing_is_shown_unasked(capsys):
    with Progress(show=False) as shown:
        shown.begin(0, 3)
        shown.note(["nobody listens"])
    assert capsys.readouterr() == ("", "")
