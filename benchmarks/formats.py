"""What is fuzzed: valid input of every format that is read, and how it is read."""

import contextlib
import gzip
import importlib
import itertools
import json
import random
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from mutations import VALUES

from tuneful.curves import make_dataset
from tuneful.readers import load, save
from tuneful.readers.weights import read_network

RATES = np.random.default_rng(0).gamma(2, 3, (4, 4)).round(2)
SIZES = [0.5, 1, 2, 4]
TRIALS = {
    "contrast": np.repeat([0.1, 0.4, 0.8], 4),
    "counts": np.arange(24.0).reshape(12, 2),
    "start": np.arange(12.0),
}

Files = dict[str, bytes]  # by their names in the folder of an input
Read = Callable[[Path, random.Random], object]


@dataclass(frozen=True)
class Target:
    """Something that reads: what valid input is, and how it is read from the folder that holds it."""

    seeds: Callable[[Path], list[Files]]
    read: Read


def curves() -> Any:
    """A small dataset with properties of units."""
    units = {"area": ["a", "b", "a", "b"], "depth": [1, 2, 3, 4], "cell_type": list("EEII")}
    return make_dataset(RATES, {"size": SIZES, "contrast": [0.1, 0.1, 0.5, 0.5]}, units)


def saved(name: str, **how: Any) -> Callable[[Path], list[Files]]:
    """Files of curves as tuneful writes them."""

    def seeds(folder: Path) -> list[Files]:
        save(curves(), folder / f"a.{name}", **how)
        return [files_in(folder)]

    return seeds


def files_in(folder: Path) -> Files:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written(**writers: Callable[[Path], object]) -> Callable[[Path], list[Files]]:
    """Files that other programs write; each is a seed of its own, of the same name."""

    def seeds(folder: Path) -> list[Files]:
        found = []
        for kind, write in writers.items():
            (folder / kind).mkdir()
            write(folder / kind)
            found.append(files_in(folder / kind))
        return found

    return seeds


def read_curves(name: str, *options: dict[str, Any]) -> Read:
    """Read curves, as the user says or as the file says."""
    return lambda folder, rng: load(folder / name, **(rng.choice(options) if options else {}))


def text(name: str, *contents: str, encoding: str = "utf-8") -> Callable[[Path], list[Files]]:
    """Texts."""
    return lambda folder: [{name: content.encode(encoding)} for content in contents]


TRIAL_TABLE = "trial,contrast,u1,u2\n" + "".join(f"{i},{0.1 if i % 2 else 0.4},{i},{2 * i}\n" for i in range(8))
GERMAN = "unit;size;rate\n" + "".join(f"{u};{s};{u}{s}\n".replace(".", ",") for u in range(3) for s in (0.5, 1.5))
LONG = GERMAN.replace(",", ".").replace(";", ",")


def save_trials(path: Path) -> None:
    """A structure array of MATLAB, an element a trial."""
    rows = [{name: values[i] for name, values in TRIALS.items()} for i in range(12)]
    fields = [(name, object) for name in TRIALS]
    structure = np.array([tuple(row[name] for name in TRIALS) for row in rows], fields)
    scipy.io.savemat(path / "a.mat", {"trials": structure})


