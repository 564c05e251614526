"""The configuration of a fit: everything that decides its result. `config.json` of a run folder is one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from tuneful.circuits import AbstractCircuit, Observation, observed
from tuneful.circuits.observation import taken_apart
from tuneful.errors import UserError
from tuneful.fitting.settings import HOW, LIMITS, REPORTING, FitSettings
from tuneful.objectives import AbstractObjective, AbstractPenalty
from tuneful.plain import plain
from tuneful.registry import build, objectives, penalties, settings_of
from tuneful.runs.own_code import FAMILIES, Code, Kind, code_of, made, require
from tuneful.runs.settings_file import read_settings
from tuneful.settings import Section, differences

FORMAT = 2  # of run folders


class Resampling(Section):
    """A bootstrap sample of the measured units, `tuneful.curves.resampling.resampled`."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    number: int = Field(ge=0)
    by: str | None = None  # the property that those share which are drawn together


class DataSettings(Section):
    """Where the curves come from. Without a path they are simulated from the circuit at known parameters."""

    path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)  # handed to the reader (posture, complete, ...)
    simulate: int = Field(default=1000, ge=4)  # curves, if there is no path
    truth: dict[str, Any] = Field(default_factory=dict)  # of the simulated circuit, where it differs from the fitted
    resample: Resampling | None = None  # of the curves that are there, of which a run keeps the sample
    name: str | None = None  # what pages call the data
    sha256: str | None = None  # of the curves as they are fitted; other curves are then refused


