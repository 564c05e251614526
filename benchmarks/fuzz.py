"""Fuzz: whatever a file holds, it is read or refused in one sentence, soon, and within bounds of memory.

    python benchmarks/fuzz.py [--json] [--seconds 600] [--only csv,npz] [--seed 0] [--first 0] [--keep DIR] [--quick]

Valid files of every format that is read (curves, weights, run folders, checkpoints, studies, configurations, `--set`;
`formats.py`) are made, and changed in bytes, in text, and in what they say (`mutations.py`). An input is wrong if
anything but a `UserError` comes of it (a warning, too), if the sentence has no words, if it takes over 1 s of
computing, or if the process gets larger than 1 GiB; a process that does not end by itself is ended. What is wrong is
counted by where it happened; --keep writes the first input of each kind. An input is decided by --seed, its format
and its number. Ctrl-C ends it with the numbers so far.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

from formats import TARGETS, Files, Target
from mutations import TOKENS, mutated
from reporting import add_options, parsed, publish

from tuneful.errors import TunefulWarning, UserError

MOST_SECONDS, MOST_BYTES = 1.0, 2**30
ENDLESS = 20.0  # seconds of computing after which a process is ended, and reported by whoever looks after it
TURN = 2.0  # seconds of one format, before the next one has its turn
LOOK = 0.05  # seconds between two looks at the memory of a process
FRESH = 100_000  # inputs of a process, before another one takes over; its start takes as long as 5,000 of them
MEMORY = Path("/dev/shm")  # where inputs are written, if there is such a place: a third faster than a disk
QUICK = ("csv long", "csv.gz", "npz", "study.toml")


def changed(seeds: list[Files], rng: random.Random) -> Files:
    """An input: one seed, one or two of its files changed, left out or exchanged."""
    files = dict(rng.choice(seeds))
    for name in rng.sample(sorted(files), min(len(files), rng.choice((1, 1, 1, 2)))):
        kind = rng.random() if len(files) > 1 else 1
        if kind < 0.05:
            del files[name]
        elif kind < 0.1:
            files[name] = rng.choice([files[rng.choice(sorted(files))], b"", rng.choice(TOKENS)])
        else:
            files[name] = mutated(files[name], [other for seed in seeds for other in seed.values()], rng)
    return files


def put(files: Files, folder: Path) -> None:
    """The folder with these files and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def input_of(seeds: list[Files], seed: int, target: str, number: int) -> tuple[Files, random.Random]:
    """An input by its number, and the dice that decide how it is read."""
    rng = random.Random(f"{seed} {target} {number}")
    return changed(seeds, rng), rng


def wrong_with(target: Target, files: Files, rng: random.Random, folder: Path) -> tuple[bool, str | None]:
    """Whether an input was read, and what is wrong with how it ended, by kind."""
    put(files, folder)
    began, said, kind = time.process_time(), None, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", TunefulWarning)
            target.read(folder, rng)
    except UserError as error:
        said = str(error)  # names in files are written out by whoever prints it
        kind = None if said.strip() else f"a sentence without words {_where(error)}"
    except BaseException as error:
        kind = f"{type(error).__name__} {_where(error)}"
    if (seconds := time.process_time() - began) > MOST_SECONDS and kind is None:
        kind = f"slow ({seconds:.1f} s)"
    return said is None and kind is None, kind


def _refusal(target: Target, files: Files, folder: Path) -> str | None:
    """What is said of files that nobody changed, whatever the dice say."""
    said = None
    for number in range(10):
        put(files, folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TunefulWarning)
                target.read(folder, random.Random(number))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        else:
            return None
    return said


def _where(error: BaseException) -> str:
    """The last places of this package, and of whatever it called."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f"{Path(f.filename).name}:{f.name}" for f in frames if "tuneful" in f.filename]
    last = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "?"
    return f"in {own[-1] if own else '?'}" + (f" < {last}" if not own or last != own[-1] else "")


def work(pipe: Connection, under_way: Any, seeds: dict[str, list[Files]], seed: int, folder: Path) -> None:
    """What a process does: turns of one format each; the number of the input and how many were read are shared."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever looks after it
    sys.stderr = sys.stdout = io.StringIO()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    known: set[str] = set()
    while True:
        name, first, seconds, most = pipe.recv()
        for whole in seeds[name] if name not in known else ():  # which imports what there is to import, too
            pipe.send(("whole", _refusal(TARGETS[name], whole, folder)))
        known.add(name)
        until, number = time.monotonic() + seconds, first
        while number < first + most and time.monotonic() < until:
            under_way[0] = number
            files, rng = input_of(seeds[name], seed, name, number)
            is_read, kind = wrong_with(TARGETS[name], files, rng, folder)
            under_way[1] += is_read
            if kind is not None:
                pipe.send(("wrong", (kind, number)))
            number += 1
        pipe.send(("ends", None))


@dataclass
class Tally:
    """What came of the inputs of one format."""

    first: int
    inputs: int = 0
    read: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, number: int) -> None:
        """That an input went wrong."""
        self.wrong[kind] += 1
        self.examples.setdefault(kind, number)


