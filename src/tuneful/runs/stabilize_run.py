"""A stabilised circuit and its folder: a descent that is logged, saved as it goes, and ends with a page."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.descents import Moment, Outcome
from tuneful.errors import UserError
from tuneful.fitting.tables import other_versions, versions
from tuneful.networks.random_weights import RandomNetwork
from tuneful.report import soc as soc_page
from tuneful.report.soc.content import SocContent
from tuneful.runs.checkpoints import Checkpoints
from tuneful.runs.finishing import finishing
from tuneful.runs.folder import CONFIG, PAGE, RESULT, Place, RunFolder
from tuneful.runs.interrupts import asked_to_stop
from tuneful.runs.progress import Progress
from tuneful.runs.stabilize_config import KIND, StabilizeConfig
from tuneful.runs.stabilize_result import circuit_result
from tuneful.stability import StabilizedCircuit, stabilize

CIRCUIT = "circuit.npz"


@dataclass(frozen=True, eq=False)
class StabilizedRun:
    """A descent that ended: the circuit, and the content of result.json."""

    circuit: StabilizedCircuit
    table: dict[str, Any]


def execute_stabilize(config: StabilizeConfig, place: Place, progress: Progress, command: str) -> StabilizedRun:
    """Stabilise as configured.

    Raises
    ------
    UserError
        One sentence on what is wrong with the settings, the folder or the weights.
    KeyboardInterrupt
        If it was interrupted; the state is saved by then.
    """
    try:
        network, arguments = config.network_to_stabilize(lambda said: progress.note([said])), config.arguments()
        config = config.completed(network, arguments["allowed"])
        folder, goes_on = place.folder, place.goes_on
        if goes_on:
            config = _gone_on_with(folder, config, progress)
        else:
            folder.refuse(place.overwrite)
            config = config.model_copy(update={"versions": versions("scipy")})
        with folder.lock(), progress:
            return _execute(config, folder, network, arguments, goes_on, progress, command)
    except MemoryError as error:
        raise UserError(f"There is not enough memory for this network ({error}).") from error


def _gone_on_with(folder: RunFolder, config: StabilizeConfig, progress: Progress) -> StabilizeConfig:
    """The configuration with which a run goes on; other limits are allowed, since they change no step."""
    if folder.kind() != KIND:
        raise UserError(f"{folder.path} holds a run of another command: choose another --out.")
    folder.refuse_damage()
    with folder.reading():
        before = folder.read_json(CONFIG)
        begun_with = dict(before.get("versions", {}))
        folder.refuse_changes(config.changes(before))
        progress.note(other_versions(begun_with))
    folder.go_on()
    return config.model_copy(update={"versions": begun_with})


def _execute(
    config: StabilizeConfig,
    folder: RunFolder,
    network: RandomNetwork,
    arguments: dict[str, Any],
    goes_on: bool,
    progress: Progress,
    command: str,
) -> StabilizedRun:
    keeper = Checkpoints(folder.checkpoints)
    log = _Log(folder, config, goes_on, progress, lambda: keeper.clock())
    try:
        circuit = stabilize(
            network.weights,
            network.excitatory,
            **arguments,
            keeper=_Begun(keeper, log, goes_on),
            observers=(log, asked_to_stop),
        )
    except ValueError as error:  # what is refused before the first step is the user's to mend
        if log.has_begun:
            raise
        raise UserError(_in_options(str(error))) from error
    if circuit.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    progress.say(f"step {circuit.steps:>5}   {log.text(circuit.abscissa)}")
    progress.say("computing the scalars, writing the page")
    with finishing(folder, CIRCUIT):
        _write_circuit(folder, network, circuit)
        table = circuit_result(config, network, circuit, keeper.clock(), command)
        _write_report(folder, network, circuit, table)
    return StabilizedRun(circuit, table)


def _write_circuit(folder: RunFolder, network: RandomNetwork, circuit: StabilizedCircuit) -> None:
    packed = io.BytesIO()
    arrays: dict[str, Any] = circuit.to_arrays() | {"start_weights": network.weights}
    np.savez(packed, **arrays)
    with folder.writing(CIRCUIT) as path:
        path.write_bytes(packed.getvalue())


def _write_report(
    folder: RunFolder, network: RandomNetwork, circuit: StabilizedCircuit, table: dict[str, Any]
) -> None:
    """Write the page, and last of all result.json, which marks the run as finished."""
    content = SocContent(table, circuit.weights, circuit.excitatory, network.weights, circuit.history)
    with folder.writing(PAGE) as path:
        soc_page.write_soc_report(content, path)
    folder.write_json(RESULT, table)


def _in_options(message: str) -> str:
    """A refusal in the words of the command line."""
    for name in ("self_connections", "faithful"):
        message = message.replace(f"{name}=True", f"--{name.replace('_', '-')}")
    return message


class _Log:
    """An observer that writes every step into the log of the folder, and shows it.

    The folder is made at the first moment: a descent that is refused leaves nothing behind.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: StabilizeConfig,
        goes_on: bool,
        progress: Progress,
        clock: Callable[[], float],
    ):
        self._folder, self._config, self._goes_on = folder, config, goes_on
        self._progress, self._clock = progress, clock
        self.has_begun, self._logged = False, -1

    def text(self, abscissa: float) -> str:
        """How good a step is."""
        return f"abscissa {abscissa:.4f} (target {self._config.target:g})"

    def __call__(self, moment: Moment) -> None:
        if not self.has_begun:
            self._begin(moment.steps)
        abscissa = float(moment.state.abscissa)
        if moment.steps > self._logged:
            line = {"step": moment.steps, "abscissa": abscissa, "seconds": round(self._clock(), 3)}
            self._folder.append_metrics([line])
        self._progress.now_and_then(moment.steps, self.text(abscissa))

    def _begin(self, steps: int) -> None:
        if self._goes_on:
            lines = self._folder.read_metrics(until=steps)
            self._folder.rewrite_metrics(lines)
            self._logged = max((line["step"] for line in lines), default=-1)
        else:
            self._folder.prepare(overwrite=True)  # whether it may be was asked before
        self._folder.write_json(CONFIG, self._config.written())
        self._progress.begin(steps)
        self.has_begun = True


class _Begun:
    """A keeper for a folder that may not be there yet, or may hold the states of a run that is to be replaced."""

    def __init__(self, keeper: Checkpoints, log: _Log, goes_on: bool):
        self._keeper, self._log, self._goes_on = keeper, log, goes_on

    def load(self, template: Callable[[], Any]) -> Any | None:
        """What was saved, of a run that is gone on with."""
        return self._keeper.load(template) if self._goes_on else None

    def keep(self, steps: int, pack: Callable[[], Any], is_last: bool) -> None:
        """Save once the folder is there."""
        if self._log.has_begun:
            self._keeper.keep(steps, pack, is_last)