class RunConfig(Section):
    """Everything that decides the result of a fit."""

    kind: Literal["fit"] = "fit"
    format: Literal[2] = FORMAT
    circuit: dict[str, Any]
    observation: dict[str, Any] | None = None  # settings of the layer between circuit and data; None: no layer
    objective: dict[str, Any] = Field(default_factory=lambda: {"name": "energy"})
    penalties: dict[str, dict[str, Any]] = Field(default_factory=dict)  # settings by name
    code: dict[Kind, Code] = Field(default_factory=dict)  # of classes that are one's own
    data: DataSettings = DataSettings()
    match: dict[str, dict[str, str | float] | str] = Field(default_factory=dict)  # see `tuneful.curves.labels`
    fit: FitSettings = FitSettings()
    seed: int = Field(default=0, ge=0, lt=2**32)  # all that a random key takes in
    precision: Literal["float32", "float64"] = "float32"
    versions: dict[str, str] = Field(default_factory=dict)  # with which a run began; they decide nothing

    @field_validator("circuit", "objective", mode="before")
    @classmethod
    def _allow_bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _allow_bare_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    def components(
        self,
        circuit: AbstractCircuit | type[AbstractCircuit] | str | None = None,
        objective: AbstractObjective | type[AbstractObjective] | str | None = None,
        avoided: Sequence[AbstractPenalty] | None = None,
    ) -> tuple[AbstractCircuit, AbstractObjective, Sequence[AbstractPenalty]]:
        """Build circuit, objective and penalties, but for those that are given, themselves or as `made` takes them.

        Raises
        ------
        UserError
            For names that are not known in this process, and for settings that they do not take.
        """
        built = self.observed(self._component("circuit", circuit)), self._component("objective", objective)
        if avoided is None:  # after those, whose files may hold penalties
            costs = [{"name": name} | values for name, values in self.penalties.items()]
            avoided = [build("penalty", penalties(), cost) for cost in costs]
        return *built, avoided

    def observed(self, circuit: AbstractCircuit) -> AbstractCircuit:
        """The circuit seen through the layer that is asked for, if any, and if it has none of its own.

        Raises
        ------
        UserError
            For settings that the layer does not take, or that do not go with the circuit.
        """
        if self.observation is None or taken_apart(circuit)[1] is not None:
            return circuit
        layer = build("observation", {Observation.label: Observation}, {"name": Observation.label} | self.observation)
        try:
            return observed(circuit, layer)
        except ValueError as error:
            raise UserError(f"The observation does not go with the circuit: {error}") from error

    def with_circuit(self, circuit: AbstractCircuit) -> "RunConfig":
        """This configuration of another circuit, layer included, with nothing of it left to defaults."""
        own, layer = taken_apart(circuit)
        settings = None if layer is None else settings_of(layer)
        seen = None if settings is None else {name: value for name, value in settings.items() if name != "name"}
        return self.model_copy(update={"circuit": settings_of(own), "observation": seen})

    def _component(self, kind: Kind, given: Any) -> Any:
        settings = getattr(self, kind)
        if given is not None:
            return made(kind, given, settings)
        self.require_code(kind)
        return build(kind, FAMILIES[kind].known(), settings)

    def require_code(self, kind: Kind) -> None:
        """Refuse a class of one's own that this process has not imported.

        Raises
        ------
        UserError
            It says how to name it.
        """
        require(kind, getattr(self, kind).get("name"), self.code.get(kind))

    def completed(
        self, circuit: AbstractCircuit, objective: AbstractObjective, avoided: Sequence[AbstractPenalty]
    ) -> "RunConfig":
        """This configuration with nothing left to defaults, which may change."""
        costs = [settings_of(penalty) for penalty in avoided]
        code = {"circuit": code_of("circuit", taken_apart(circuit)[0]), "objective": code_of("objective", objective)}
        return self.with_circuit(circuit).model_copy(
            update={
                "objective": settings_of(objective),
                "penalties": {cost.pop("name"): cost for cost in costs},
                "fit": self.fit.for_objective(objective.label),
                "code": {kind: place for kind, place in code.items() if place is not None},
            }
        )

    def written(self) -> dict[str, Any]:
        """The content of config.json."""
        return plain(self.model_dump())

    def changes(self, before: "RunConfig") -> list[str]:
        """Settings in which a run that is gone on with may not differ from how it was begun, and does."""
        free = {f"fit.{name}" for name in (*LIMITS, *REPORTING)}
        free |= {f"data.{name}" for name in ("path", "options", "resample", "name")}  # digests decide of data ...
        free |= {"versions", "code"}  # ... and of code
        changed = differences(before.written(), self.written())
        return [name for name in changed if not any(name == f or name.startswith(f"{f}.") for f in free)]


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file, TOML or the config.json of a run, in the form that it has today.

    The curves of a run are those that lie beside its configuration, wherever they were read from first.

    Raises
    ------
    UserError
        If it is missing, unreadable, damaged, or written by a later version.
    """
    settings, curves = upgraded(read_settings(path), str(path)), path.with_name("data.nc")
    data = settings.get("data")
    if path.name == "config.json" and isinstance(data, dict) and data.get("path") and curves.exists():
        settings["data"] = settings["data"] | {"path": str(curves), "options": {}, "resample": None}  # it kept them
    return settings


def upgraded(settings: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Settings of an earlier format in the form that they have today.

    How steps are taken was a matter of the objective once, and the configuration of a run had lists of penalties and
    the name of its data. Refinements were quasi-Newton descents with a tolerance, and are certified now.
    """
    now = dict(settings)
    for section in ("fit", "objective"):  # it was in both, one after the other
        if isinstance(now.get(section), dict):
            now[section] = {key: value for key, value in now[section].items() if key != "refine_tolerance"}
    if isinstance(now.get("format"), int) and now["format"] > FORMAT:
        raise UserError(f"{origin} was written by a later version of tuneful (format {now['format']}): update it.")
    if "alternatives" in now:
        raise UserError(f"{origin}: there is no section [alternatives] any more: write a file for each objective.")
    costs = now.get("penalties")
    if isinstance(costs, list) and all(isinstance(c, dict) and isinstance(c.get("name"), str) for c in costs):
        now["penalties"] = {cost["name"]: {k: v for k, v in cost.items() if k != "name"} for cost in costs}
    if isinstance(now.get("data"), str) and "versions" in now:
        now["data"] = {"path": "data.nc", "name": now["data"]}
    return with_steps_in_fit(now)


def with_steps_in_fit(settings: dict[str, Any]) -> dict[str, Any]:
    """Move what says how steps are taken from the objective, where it used to be, to the fit."""
    objective, fit = settings.get("objective"), settings.get("fit", {})
    if not isinstance(objective, dict) or not isinstance(fit, dict):
        return settings
    own = objectives().get(str(objective.get("name", "energy")))
    fields = own.__dataclass_fields__ if own is not None else {}
    moved = {name: value for name, value in objective.items() if name in HOW and name not in fields}
    kept = {name: value for name, value in objective.items() if name not in moved}
    return settings | {"objective": kept, "fit": {**fit, **moved}} if moved else settings
