"""Ctrl-C and SIGTERM, at any time: one line and the customary code, or nothing happened."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tuneful.cli.beginning import GOODBYE
from tuneful.runs.interrupts import WORDS

pytestmark = pytest.mark.skipif(not hasattr(signal, "sigwait"), reason="threads cannot wait for signals here")

BEGIN = "from tuneful.runs import interrupts; interrupts.watch(); print('begun', flush=True)\n"
WAIT = "import time; time.sleep(60)\n"
FOREVER = """
while True:
    try:
        import time; time.sleep(60)
    except BaseException:  # as a callback of JAX may
        pass
"""
WRITING = """
from pathlib import Path
from tuneful.files import write_atomically, replacing
write_atomically("a.txt", "old")
from tuneful.runs.lock import FolderLock
with FolderLock(Path()), replacing("a.txt") as temporary:
    temporary.write_text("half of ")
    print("writing", flush=True)
    time.sleep(60)
"""
BEGUN = """
from pathlib import Path
config = Path("config.json")
config.write_text("a run that was here before")
interrupts.expect_run(config, goes_on=False)
"""
STEPS = """
while not interrupts.asked_to_stop():
    time.sleep(0.01)
raise SystemExit(interrupts.say_goodbye())
"""
TINY = [
    "fit", "m1", "--set", "grid=5", "--set", "density=0.1", "--set", "simulate=20", "--set", "batch=16",
    "--set", "evaluation_curves=20", "--set", "final_curves=20", "--set", "max_steps=4",
    "--out", "run", "--resume",
]  # fmt: skip


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Start Python with arguments in an empty folder; signals are not ignored, even if these tests ignore them."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    processes = []

    def begin(*arguments):
        command = [sys.executable, *arguments]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield begin
    signal.signal(signal.SIGINT, before)
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def ended(start):
    """`ended(program, signals)`: the exit code and standard error of a program that got signals where it waits."""

    def run(program, *signals, said="begun"):
        process = start("-c", program if "watch" in program else BEGIN + program)
        while (line := process.stdout.readline()).strip() != said:
            assert line, process.communicate()[1]
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        _, err = process.communicate(timeout=30)
        return process.returncode, err

    return run


@pytest.mark.parametrize("program", [WAIT, FOREVER])
@pytest.mark.parametrize(
    ("number", "answer"), [(signal.SIGINT, (130, "Interrupted.\n")), (signal.SIGTERM, (143, "Terminated.\n"))]
)
def test_whatever_is_under_way_ends_with_one_line(ended, program, number, answer):
    assert ended(program, number) == answer


def test_a_second_signal_does_not_wait(ended):
    assert ended("interrupts.GRACE = 1000\n" + WAIT, signal.SIGINT, signal.SIGTERM) == (130, "Interrupted.\n")


def test_nothing_is_half_written_or_locked(ended, tmp_path):
    assert ended("import time" + WRITING, signal.SIGINT, said="writing")[0] == 130
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_descent_that_stops_in_time_ends_by_itself(ended):
    assert ended("import time\ninterrupts.GRACE = 1000" + STEPS, signal.SIGTERM) == (143, "Terminated.\n")


def test_what_ends_by_itself_in_time_is_not_disturbed(ended):
    assert ended("interrupts.GRACE = 1000\nimport time\ntime.sleep(0.3)", signal.SIGINT) == (0, "")


@pytest.mark.parametrize(("then", "hint"), [("", False), ("config.unlink(); config.write_text('{}')\n", True)])
def test_the_line_says_how_to_go_on_where_a_run_was_begun(ended, then, hint):
    """And not where one was there before, of which nothing was touched."""
    _, err = ended(BEGUN + then + WAIT, signal.SIGINT)
    assert err.count("\n") == 1
    assert ("--resume goes on from the last saved step" in err) == hint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_being_stopped_is_the_normal_end_nothing_failed(ended, number):
    program = BEGIN.replace("watch()", "watch('Goodbye.')") + FOREVER
    assert ended(program, number) == (0, "Goodbye.\n")


def test_watching_ends_with_code_0(start, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    process = start("-m", "tuneful", "watch", ".", "--no-browser")
    assert process.stdout.readline() == "No run was begun in this folder yet.\n"
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=30)[1], process.returncode) == (f"{GOODBYE}\n", 0)


def test_ignored_signals_stay_ignored(ended):
    """As `nohup` and shells in the background ask for."""
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    assert ended(ignoring + BEGIN + "import time; time.sleep(0.3)", signal.SIGINT) == (0, "")


def test_at_any_time(start, tmp_path):
    """Every run is interrupted at a random time and goes on from the one before; TUNEFUL_INTERRUPTS=40 for more."""
    rng, asked = np.random.default_rng(), os.environ.get("TUNEFUL_INTERRUPTS")
    for _ in range(int(asked or 2)):
        after, number = rng.uniform(0.1, 8.0), int(rng.choice([signal.SIGINT, signal.SIGTERM]))
        process = start("-m", "tuneful", *TINY)
        time.sleep(after)
        process.send_signal(number)
        sent = time.monotonic()
        _, err = process.communicate(timeout=60)
        print(
            f"signal {number} after {after:.2f} s: exit {process.returncode}, {time.monotonic() - sent:.2f} s later"
        )
        assert process.returncode in (0, 128 + number), err
        assert "Traceback" not in err
        assert "Error" not in err
        assert sum(line.startswith(tuple(WORDS.values())) for line in err.splitlines()) == (process.returncode > 0)
        shutil.rmtree("run") if (tmp_path / "run" / "result.json").exists() else None
    if asked:  # takes half a minute; that killed runs go on is tested in test_resume
        assert start("-m", "tuneful", *TINY).wait(timeout=120) == 0
        assert (tmp_path / "run" / "result.json").exists()
