"""Scale: how much faster do more workers finish a study, what does the engine cost, and what do kills cost?

    python benchmarks/scale.py [--json] [--jobs 64] [--workers 1,2] [--kill-every 10] [--kills 1000] [--quick]

Fits of the M1 model to simulated curves, with the settings of its preset but for fewer steps and a smaller grid, as
one study of so many seeds. It is run with every number of workers; then with the largest, while a worker is killed
every few seconds, and half way the process that looks after them, after which the same study goes on. All parameters
must have the bits of the first, undisturbed run. The overhead is what an attempt at a job that is finished takes.
Number 0 is this very process.
"""

import argparse
import json
import operator
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from reporting import add_options, parsed, publish

from tuneful.runs.cores import available_cores
from tuneful.runs.jax_setup import set_up_jax
from tuneful.runs.lock import holder_of
from tuneful.runs.progress import Progress
from tuneful.runs.studies.engines import Engine, InThisProcess, LocalWorkers
from tuneful.runs.studies.planning import planned
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_run import begin_study, run_study
from tuneful.runs.studies.study_settings import StudySettings, study_from
from tuneful.runs.studies.workers import Crew

ATTEMPTS = 200  # at finished jobs, to find what one costs
RETRIES = 100  # of a job whose process is killed
LOOK = 0.05  # seconds between two looks at the study


def study_of(jobs: int, steps: int, grid: int) -> StudySettings:
    """So many fits that differ in their seeds."""
    fit = {"max_steps": steps, "batch": 32, "window": steps, "checkpoint_every": 2, "page": False}
    settings = {"circuit": {"grid": grid, "density": 0.1}, "data": {"simulate": 200}, "fit": fit}
    few = {"evaluation_curves": 40, "final_curves": 40, "evaluate_every": steps}
    settings["fit"] |= few
    return study_from({"model": "m1", "seeds": jobs, "settings": settings, "retries": RETRIES}, "benchmark")


def begun(path: Path, study: StudySettings) -> StudyFolder:
    """The folder of a study, planned."""
    folder = StudyFolder(path)
    begin_study(folder, study, lambda: planned(study, "benchmark"))
    return folder


