"""What packages bring with them and how long their import takes, where they are installed: tuneful and its peers.

    python benchmarks/installs.py                                         # tuneful, in this environment
    python benchmarks/installs.py sbi=PEERS/sbi/bin/python tuneful:tuneful.fitting=.venv/bin/python
    python benchmarks/installs.py --json

A package is counted with all that it needs (`Requires-Dist` without extras, followed to its end): files on the disk
as pip put them there, byte code included. An import is timed in processes of its own, user and system time, the
shortest of several, beside `python -c ''`. `NAME:MODULE=PYTHON` imports a module of it. Environments need pip.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from reporting import add_options, parsed, publish

CLOSURE = """
import importlib.metadata as m, json, sys
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name as name_of
found, todo = {}, [sys.argv[1]]
while todo:
    name = name_of(todo.pop())
    if name in found:
        continue
    one = m.distribution(name)
    files = [file.locate() for file in one.files or ()]
    found[name] = sum(file.stat().st_size for file in files if file.is_file())
    needed = [Requirement(line) for line in one.requires or ()]
    todo += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
print(json.dumps({"version": m.version(sys.argv[1]), "sizes": found}))
"""


def used_by(python: str, program: str, repeats: int) -> tuple[float, float]:
    """User and system time and the largest memory (MiB) of a process, the least of several."""
    times, memory = [], []
    for _ in range(repeats):
        child = os.posix_spawn(python, [python, "-c", program], os.environ)
        _, status, used = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{python} -c {program!r} ended with {os.waitstatus_to_exitcode(status)}.")
        times.append(used.ru_utime + used.ru_stime)
        memory.append(used.ru_maxrss / 1024)
    return min(times), min(memory)


def measured(asked: str, python: str, repeats: int) -> dict[str, Any]:
    """A package in an environment."""
    name, _, module = asked.partition(":")
    module = module or name.lower()
    said = subprocess.run([python, "-c", CLOSURE, name], capture_output=True, text=True, check=True).stdout
    about = json.loads(said)
    seconds, memory = used_by(python, f"import {module}", repeats)
    megabytes = sorted((size / 2**20 for size in about["sizes"].values()), reverse=True)
    return {
        "package": name,
        "version": about["version"],
        "module": module,
        "packages": len(megabytes),
        "megabytes": sum(megabytes),
        "largest_megabytes": megabytes[0],
        "import_seconds": seconds,
        "import_mib": memory,
        "python_seconds": used_by(python, "", repeats)[0],
    }


def show(rows: list[dict[str, Any]]) -> None:
    """A table."""
    print(f"{'package':<20} {'module':<16} {'packages':>8} {'MiB':>7} {'import (s)':>11} {'python (s)':>11}")
    for row in rows:
        title, times = f"{row['package']} {row['version']}", (row["import_seconds"], row["python_seconds"])
        size = f"{row['packages']:>8} {row['megabytes']:>7.0f}"
        print(f"{title:<20} {row['module']:<16} {size} {times[0]:>11.2f} {times[1]:>11.2f}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, quick="one import instead of five")
    parser.add_argument("packages", nargs="*", metavar="NAME=PYTHON", help="a package, and the Python that has it")
    options = parsed(parser)
    asked = [one.partition("=")[::2] for one in options.packages] or [("tuneful", sys.executable)]
    publish([measured(name, python, 1 if options.quick else 5) for name, python in asked], options, show)


if __name__ == "__main__":
    main()
