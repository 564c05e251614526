"""From what is asked, on the command line or in Python, to a whole configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneful.errors import UserError, suggest
from tuneful.fitting.settings import HOW, FitSettings
from tuneful.registry import circuits, fields_of, installed, objectives
from tuneful.runs.configuration import RunConfig, read_config, with_steps_in_fit
from tuneful.runs.overrides import apply_overrides, as_override, full_path
from tuneful.runs.own_code import FAMILIES, label_of
from tuneful.settings import parse, shown

if TYPE_CHECKING:
    from tuneful.runs.estimator import Fit

PRESETS = Path(__file__).parent / "preset_files"
OF_RUNS = ("data", "seed", "precision")  # parts of a configuration that a fit gets when it is run


def preset(name: str | Path, objective: str | None = None, **settings: Any) -> Fit:
    """Make the fit of `tuneful fit NAME`: its circuit, its objective and its settings, which are tuned to each other.

    `Fit("ssn")` has that circuit alone, with the settings that any fit has by default.

    Parameters
    ----------
    name
        A preset, ``"m1"``, ``"ssn"``, ``"ssn2019"``, ``"ring"`` or ``"v1"``; or a configuration file.
    objective
        Another one; some presets have settings of their own for it.
    **settings
        What `--set` takes: ``types=4``, ``refine_steps=10``, ``**{"circuit.n_sites": 51}``.

    Raises
    ------
    UserError
        For a name or a setting that is unknown, and for settings that `Fit.fit` takes.

    >>> preset("ssn", refine_steps=10)
    <Fit of SSN by moments: not fitted>
    """
    from tuneful.runs.estimator import Fit

    if not isinstance(name, str | Path):
        raise UserError(f"A preset is asked for by its name, {', '.join(names())}, and not by {shown(name)}.")
    items = [f"{key}={as_override(value)}" for key, value in settings.items()]
    config = resolve(str(name), {"objective": objective}, items)
    owners = _owners(config.model_dump())
    for key in settings:
        if full_path(key, owners)[0] in OF_RUNS:
            raise UserError(f"{key} is no part of a fit: fit(data, seed) takes the data and the seed.")
    return Fit(*config.components(), config.match, **config.fit.model_dump())


def names() -> list[str]:
    """Of all presets."""
    return sorted(file.stem for file in PRESETS.glob("*.toml"))


def resolve(model: str, asked: Mapping[str, Any], overrides: Sequence[str]) -> RunConfig:
    """Merge defaults, the configuration file, options and `--set` items, the later the stronger.

    Parameters
    ----------
    model
        The name of a circuit or of a preset, the place of a circuit of one's own (FILE.py:CLASS), or a configuration
        file, .toml or .json.
    asked
        ``data`` (a path), ``options`` (of its reader), ``objective`` (a name, or the place of a class), ``seed``, and
        ``circuit``, the place of the class where `model` is a file: each None or left out where nothing is asked.
    overrides
        Items ``key=value``. One that a preset has a file of its own for, types=4 of v1, chooses that.

    Raises
    ------
    UserError
        For a file or a setting that cannot be used.
    """
    labels = {kind: label_of(kind, asked[kind]) for kind in ("circuit", "objective") if asked.get(kind) is not None}
    given, overrides = _variant(model, overrides)
    config = parse(RunConfig, given, model)
    for kind in ("circuit", "objective"):
        config.require_code(kind)
    settings = config.model_dump()
    if labels.get("circuit") not in (None, settings["circuit"].get("name")):
        raise UserError(f"{model} is of the circuit {settings['circuit'].get('name')!r}, not of {asked['circuit']}.")
    if labels.get("objective") not in (None, settings["objective"].get("name")):
        settings = _with_objective(settings, labels["objective"], model)
    if asked.get("seed") is not None:
        settings["seed"] = asked["seed"]
    if asked.get("data") is not None:
        settings["data"] |= {"path": asked["data"], "sha256": None, "name": None, "resample": None}
    if asked.get("options"):
        settings["data"] = _read_differently(settings["data"], asked["options"])
    if settings["observation"] is None:
        settings.pop("observation")  # a section for --set to make
    settings = with_steps_in_fit(apply_overrides(settings, overrides, _owners(settings)))
    return parse(RunConfig, settings, "command line")


def _variant(model: str, overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What a model stands for, and the overrides that are left: some presets have a file for one of them."""
    files = {file.stem: file for file in (PRESETS / model).glob("*=*.toml")}
    chosen = next((item for item in overrides if item in files), None)
    given = _given(model) if chosen is None else read_config(files[chosen])
    return given, [item for item in overrides if item != chosen]


