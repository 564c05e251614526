"""Scale: how much faster do more workers finish a study, what does the engine cost, and what do kills cost?

    python benchmarks/scale.py [--json] [--quick] [--parts speed,kills]
    python benchmarks/scale.py --parts speed [--jobs 64] [--ssn 16] [--workers 1,2] [--cold]
    python benchmarks/scale.py --parts kills [--kill-jobs 100] [--kill-every 10] [--kills 1000]

Speed: fits of the M1 model to simulated curves, with the settings of its preset but for fewer steps and a smaller
grid, as one study of so many seeds, and a second study of fits of the SSN, are run with every number of workers; the
speed-up is that of both. The overhead is what an attempt at a job that is finished takes. Number 0 is this process.
Workers find the programs that a fit before them compiled, as they do on a machine where such a fit was run once; with
--cold, every number of workers compiles its own. Processor seconds are those of the workers, and tell more than
seconds where others use the machine.

Kills: such M1 fits, by one worker that is left alone; then by the largest number of workers, two at least, one of
which is killed every few seconds, and half way the process that looks after them, after which the same study goes on.
All jobs must end, and all parameters must have the bits of the first run.
"""

import argparse
import json
import operator
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from reporting import add_options, parsed, publish

from tuneful.runs.cores import available_cores
from tuneful.runs.jax_setup import KEPT, set_up_jax
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
BATCH = {"m1": 32, "ssn": 8}
SSN_STEPS = 20
SSN_REFINED = 8  # Gauss-Newton steps, of the hundred or so of a whole fit
GOAL = {"speed_up": 1.8, "overhead": 0.05}  # with two workers; seconds
LOOK = 0.05  # seconds between two looks at the study


def study_of(model: str, jobs: int, steps: int, circuit: dict[str, Any], **how: Any) -> StudySettings:
    """So many fits that differ in their seeds."""
    fit = {"max_steps": steps, "batch": BATCH[model], "window": steps, "page": False, **how}
    few = {"evaluation_curves": 40, "final_curves": 40, "evaluate_every": steps}
    settings = {"circuit": circuit, "data": {"simulate": 200}, "fit": fit | few}
    return study_from({"model": model, "seeds": jobs, "settings": settings, "retries": RETRIES}, "benchmark")


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
    crew, began, computed = crew_of(folder, cores), time.perf_counter(), _processor_seconds()
    account = run_study(folder, engine, crew, Progress(show=False))
    seconds, computed = time.perf_counter() - began, _processor_seconds() - computed
    assert account.is_finished, str(account)
    about = {"model": study.model, "jobs": len(account.jobs), "workers": workers, "seconds": seconds}
    return about | {"processor_seconds": computed, "overhead": overhead(engine, crew, len(account.jobs))}


def _processor_seconds() -> float:
    """Of processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def programs_in(folder: Path) -> Iterator[None]:
    """Workers that are started meanwhile keep what they compile in this folder, and find what is there."""
    before = dict(os.environ)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(KEPT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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


def studies_of(asked: argparse.Namespace, jobs: int, ssn: int) -> list[StudySettings]:
    """So many fits of M1, and so many of the SSN."""
    studies = [study_of("m1", jobs, asked.steps, {"grid": asked.grid, "density": 0.1})]
    if ssn:
        studies.append(study_of("ssn", ssn, SSN_STEPS, {}, refine_steps=SSN_REFINED))
    return studies


def speed(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every study with every number of workers, and how much faster each number is than the first."""
    if not asked.cold and max(asked.workers):
        with programs_in(folder / "programs"):
            for study in studies_of(asked, 1, min(asked.ssn, 1)):
                undisturbed(folder / f"{study.model}-first", study, 1)
    runs, same = [], []
    for study in studies_of(asked, asked.jobs, asked.ssn):
        paths = [folder / f"{study.model}-with-{workers}" for workers in asked.workers]
        for path, workers in zip(paths, asked.workers, strict=True):
            with programs_in(folder / (f"programs-{path.name}" if asked.cold else "programs")):
                runs.append(undisturbed(path, study, workers))
        first, *others = map(parameters, paths)
        same += [sum(map(operator.eq, first, other)) for other in others]
    seconds = {n: sum(one["seconds"] for one in runs if one["workers"] == n) for n in asked.workers}
    ups = {n: seconds[asked.workers[0]] / seconds[n] for n in asked.workers}
    slowest = max(one["overhead"] for one in runs)
    reached = {"overhead": slowest < GOAL["overhead"]}
    if {1, 2} <= set(asked.workers):
        reached["speed_up"] = seconds[1] / seconds[2] >= GOAL["speed_up"]
    return {"runs": runs, "speed_up": ups, "overhead": slowest, "jobs_with_the_same_bits": same, "reached": reached}


