"""The configuration of a stabilised circuit: what decides the network, and what decides the descent."""

import hashlib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from tuneful.errors import UserError
from tuneful.networks.random_weights import RandomNetwork, random_network
from tuneful.readers.weights import read_mask, read_network
from tuneful.runs.configuration import FORMAT
from tuneful.settings import Section, differences, parse
from tuneful.stability import Smoothing

KIND = "stabilized circuit"
DRAWN = ("n", "radius", "network_density", "excitatory_fraction", "lognormal")  # of a network without a file
READ = ("variable", "excitatory")  # of a network from a file
PLACES = ("weights", "allowed", *READ)  # names of files: their content decides, not where it lies
LIMITS = ("max_steps", "patience")  # decide where a descent ends, not where it leads
TIMED = ("rate", "smoothing")  # of a step; the published ones are fixed


class StabilizeConfig(Section):
    """Arguments of `tuneful.networks.random_network` and `tuneful.stability.stabilize`, as on the command line.

    `network` is a digest of the network and of the places of its synapses: what their files hold decides, not where
    they lie. `versions` are those with which a run began.
    """

    kind: Literal["stabilized circuit"] = KIND
    format: Literal[2] = FORMAT

    n: int = Field(default=200, ge=2)
    radius: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    network_density: float = Field(default=0.1, gt=0, lt=1)
    excitatory_fraction: float = Field(default=0.5, gt=0, lt=1)
    lognormal: float | None = Field(default=None, gt=0, le=3)  # spread of the logarithm of the weights
    weights: str | None = None  # a file instead of a draw
    variable: str | None = None
    excitatory: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    target: float = Field(default=0.15, allow_inf_nan=False)
    gamma: float = Field(default=3.0, gt=0, allow_inf_nan=False)
    density: float | None = Field(default=0.4, gt=0, le=1)
    balance: Literal["type", "row"] | None = "type"
    sparsity: Literal["strongest", "replace"] = "strongest"
    self_connections: bool = False
    allowed: str | None = None
    smoothing: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # eps; None: the published shift
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    faithful: bool = False
    change_stable: bool = False  # bring a network that is stable already into the constraints
    max_steps: int | None = Field(default=None, ge=0)
    patience: int = Field(default=300, ge=1)
    network: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @field_validator("density", "balance", mode="before")
    @classmethod
    def _none_in_words(cls, value: Any) -> Any:
        return None if value == "none" else value

    def network_to_stabilize(self, note: Callable[[str], object] | None = None) -> RandomNetwork:
        """Draw or read the network that is to be stabilised; `note` is told which variable of its file was taken.

        Raises
        ------
        UserError
            If there is none.
        """
        if self.weights is not None:
            return read_network(Path(self.weights), self.variable, self.excitatory, note)
        about = {} if self.lognormal is None else {"distribution": "lognormal", "spread": self.lognormal}
        try:
            return random_network(
                self.n,
                self.seed,
                density=self.network_density,
                radius=self.radius,
                gamma=self.gamma,
                excitatory_fraction=self.excitatory_fraction,
                **about,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `stabilize`."""
        names = ("target", "gamma", "density", "balance", "sparsity", "self_connections", "rate", "seed", "faithful")
        return {name: getattr(self, name) for name in (*names, *LIMITS)} | {
            "allowed": None if self.allowed is None else read_mask(Path(self.allowed)),
            "leave_stable": not self.change_stable,
            "shift": None if self.smoothing is None else Smoothing(self.smoothing),
        }

    def completed(self, network: RandomNetwork, allowed: np.ndarray | None) -> "StabilizeConfig":
        """This configuration with the digest of what its files hold."""
        masked = b"" if allowed is None else allowed.tobytes()
        return self.model_copy(
            update={"network": _digest(network.weights.tobytes(), network.excitatory.tobytes(), masked)}
        )

    def settings(self) -> dict[str, Any]:
        """The settings that apply, by name."""
        not_used = (*DRAWN,) if self.weights is not None else ()
        about = ("kind", "format", "network", "versions")
        return {name: value for name, value in self.model_dump().items() if name not in (*not_used, *about)}

    def written(self) -> dict[str, Any]:
        """The content of config.json."""
        return {"kind": self.kind, "format": self.format, **self.settings()} | {
            "network": self.network,
            "versions": self.versions,
        }

    def changes(self, before: dict[str, Any]) -> list[str]:
        """Settings in which a run that is gone on with may not differ from its config.json, and does."""
        same = {key: before.get(key) for key in (*PLACES, *LIMITS, "versions", "format")}
        return differences({"change_stable": False} | before, self.written() | same)

    def command(self) -> str:
        """The command line of these settings."""
        words = ["tuneful", "stabilize"]
        for name, value in self.settings().items():
            if value != type(self).model_fields[name].default:
                option = f"--{name.replace('_', '-')}"
                words += [option] if value is True else [option, "none" if value is None else str(value)]
        return shlex.join(words)


def config_from(asked: dict[str, Any]) -> StabilizeConfig:
    """Read the options that were given.

    Raises
    ------
    UserError
        For bad ones, and for those that exclude others.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    settings = parse(StabilizeConfig, given, "command line")
    has_file = settings.weights is not None
    for names, is_idle, why in (
        (DRAWN, has_file, "is for a network that is drawn, and --weights names one"),
        (READ, not has_file, "is for a network from a file: name it with --weights"),
        (TIMED, settings.faithful, "is not for --faithful, whose steps are the published ones"),
    ):
        idle = [name for name in names if name in given]
        if is_idle and idle:
            raise UserError(f"--{idle[0].replace('_', '-')} {why}.")
    return settings


def _digest(*parts: bytes) -> str:
    """A short name for content: the same for the same bits."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