def _given(model: str) -> dict[str, Any]:
    if Path(model).suffix in (".toml", ".json"):
        return read_config(Path(model))
    label, family = label_of("circuit", model), FAMILIES["circuit"]
    found = _preset(label)
    if found is None or (model != label and found["circuit"]["name"] != label):  # a class may be called as a preset
        if label not in (known := circuits()):
            _refuse_place(Path(model))
            available = dict.fromkeys([*names(), *known])
            raise UserError(f"There is no preset or circuit called {shown(label)}.{suggest(label, available)}")
        return {"circuit": label}
    if found["circuit"]["name"] != label and label in installed(family.package, family.base):
        raise UserError(
            f"{label!r} is a preset, and a circuit of a package: name the place of its class, MODULE:CLASS, or that "
            f"of the preset, {PRESETS / label}.toml."
        )
    return found


def _refuse_place(path: Path) -> None:
    """Refuse what is there and no model: curves, or the folder of a run."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: the configuration of a run is its file {path / 'config.json'}.")
    if path.is_file():
        raise UserError(f"{path} is no circuit: name one first, and curves by --data, as in fit ssn --data {path}.")


def _preset(name: str) -> dict[str, Any] | None:
    """What the preset of this name says, if there is one."""
    file = PRESETS / f"{name}.toml"
    return read_config(file) if file.exists() else None


def _read_differently(data: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the reader as well; the curves need not be those of the configuration any more."""
    if data["path"] is None:
        raise UserError(f"The option '{next(iter(options))}' is for measured curves: name them with --data.")
    return data | {"options": data["options"] | options, "sha256": None}


def _with_objective(settings: dict[str, Any], name: str, model: str) -> dict[str, Any]:
    """Another objective: settings of the one before, and how it was best descended, do not apply to it."""
    circuit = str(settings["circuit"].get("name"))
    own = _preset(circuit)
    is_of_another = own is not None and own["circuit"]["name"] != circuit
    folders = [PRESETS / model] + [PRESETS / circuit] * (not is_of_another)
    presets = (folder / f"{name}.toml" for folder in folders)
    given = next((read_config(preset) for preset in presets if preset.exists()), {})
    fit = {key: value for key, value in settings["fit"].items() if key not in HOW}
    own = {"objective": {"name": name} | given.get("objective", {}), "fit": fit | given.get("fit", {})}
    return settings | own | {"penalties": given.get("penalties", settings["penalties"])}


def _owners(settings: dict[str, Any]) -> dict[str, list[str]]:
    """For every setting that may be given by its bare name, the sections that have it."""
    known = {
        "circuit": fields_of("circuit", circuits(), settings["circuit"]),
        "objective": fields_of("objective", objectives(), settings["objective"]),
        "fit": list(FitSettings.model_fields),
        "data": ["path", "options", "simulate", "truth"],
        "data.options": ["posture", "complete"],  # its grid needs the whole path: grid alone is that of the circuit
    }
    owners = {name: [""] for name in ("seed", "precision", "observation")}  # the last as a whole: none
    for section, names in known.items():
        for name in names:
            owners.setdefault(name, []).append(section)
    return owners