class Child:
    """A process that reads, and whoever looks after it."""

    def __init__(self, seeds: dict[str, list[Files]], seed: int, folder: Path):
        self.pipe, other = multiprocessing.Pipe()
        self._under_way = RawArray("q", 2)  # the number of the input, how many were read: no message for each
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=work, args=(other, self._under_way, seeds, seed, folder), daemon=True)
        self._process.start()
        self.done = 0

    def turn(self, name: str, tally: Tally, seconds: float, most: int) -> bool:
        """Read inputs of one format; whether the process can go on."""
        first = tally.first + tally.inputs
        self._under_way[:] = [first - 1, 0]
        self.pipe.send((name, first, seconds, most))
        why = self._attended(name, tally)
        number, read = self._under_way
        if why is not None:
            tally.note(why, max(number, first))
        tally.inputs += number + 1 - first
        tally.read += read
        self.done += number + 1 - first
        return why is None and self._size() < MOST_BYTES / 2  # libraries keep some of what they had

    def _attended(self, name: str, tally: Tally) -> str | None:
        """Wait for the end of a turn; why the process could not go on, if it could not."""
        seen, began = None, 0.0
        while True:
            try:
                if not self.pipe.poll(LOOK):
                    if self._under_way[0] != seen:
                        seen, began = self._under_way[0], self._computed()
                    if why := self._too_much(began):
                        return why
                    continue
                what, about = self.pipe.recv()
            except (EOFError, OSError):
                self._process.join()
                return f"its process died ({self._process.exitcode})"
            if what == "ends":
                return None
            if what == "wrong":
                tally.note(*about)
            elif about is not None:
                raise AssertionError(f"{name}: a file that nobody changed is not read: {about}")

    def _too_much(self, began: float) -> str | None:
        if self._size() > MOST_BYTES:
            return "over 1 GiB of memory"
        return "endless" if self._computed() - began > ENDLESS else None

    def _size(self) -> int:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0

    def _computed(self) -> float:
        with contextlib.suppress(OSError, ValueError, IndexError):
            user, system = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """All formats in turn, as long as there is time."""
    tallies = {name: Tally(asked.first) for name in asked.only}
    began = time.monotonic()
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as temporary, contextlib.suppress(KeyboardInterrupt):
        seeds = {name: _seeds(name, Path(temporary)) for name in asked.only}
        with contextlib.ExitStack() as last:
            child = None
            for name, seconds, most in _turns(asked, tallies, began):
                if child is None:
                    child = Child(seeds, asked.seed, Path(temporary) / "input")
                    last.callback(child.close)
                if not child.turn(name, tallies[name], seconds, most) or child.done > FRESH:
                    last.close()
                    child = None
                if asked.keep is not None:
                    _keep(asked, name, tallies[name], seeds[name])
    rows = {
        name: {"inputs": t.inputs, "read": t.read, "wrong": t.wrong, "examples": t.examples}
        for name, t in tallies.items()
    }
    total = {
        "inputs": sum(t.inputs for t in tallies.values()),
        "wrong": sum(t.wrong.total() for t in tallies.values()),
    }
    return {"seed": asked.seed, "seconds": time.monotonic() - began} | total | {"formats": rows}


def _seeds(name: str, folder: Path) -> list[Files]:
    own = folder / f"seeds {name}"
    own.mkdir()
    return TARGETS[name].seeds(own)


def _turns(asked: argparse.Namespace, tallies: dict[str, Tally], began: float) -> Iterator[tuple[str, float, int]]:
    """Which format is next, for how long, and how many inputs at most."""
    while time.monotonic() - began < asked.seconds:
        left = [name for name, tally in tallies.items() if tally.inputs < asked.inputs]
        if not left:
            return
        for name in left:
            yield name, TURN, asked.inputs - tallies[name].inputs


def _keep(asked: argparse.Namespace, name: str, tally: Tally, seeds: list[Files]) -> None:
    for kind, number in tally.examples.items():
        folder = Path(asked.keep) / "".join(c if c.isalnum() else "-" for c in f"{name} {kind}")[:120]
        if not folder.exists():
            folder.mkdir(parents=True)
            put(input_of(seeds, asked.seed, name, number)[0], folder / "input")
            (folder / "about.txt").write_text(f"{name}, seed {asked.seed}, number {number}: {kind}\n")


def print_table(report: dict[str, Any]) -> None:
    """The numbers for a terminal."""
    print(f"{report['inputs']:,} inputs in {report['seconds']:.0f} s, of which {report['wrong']} went wrong")
    for name, row in report["formats"].items():
        print(f"{name:14}{row['inputs']:>9,} inputs  {row['read'] / max(row['inputs'], 1):5.0%} read")
        for kind, number_of in row["wrong"].items():
            print(f"      {number_of:>6} x {kind}, first number {row['examples'][kind]}")


def main() -> None:
    """Make inputs, and read them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, f"a few inputs each of {', '.join(QUICK)}")
    parser.add_argument("--seconds", type=float, default=600.0, help="of all formats together [default: 600]")
    parser.add_argument("--inputs", type=int, help="of each format, at most [default: no limit; quick: 10]")
    parser.add_argument("--only", type=lambda names: names.split(","), help=f"of: {', '.join(TARGETS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--keep", metavar="DIR", help="write the first input of every kind that went wrong")
    asked = parsed(parser)
    asked.only = asked.only or list(QUICK if asked.quick else TARGETS)
    asked.inputs = asked.inputs or (10 if asked.quick else sys.maxsize)
    if unknown := set(asked.only) - TARGETS.keys():
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(TARGETS)}")
    publish(run(asked), asked, print_table)


if __name__ == "__main__":
    main()