def save_73(path: Path) -> None:
    """A file of MATLAB 7.3."""
    with h5py.File(path / "a.mat", "w", userblock_size=512) as file:
        for name, values in {"rate": RATES, "size": np.array(SIZES), **TRIALS}.items():
            file[name] = values.T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    content = bytearray((path / "a.mat").read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (path / "a.mat").write_bytes(content)


def save_nwb(folder: Path) -> None:
    """A session of two units and eight trials."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pynwb: Any = importlib.import_module("pynwb")
        file = pynwb.NWBFile("made up", "id", datetime(2026, 1, 1, tzinfo=UTC))
        file.add_trial_column("contrast", "as it says")
        file.add_trial_column("image", "as it says")
        for i in range(8):
            file.add_trial(start_time=float(i), stop_time=i + 0.8, contrast=0.1 + i % 2, image="ab"[i % 2])
        file.add_unit_column("quality", "by hand")
        for n in (30, 10):
            file.add_unit(spike_times=np.linspace(0, 8, n), quality=f"q{n}")
        with pynwb.NWBHDF5IO(folder / "a.nwb", "w") as out:
            out.write(file, cache_spec=False)


def save_zarr(folder: Path) -> None:
    """A store in a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves().to_zarr(folder / "a.zarr")


def recordings(folder: Path) -> list[Files]:
    """A folder as that of Lalazar et al."""
    table = "\n".join(",".join(f"{value:g}" for value in np.linspace(u, u + 5, 27)) for u in range(3)) + "\n"
    return [{f"{name}.dat": table.encode() for name in ("TuningCurves_Pronation", "XCells", "YCells", "ZCells")}]


W = np.array([[0.5, -1, 0], [1, -0.5, -2], [0, -1, -1]])

CONFIG = """circuit = {name = "m1", grid = 5, density = 0.1}
seed = 3
precision = "float32"
[objective]
name = "energy"
ridge = 0.1
[penalties.rate]
limit = 100.0
[data]
simulate = 20
truth = {J = 2.0}
[fit]
batch = 8
max_steps = 10
fitted = ["J"]
[fit.predict]
x = [1.0]
"""
OTHER_CONFIG = """circuit = "ssn"
[observation]
duration = 1.0
[match]
cell_type = {PC = "E"}
[fit]
learning_rate = 0.1
"""
STUDY = """model = "m1"
seeds = 2
datasets = ["a.csv", {path = "b.csv", name = "B", options = {drop = "size=0"}}]
draws = 2
limit = 10.0
[settings]
fit.max_steps = 3
[[cases]]
objective = "energy"
[[cases]]
objective = "moments"
[grid]
fit.batch = [8, 16]
[random]
objective.ridge = {low = 0.01, high = 1, scale = "log"}
"""
ITEMS = [
    "fit.max_steps=50",
    "seed=3",
    'match.cell_type={PC = "E"}',
    "circuit.J=2.5",
    "data.simulate=40",
    "fitted=['J']",
]


def read_weights(name: str) -> Read:
    """Read a network."""
    return lambda folder, rng: read_network(folder / name)


def read_configuration(name: str) -> Read:
    """Build what a configuration says."""
    from tuneful.runs.presets import resolve

    return lambda folder, rng: resolve(str(folder / name), {}, []).components()


def read_item(folder: Path, rng: random.Random) -> object:
    """Settings of the command line, among them values of every kind."""
    from tuneful.runs.presets import resolve
    from tuneful.runs.studies.planning import as_override

    item = (folder / "item").read_bytes().decode(errors="replace")
    if rng.random() < 0.3:
        with contextlib.suppress(ValueError, TypeError):
            item = f"{item.partition('=')[0]}={as_override(rng.choice(VALUES))}"
    return resolve("m1", {}, ["circuit.grid=5", item]).components()


def read_study_file(folder: Path, rng: random.Random) -> object:
    """Every combination of a study."""
    from tuneful.runs.studies.study_settings import combinations, read_study

    study = read_study(folder / "study.toml", [rng.choice(ITEMS)] if rng.random() < 0.3 else [])
    return list(itertools.islice(combinations(study), 100))


def fit_folder(folder: Path) -> list[Files]:
    """The folder of a finished fit."""
    from tuneful import run
    from tuneful.runs.running import as_config

    fit = {
        "max_steps": 2,
        "batch": 8,
        "page": False,
        "evaluation_curves": 10,
        "final_curves": 10,
        "evaluate_every": 1,
    }
    settings = {"circuit": {"name": "m1", "grid": 5, "density": 0.1}, "data": {"simulate": 20}, "fit": fit}
    run(as_config(settings, "fuzz"), folder / "run")
    return [{name: content for name, content in files_in(folder).items() if not name.endswith(".lock")}]


def read_fit(folder: Path, rng: random.Random) -> object:
    """Load it, whether or not anything is proven in it."""
    from tuneful import Fit

    if rng.random() < 0.5:
        (folder / "run" / ".tuneful.json").unlink(missing_ok=True)
    return Fit.load(folder / "run")


TREE = {"state": {"theta": np.arange(3.0), "steps": np.zeros((), np.int32)}, "seconds": np.zeros(())}


def states(folder: Path) -> list[Files]:
    """Two checkpoints."""
    from tuneful.runs.checkpoints import save_checkpoint

    for step in (1, 2):
        save_checkpoint(folder, step, TREE)
    return [files_in(folder)]


def read_states(folder: Path, rng: random.Random) -> object:
    """The newest state that can be read; some of a format that proves nothing."""
    from tuneful.runs.checkpoints import newest_checkpoint, remove_checkpoints

    if rng.random() < 0.5:
        for about in folder.glob("*/checkpoint.json"):
            about.write_bytes(about.read_bytes().replace(b'"format": 3', b'"format": 2'))
    found = newest_checkpoint(folder, lambda: TREE)
    remove_checkpoints(folder)
    return found


def study_folder(folder: Path) -> list[Files]:
    """A study of two jobs, one finished and one failed."""
    from tuneful.runs.studies.attempt import End, noted
    from tuneful.runs.studies.jobs import Job, State
    from tuneful.runs.studies.study_folder import StudyFolder
    from tuneful.runs.studies.study_settings import study_from

    study = StudyFolder(folder / "study")
    jobs = [Job(i, "curves", {"fit.batch": i}, {"seed": i}) for i in range(2)]
    study.begin(study_from({"model": "m1", "seeds": 2}, "fuzz"), jobs)
    noted(study.run(jobs[1]), End(1, State.FAILED, "no"))
    run = study.run(jobs[0])
    run.prepare(overwrite=False)
    J = {"value": 1.0, "symbol": "J", "standard_error": None, "truth": 2.0}
    run.write_json("result.json", {"outcome": "converged", "steps": 3, "parameters": {"J": J}, "statistics": {}})
    holder = b'{"process": 1, "host": "elsewhere", "since": "2026-01-01T00:00:00+00:00"}'
    return [files_in(folder), files_in(folder) | {"study/runs/00000/.tuneful.holder.json": holder}]


def read_study_folder(folder: Path, rng: random.Random) -> object:
    """How it stands, its table, and whether it may be replaced."""
    from tuneful.runs.folder import RunFolder
    from tuneful.runs.studies.collecting import table_of
    from tuneful.runs.studies.study_folder import StudyFolder
    from tuneful.runs.studies.study_run import account_of

    if rng.random() < 0.5:
        for manifest in folder.rglob(".tuneful.json"):
            manifest.unlink()
    study = StudyFolder(folder / "study")
    account = account_of(study)
    str(account)
    table_of(study, account.jobs)
    RunFolder(folder / "study" / "runs" / "00000").refuse(overwrite=True)
    return account


def frame() -> Any:
    """Curves as a table."""
    from tuneful.readers.tables import to_frame

    return to_frame(curves(), "long")


def as_json(name: str, *texts: str) -> Callable[[Path], list[Files]]:
    """Settings in TOML as JSON."""
    return lambda folder: [{name: json.dumps(tomllib.loads(text)).encode()} for text in texts]


TRIAL_OPTIONS = {"conditions": "contrast"}, {"conditions": "contrast,image", "window": "0,0.5"}, {}
COUNTS = {"conditions": "contrast", "response": "counts", "window": "0,1"}
SETTINGS = CONFIG, OTHER_CONFIG
TARGETS = {
    "csv long": Target(text("a.csv", LONG, GERMAN), read_curves("a.csv")),
    "csv wide": Target(saved("csv", layout="wide"), read_curves("a.csv")),
    "csv trials": Target(
        text("a.csv", TRIAL_TABLE), read_curves("a.csv", {"layout": "trials", "conditions": "contrast"}, {})
    ),
    "tsv": Target(saved("tsv"), read_curves("a.tsv", {}, {"drop": "size=1"}, {"label": "session=m3"})),
    "txt": Target(text("a.txt", LONG, GERMAN, encoding="utf-16"), read_curves("a.txt")),
    "csv.gz": Target(lambda folder: [{"a.csv.gz": gzip.compress(LONG.encode())}], read_curves("a.csv.gz")),
    "npz": Target(
        written(
            curves=lambda path: np.savez(path / "a.npz", rate=RATES, size=SIZES, area=list("abab")),
            trials=lambda path: np.savez(path / "a.npz", **TRIALS),
        ),
        read_curves("a.npz", {}, {}, COUNTS),
    ),
    "npy": Target(written(npy=lambda path: np.save(path / "a.npy", RATES)), read_curves("a.npy")),
    "mat": Target(
        written(
            curves=lambda path: scipy.io.savemat(path / "a.mat", {"rate": RATES, "size": SIZES}), trials=save_trials
        ),
        read_curves("a.mat", {}, COUNTS),
    ),
    "mat 7.3": Target(written(curves=save_73), read_curves("a.mat", {}, COUNTS)),
    "nc": Target(saved("nc"), read_curves("a.nc")),
    "nc classic": Target(
        written(nc=lambda path: curves().to_netcdf(path / "a.nc", engine="scipy")), read_curves("a.nc")
    ),
    "xlsx": Target(written(xlsx=lambda path: frame().to_excel(path / "a.xlsx", index=False)), read_curves("a.xlsx")),
    "parquet": Target(saved("parquet"), read_curves("a.parquet")),
    "zarr": Target(written(zarr=save_zarr), read_curves("a.zarr")),
    "nwb": Target(written(nwb=save_nwb), read_curves("a.nwb", *TRIAL_OPTIONS)),
    "recordings": Target(recordings, lambda folder, rng: load(folder, grid=rng.choice([0, None]))),
    "weights npz": Target(
        written(npz=lambda path: np.savez(path / "w.npz", W=W, excitatory=[1, 0, 0])), read_weights("w.npz")
    ),
    "weights mat": Target(
        written(mat=lambda path: scipy.io.savemat(path / "w.mat", {"W": W})), read_weights("w.mat")
    ),
    "weights csv": Target(text("w.csv", "\n".join(",".join(map(str, row)) for row in W)), read_weights("w.csv")),
    "toml": Target(text("a.toml", *SETTINGS), read_configuration("a.toml")),
    "config.json": Target(as_json("a.json", *SETTINGS), read_configuration("a.json")),
    "--set": Target(text("item", *ITEMS), read_item),
    "study.toml": Target(text("study.toml", STUDY), read_study_file),
    "study folder": Target(study_folder, read_study_folder),
    "checkpoints": Target(states, read_states),
    "fit folder": Target(fit_folder, read_fit),
}