def engine_of(workers: int) -> tuple[Engine, int]:
    """The engine of so many workers, and the cores that each of them has."""
    return (LocalWorkers(workers), max(1, available_cores() // workers)) if workers else (InThisProcess(), 1)


def crew_of(folder: StudyFolder, cores: int) -> Crew:
    """Workers of one core each, so that only their number differs."""
    return Crew(str(folder.path.absolute()), cores=min(cores, 1), retries=RETRIES)


def undisturbed(path: Path, study: StudySettings, workers: int) -> dict[str, Any]:
    """Seconds of a study, the start of its workers included, and of an attempt at a finished job."""
    folder, (engine, cores) = begun(path, study), engine_of(workers)
    crew, began = crew_of(folder, cores), time.perf_counter()
    account = run_study(folder, engine, crew, Progress(show=False))
    seconds = time.perf_counter() - began
    assert account.is_finished, str(account)
    return {"workers": workers, "seconds": seconds, "overhead": overhead(engine, crew, len(account.jobs))}


def overhead(engine: Engine, crew: Crew, jobs: int) -> float:
    """Seconds of one attempt at a finished job, without the start of workers."""
    with closing(engine.ends(crew, [number % jobs for number in range(ATTEMPTS + 1)])) as coming:
        next(coming)
        began = time.perf_counter()
        done = sum(1 for _ in coming)
    return (time.perf_counter() - began) / done


def disturbed(path: Path, study: StudySettings, workers: int, every: float, most: int) -> dict[str, Any]:
    """The same study, a worker killed every few seconds, and once the process that looks after them."""
    folder, (_, cores) = begun(path, study), engine_of(workers)
    began = last = time.perf_counter()
    crew, half = crew_of(folder, cores), len(list(folder.jobs())) // 2
    process, halves, killed = _started(crew, workers), 0, Counter[Path]()
    while process.poll() is None:
        time.sleep(LOOK)
        if not halves and len(list(folder.path.glob("runs/*/result.json"))) >= half:
            process.kill()
            process.wait()
            process, halves = _started(crew, workers), 1
        elif killed.total() < most and time.perf_counter() - last > every and (victim := _furthest(folder, killed)):
            last = time.perf_counter()
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
    about = {"workers": workers, "seconds": time.perf_counter() - began, "kills": killed.total()}
    return about | {"kills_of_the_study": halves, "exit_code": process.returncode}


def _furthest(folder: StudyFolder, killed: Counter[Path]) -> int | None:
    """A process whose job has got further than where it was when it was killed before, which is counted."""
    for state in sorted(folder.path.glob("runs/*/checkpoints/step-*"), reverse=True):
        holder = holder_of(state.parents[1])
        if holder and not killed[state]:
            killed[state] += 1
            return int(holder["process"])
    return None


def _started(crew: Crew, workers: int) -> subprocess.Popen[bytes]:
    """The study as a process of its own, which needs no JAX."""
    return subprocess.Popen([sys.executable, __file__, "--attend", crew.study, str(workers), str(crew.cores)])


def _attend(path: str, workers: str, cores: str) -> int:
    folder = StudyFolder(path)
    crew = Crew(path, cores=int(cores), retries=RETRIES)
    return int(not run_study(folder, LocalWorkers(int(workers)), crew, Progress(show=False)).is_finished)


def parameters(path: Path) -> list[Any]:
    """Fitted parameters of all jobs, to the bit, as result.json has them."""
    results = [json.loads(file.read_text()) for file in sorted(path.glob("runs/*/result.json"))]
    return [{name: row["value"] for name, row in result["parameters"].items()} for result in results]


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """All of it, in a folder that is removed."""
    study, kills = study_of(asked.jobs, asked.steps, asked.grid), None
    with tempfile.TemporaryDirectory() as temporary:
        paths = [Path(temporary) / f"with-{workers}" for workers in asked.workers]
        runs = [undisturbed(path, study, workers) for path, workers in zip(paths, asked.workers, strict=True)]
        if asked.kills:
            paths.append(Path(temporary) / "killed")
            kills = disturbed(paths[-1], study, max(*asked.workers, 1), asked.kill_every, asked.kills)
        first, *others = map(parameters, paths)
        same = [sum(map(operator.eq, first, other)) for other in others]
    for one in runs:
        one["speed_up"] = runs[0]["seconds"] / one["seconds"]
    about = {"jobs": asked.jobs, "steps": asked.steps, "cores": available_cores()}
    return about | {"undisturbed": runs, "disturbed": kills, "jobs_with_the_same_bits": same}


def print_table(report: dict[str, Any]) -> None:
    """The numbers for a terminal."""
    print(f"{report['jobs']} fits of {report['steps']} steps, {report['cores']} cores")
    for row in report["undisturbed"]:
        said = f"{row['seconds']:8.1f} s   speed-up {row['speed_up']:5.2f}   overhead"
        print(f"{row['workers']:>3} workers {said} {1e3 * row['overhead']:.1f} ms a job")
    if kills := report["disturbed"]:
        said = f"{kills['kills']} workers killed, the study {kills['kills_of_the_study']} times"
        print(f"{kills['workers']:>3} workers {kills['seconds']:8.1f} s   {said}; exit code {kills['exit_code']}")
    print(f"jobs with the bits of the first run: {', '.join(map(str, report['jobs_with_the_same_bits']))}")


def main(arguments: Sequence[str]) -> None:
    """Measure; or look after the workers of one study."""
    if arguments[:1] == ["--attend"]:
        raise SystemExit(_attend(*arguments[1:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "one short fit in this process; with --jobs 2 --kills 1 by a worker that is killed, too")
    parser.add_argument("--jobs", type=int, help="[default: 64; quick: 1]")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--grid", type=int, default=20)
    parser.add_argument("--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2])
    parser.add_argument("--kill-every", type=float, default=10.0)
    parser.add_argument("--kills", type=int, help="of workers, at most [default: 1000; quick: 0]")
    asked = parsed(parser)
    if asked.quick:
        asked.steps, asked.grid, asked.workers, asked.kill_every = 4, 5, [0], 0.0
    asked.jobs = asked.jobs or (1 if asked.quick else 64)
    asked.kills = (0 if asked.quick else 1000) if asked.kills is None else asked.kills
    set_up_jax(1)
    publish(run(asked), asked, print_table)


if __name__ == "__main__":
    main(sys.argv[1:])