def kills(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A study that is left alone, and the same one disturbed."""
    circuit = {"grid": asked.grid, "density": 0.1}
    study = study_of("m1", asked.kill_jobs, asked.steps, circuit, checkpoint_every=2)
    paths = folder / "alone", folder / "killed"
    alone = undisturbed(paths[0], study, min(*asked.workers, 1))
    found = disturbed(paths[1], study, max(*asked.workers, 2), asked.kill_every, asked.kills)
    first, other = map(parameters, paths)
    same = sum(map(operator.eq, first, other))
    reached = found["exit_code"] == 0 and same == len(first) == len(other) == asked.kill_jobs
    about = {"jobs": asked.kill_jobs, "seconds_alone": alone["seconds"], "kill_every": asked.kill_every}
    return about | found | {"jobs_with_the_same_bits": same, "reached": reached}


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """The parts that are asked for, in a folder that is removed."""
    report: dict[str, Any] = {"steps": asked.steps, "grid": asked.grid, "cores": available_cores()}
    with tempfile.TemporaryDirectory() as temporary:
        for part in (speed, kills):
            if part.__name__ in asked.parts:
                report[part.__name__] = part(asked, Path(temporary))
    return report


def print_table(report: dict[str, Any]) -> None:
    """The numbers for a terminal."""
    print(f"{report['steps']} steps of M1 at grid {report['grid']}, {report['cores']} cores")
    if found := report.get("speed"):
        for row in found["runs"]:
            said = f"{row['jobs']:>4} fits of {row['model']:4} {row['workers']:>3} workers {row['seconds']:8.1f} s"
            said += f" ({row['processor_seconds']:.1f} s of processors)"
            print(f"{said}   overhead {1e3 * row['overhead']:.1f} ms a job")
        ups = ", ".join(f"{value:.2f} with {workers}" for workers, value in found["speed_up"].items())
        print(f"speed-up {ups}; jobs with the same bits: {found['jobs_with_the_same_bits']}; {found['reached']}")
    if found := report.get("kills"):
        said = f"{found['kills']} workers killed, the study {found['kills_of_the_study']} times"
        print(f"{found['jobs']} fits: {found['seconds_alone']:.1f} s alone, {found['seconds']:.1f} s with {said};")
        same = f"{found['jobs_with_the_same_bits']} with the bits of those left alone"
        print(f"exit code {found['exit_code']}, {same}; reached: {found['reached']}")


def main(arguments: Sequence[str]) -> None:
    """Measure; or look after the workers of one study."""
    if arguments[:1] == ["--attend"]:
        raise SystemExit(_attend(*arguments[1:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "one short fit in this process; with --parts kills --kill-jobs 2 by workers that are killed")
    parser.add_argument("--parts", type=lambda text: text.split(","), help="[default: speed,kills; quick: speed]")
    parser.add_argument("--jobs", type=int, help="M1 fits [default: 64; quick: 1]")
    parser.add_argument("--ssn", type=int, help="SSN fits [default: 16; quick: 0]")
    parser.add_argument("--kill-jobs", type=int, help="M1 fits while workers are killed [default: 100; quick: 2]")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--grid", type=int, default=20)
    parser.add_argument("--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2])
    parser.add_argument("--cold", action="store_true", help="no number of workers finds programs that are compiled")
    parser.add_argument("--kill-every", type=float, default=10.0)
    parser.add_argument("--kills", type=int, help="of workers, at most [default: 1000; quick: 1]")
    asked = parsed(parser)
    if asked.quick:
        asked.steps, asked.grid, asked.workers, asked.kill_every = 4, 5, [0], 0.0
    quick = {"parts": ["speed"], "jobs": 1, "ssn": 0, "kill_jobs": 2, "kills": 1}
    usual = {"parts": ["speed", "kills"], "jobs": 64, "ssn": 16, "kill_jobs": 100, "kills": 1000}
    for name, value in (quick if asked.quick else usual).items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    set_up_jax(1)
    publish(run(asked), asked, print_table)


if __name__ == "__main__":
    main(sys.argv[1:])
