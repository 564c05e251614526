"""What the commands do, once their arguments are read."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import platformdirs
import xarray as xr

from tuneful.circuits import AbstractCircuit
from tuneful.curves import describe
from tuneful.errors import UserError
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import natural_values, simulate
from tuneful.readers import load, save
from tuneful.registry import build, circuits, fields_of, objectives, penalties
from tuneful.report.fit.parameters import entries
from tuneful.report.wording import number
from tuneful.runs.configuration import DataSettings, RunConfig, apply_overrides, parse_value, read_toml
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import RunFolder
from tuneful.settings import parse

PRESETS = Path(__file__).parents[1] / "runs" / "presets"
SIMULATION_SEED = 20170417  # of the curves that are simulated when no data are given; not the seed of the fit


def run_fit(
    model: str,
    asked: dict[str, Any],
    out: Path | None,
    overrides: Sequence[str],
    start_from: Path | None,
    resume: bool,
    overwrite: bool,
) -> Path:
    """Fit as the command line asks; return the path of the report."""
    config = resolve(model, asked, overrides)
    _set_up_jax(config.precision)
    circuit = build("circuit", circuits(), config.circuit)
    dataset, name = _curves(config)
    if start_from is not None:
        circuit = _at_values_of(circuit, start_from)
    out = out or Path("runs") / f"{circuit.label}-{config.seed}"
    fit = as_configured(circuit, config)
    command = shlex.join(["tuneful", *(word for word in sys.argv[1:] if word != "--resume")])
    fit.fit(dataset, config.seed, out=out, resume=resume, overwrite=overwrite, data_name=name, command=command)
    _print_summary(fit)
    return out / "report.html"


def as_configured(circuit: AbstractCircuit, config: RunConfig, **changes: Any) -> Fit:
    """A fit of a circuit, with all else as configured but for `changes` of the settings of the fit."""
    objective = build("objective", objectives(), config.objective)
    avoided = [build("penalty", penalties(), {"name": n} | s) for n, s in config.penalties.items()]
    return Fit(circuit, objective, avoided, **config.fit.model_dump() | changes)


def resolve(model: str, asked: dict[str, Any], overrides: Sequence[str]) -> RunConfig:
    """Merge defaults, the configuration file, options and `--set` items, the later the stronger."""
    preset = PRESETS / f"{model}.toml"
    path = Path(model) if model.endswith(".toml") else preset
    given = read_toml(path) if path != preset or preset.exists() else {"circuit": model}
    settings = parse(RunConfig, given, model).model_dump()
    if asked.get("objective") not in (None, settings["objective"].get("name")):
        name = asked["objective"]  # settings of another objective do not apply
        settings["objective"] = {"name": name} | settings["alternatives"].get(name, {})
    if asked.get("seed") is not None:
        settings["seed"] = asked["seed"]
    if asked.get("data") is not None:
        settings["data"]["path"] = asked["data"]
    settings = apply_overrides(settings, overrides, _owners(settings))
    return parse(RunConfig, settings, "command line")


def _owners(settings: dict[str, Any]) -> dict[str, list[str]]:
    """For every setting that may be given by its bare name, the sections that have it."""
    known = {
        "circuit": fields_of("circuit", circuits(), settings["circuit"]),
        "objective": fields_of("objective", objectives(), settings["objective"]),
        "fit": list(FitSettings.model_fields),
        "data": list(DataSettings.model_fields),
        "data.options": ["posture", "complete"],  # its grid needs the whole path: grid alone is that of the circuit
    }
    owners: dict[str, list[str]] = {"seed": [""], "precision": [""]}
    for section, names in known.items():
        for name in names:
            owners.setdefault(name, []).append(section)
    return owners


def _set_up_jax(precision: str) -> None:
    """Use every core, keep compiled programs between runs, and set the precision, before JAX starts."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jax.config.update("jax_num_cpu_devices", cores)
    if jax.__version_info__[:2] == (0, 10) and "collective" not in os.environ.get("XLA_FLAGS", ""):
        # Devices wait for each other at the end of a batch. Where one has all the networks that settle late, or the
        # machine slept, that may take longer than the 40 s after which XLA ends the process (as do unknown flags).
        patience = "--xla_cpu_collective_call_terminate_timeout_seconds=86400"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {patience}".strip()
    jax.config.update("jax_enable_x64", precision == "float64")
    cache = Path(platformdirs.user_cache_dir("tuneful")) / "compiled"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # nowhere to keep them: every run compiles afresh
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def _curves(config: RunConfig) -> tuple[xr.Dataset, str]:
    """The measured curves, or simulated ones of the circuit's known truth."""
    data = config.data
    if data.path is not None:
        return load(data.path, **data.options), data.path
    truth = _at_known_truth(build("circuit", circuits(), config.circuit | data.truth))
    dataset = simulate(truth, data.simulate, jax.random.key(SIMULATION_SEED))
    return dataset, f"{data.simulate} curves simulated from {type(truth).__name__} at known parameters"


