"""From a file of another program to a finished page: the commands of docs/data.md, each in a process of its own.

    python benchmarks/three_commands.py                 # NWB, MATLAB, Excel, pynapple: seconds of every command
    python benchmarks/three_commands.py --only reaches  # one way, by the name of its run
    python benchmarks/three_commands.py --json

Wall-clock and processor time (user and system, of all threads) and the largest memory of whole processes, in an empty
folder and with nothing compiled before. What else the machine does is in its load, of the last 1, 5 and 15 minutes.
The lines for pynapple run where it is installed, and are left out where it is not.
"""

import argparse
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from reporting import add_options, parsed, publish

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYNAPPLE = "import pynapple as nap, tuneful, tuneful.runs.jax_setup as setup\nsetup.set_up_jax()\n"
RUN = re.compile(r"runs/(\w+)")


def ways() -> dict[str, list[list[str]]]:
    """The commands of every way that ends in a fit, by the name of its run, as they are in docs/data.md."""
    found = {}
    for language, text in BLOCK.findall((ROOT / "docs" / "data.md").read_text(encoding="utf-8")):
        if language == "sh" and "examples/sessions/" in text and (run := RUN.search(text)):
            lines = [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]
            found[run[1]] = [[sys.executable, "-m", *words] for words in lines]
        elif "nap.load_file" in text and importlib.util.find_spec("pynapple"):
            lines = [line.removeprefix(">>> ").partition("  #")[0] for line in text.splitlines()]
            found["pynapple"] = [[sys.executable, "-c", PYNAPPLE + "\n".join(lines)]]
    return found


def timed(command: list[str], folder: Path) -> dict[str, Any]:
    """Wall-clock and processor seconds of a process."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "compiled")}
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {child.returncode}.")
    seconds = {"wall": time.perf_counter() - began, "user": used.ru_utime, "system": used.ru_stime}
    words = " ".join(command[3:5]) if command[1] == "-m" else "three lines"
    return {"command": words, "seconds": seconds, "peak_mib": used.ru_maxrss / 1024}


def measured(commands: list[list[str]]) -> list[dict[str, Any]]:
    """Every command of one way, in its order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        rows = [timed(command, folder) for command in commands]
        whole = [command for command in commands if "fit" in command or "-c" in command]
        if len(list(folder.glob("runs/*/report.html"))) != len(whole):
            raise SystemExit("No page was written.")
    return rows


def show(report: dict[str, Any]) -> None:
    """A table."""
    print(f"load {', '.join(f'{load:.1f}' for load in report['load'])} on {report['cores']} core(s)")
    print(f"{'way':<10} {'command':<14} {'wall (s)':>9} {'processor (s)':>14} {'memory (MiB)':>13}")
    for way, rows in report["ways"].items():
        for row in rows:
            seconds = row["seconds"]
            used = f"{seconds['wall']:>9.1f} {seconds['user'] + seconds['system']:>14.1f} {row['peak_mib']:>13.0f}"
            print(f"{way:<10} {row['command']:<14} {used}")


def main() -> None:
    """Time what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, quick="the first command of one way")
    parser.add_argument("--only", metavar="RUN", help="one way")
    options = parsed(parser)
    known = ways()
    if options.only not in (None, *known):
        parser.error(f"--only {options.only}: choose one of {', '.join(known)}")
    chosen = {name: commands for name, commands in known.items() if options.only in (None, name)}
    if options.quick:
        chosen = {name: commands[:1] for name, commands in list(chosen.items())[:1]}
    found = {name: measured(commands) for name, commands in chosen.items()}
    load = os.getloadavg()
    publish({"cores": len(os.sched_getaffinity(0)), "load": load, "ways": found}, options, show)


if __name__ == "__main__":
    main()