def _at_known_truth(circuit: AbstractCircuit) -> AbstractCircuit:
    """The circuit at the parameters of its example."""
    known = natural_values(circuit.example())
    return circuit.with_values({name: known[name] for name in circuit.parameters() if name in known})


def _at_values_of(circuit: AbstractCircuit, run: Path) -> AbstractCircuit:
    """The circuit at the fitted parameters of an earlier run."""
    earlier = Fit.load(run)
    if type(earlier.circuit_) is not type(circuit):
        raise UserError(f"{run} fitted another circuit ({earlier.circuit_.label}): it cannot start this fit.")
    return circuit.with_values(earlier.params_)


def _print_summary(fit: Fit) -> None:
    result = fit.result_
    print(f"{result['stopped']} ({result['steps']} steps, {result['wall_seconds']:.1f} s)")
    print(f"{'statistic':<20}{'KS start':>10}{'KS end':>10}{'5 % line':>10}{'floor':>10}")
    for name, row in result["statistics"].items():
        numbers = (row["ks_start"], row["ks"], row["line"], row["floor"])
        print(f"{name:<20}" + "".join(f"{'-':>10}" if x is None else f"{x:>10.3f}" for x in numbers))
    print(f"{'parameter':<20}{'start':>10}{'end':>10}{'truth':>10}  unit")
    for name, row in result["parameters"].items():
        for entry in entries(row):
            numbers = "".join(f"{number(x, 4):>10}" for x in (entry.initial, entry.value, entry.truth))
            print(f"{f'{name}_{entry.name}' if entry.name else name:<20}{numbers}  {row['unit']}")
    for sentence in result["warnings"]:
        print(f"note: {sentence}")


def run_simulate(
    model: str, out: Path, n: int, seed: int, overrides: Sequence[str], run: Path | None, overwrite: bool
) -> str:
    """Write a simulated dataset."""
    _refuse_existing(out, overwrite)
    if run is not None and overrides:
        raise UserError("The circuit of a run has its own settings: leave out either --set or --run.")
    config = resolve(model, {}, overrides)
    _set_up_jax(config.precision if run is None else RunFolder(run).read_fit_config()["precision"])
    circuit = _asked_circuit(model, config) if run is None else Fit.load(run).circuit_
    dataset = simulate(circuit, n, jax.random.key(seed))
    save(dataset, out)
    return f"{dataset.sizes['unit']} curves in {dataset.sizes['condition']} conditions: {out}"


def _asked_circuit(model: str, config: RunConfig) -> AbstractCircuit:
    """The circuit as configured; what nobody set is as in the simulated data of a fit, not as where a fit starts."""
    start = resolve(model, {}, []).circuit
    asked = {name: value for name, value in config.circuit.items() if value != start.get(name)}
    circuit = build("circuit", circuits(), config.circuit | config.data.truth | asked)
    values = {name: getattr(circuit, name) for name in circuit.parameters() if name in asked}
    return _at_known_truth(circuit).with_values(values)


def run_report(run: Path, out: Path | None) -> Path:
    """Write the report of a finished run again."""
    target = out or run / "report.html"
    Fit.load(run).report(target)
    return target


def run_check(path: str, options: Sequence[str]) -> str:
    """Describe a dataset in plain lines."""
    found = describe(load(path, **_options(options)))
    return "\n".join(line for key, value in found.items() for line in _described(key, value))


def _described(key: str, value: Any) -> list[str]:
    name = key.replace("_", " ")
    if isinstance(value, dict):
        return [f"{name}:", *(f"  {k}: {_inline(v)}" for k, v in value.items())] if value else []
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [f"{name}:", *(f"  {_inline(v)}" for v in value)]
    return [f"{name}: {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_inline(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(_inline(v) for v in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def run_convert(source: str, target: Path, options: Sequence[str], layout: str, overwrite: bool) -> str:
    """Convert a dataset."""
    _refuse_existing(target, overwrite)
    dataset = load(source, **_options(options))
    save(dataset, target, **({} if target.suffix == ".nc" else {"layout": layout}))
    return f"{dataset.sizes['unit']} units in {dataset.sizes['condition']} conditions: {target}"


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists: choose another file, or add --overwrite to replace it.")


def _options(items: Sequence[str]) -> dict[str, Any]:
    """Options of a reader, given as key=value."""
    pairs = [item.partition("=") for item in items]
    if bad := [item for item, pair in zip(items, pairs, strict=True) if not pair[1]]:
        raise UserError(f"--option {bad[0]!r} is not of the form key=value, for example posture=supination.")
    return {key.strip(): parse_value(value.strip()) for key, _, value in pairs}
