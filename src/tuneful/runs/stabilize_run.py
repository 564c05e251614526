"""`tuneful stabilize`: a descent that is logged, saved as it goes, and ends in a run folder with a page."""

import io
import shlex
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tuneful.runs.checkpoints import write_atomically
from tuneful.settings import differences
from tuneful.errors import UserError
from tuneful.runs.progress import Progress
from tuneful.report.soc.page import SocContent, write_soc_report
from tuneful.report.soc.wording import scalar_lines
from tuneful.runs.folder import CONFIG, RunFolder
from tuneful.runs.soc_result import KIND, circuit_result, soc_versions
from tuneful.runs.stabilize_settings import LIMITS, PLACES, StabilizeSettings, settings_from
from tuneful.networks.random_weights import RandomNetwork
from tuneful.stability import StabilizedCircuit, stabilize
from tuneful.stability.descent import DescentState

CIRCUIT = "circuit.npz"
FIRST_SAVE = 1.0  # seconds from the beginning to the first save of the state
SAVE_EVERY = 3.0  # seconds between two saves ...
SAVE_SHARE = 20.0  # ... and at least so many times as long as a save takes
NUMBERS = np.zeros((0, 0))
TEMPLATE = {
    "state": {f.name: np.zeros((), int) if f.name == "steps" else NUMBERS for f in fields(DescentState)},
    "seconds": np.zeros(()),
}  # what a save looks like

Earlier = tuple[DescentState | None, float]  # where a run stands, and the seconds that it took; None: nothing saved


def run_stabilize(asked: dict[str, Any], out: Path | None, resume: bool, overwrite: bool) -> tuple[Path, bool]:
    """Stabilise as the command line asks.

    Returns
    -------
    The path of the report, and whether the target was reached.

    Raises
    ------
    UserError
        One sentence on what is wrong with the settings, the folder or the weights.
    KeyboardInterrupt
        If the user stopped it; the state is saved by then.
    """
    settings = settings_from(asked)
    try:
        return _run(settings, out, resume, overwrite)
    except MemoryError as error:
        raise UserError(f"There is not enough memory for this network ({error}).") from error


def _run(settings: StabilizeSettings, out: Path | None, resume: bool, overwrite: bool) -> tuple[Path, bool]:
    network, arguments = settings.network(), settings.arguments()
    folder = RunFolder(out or Path("runs") / f"soc-{_name(settings)}")
    config = {"kind": KIND} | settings.config(network, arguments["allowed"])
    earlier = _earlier(folder, config) if resume and folder.exists else None
    if earlier is None and not overwrite:
        folder.refuse_existing()
    with Progress(None, earlier[0].steps if earlier and earlier[0] else 0, show=True) as bar:
        recorder = Recorder(folder, config, earlier, bar)
        circuit = _descend(network, arguments, recorder)
        seconds = recorder.seconds
        bar.say(f"step {circuit.steps:>5}   {recorder.text(circuit.abscissa)}")
        bar.say("computing the scalars, writing the page")
        result = _conclude(folder, settings, network, circuit, seconds)
    _print_summary(result)
    return folder.path / "report.html", circuit.reached


def _name(settings: StabilizeSettings) -> str:
    return str(settings.seed) if settings.weights is None else Path(settings.weights).stem


def _earlier(folder: RunFolder, config: dict[str, Any]) -> Earlier:
    """What a run with the same settings has saved; other limits are allowed, since they change no step."""
    before = folder.read_json(CONFIG)
    if before.get("kind") != KIND:
        raise UserError(f"{folder.path} holds a run of another command: choose another --out.")
    same = {key: before.get(key) for key in (*PLACES, *LIMITS, "versions")}
    changed = differences(before, config | same)
    if changed:
        raise UserError(
            f"The run in {folder.path} was started with another {changed[0]}: "
            "resume it with its own settings, or choose another --out."
        )
    saved = folder.load_checkpoint(TEMPLATE)
    if saved is None:
        return None, 0.0
    state = {name: array if array.ndim else array.item() for name, array in saved["state"].items()}
    return DescentState(**state), float(saved["seconds"])


def _descend(network: RandomNetwork, arguments: dict[str, Any], recorder: "Recorder") -> StabilizedCircuit:
    """Run the descent; what it refuses before its first step is the user's to mend."""
    try:
        circuit = stabilize(
            network.weights, network.excitatory, **arguments, state=recorder.start, on_state=recorder.note
        )
    except ValueError as error:
        if recorder.has_begun:
            raise
        raise UserError(_in_options(str(error))) from error
    if recorder.has_begun:
        recorder.save(circuit.state)
    if circuit.reason == "interrupted":
        raise KeyboardInterrupt
    return circuit


def _in_options(message: str) -> str:
    """A refusal in the words of the command line."""
    for name in ("self_connections", "faithful"):
        message = message.replace(f"{name}=True", f"--{name.replace('_', '-')}")
    return message


class Recorder:
    """Writes every step into the log, and the state into the folder every few seconds.

    The folder is made at the first state: a descent that is refused leaves nothing behind.
    """

    def __init__(self, folder: RunFolder, config: dict[str, Any], earlier: Earlier | None, bar: Progress):
        self._folder, self._config, self._bar = folder, config, bar
        self.start, seconds = earlier or (None, 0.0)
        self._logged = -1 if self.start is None else self.start.steps
        self._began = time.perf_counter() - seconds
        self._saved, self._pause = time.perf_counter(), FIRST_SAVE
        self.has_begun = False

    @property
    def seconds(self) -> float:
        """Spent on the descent, earlier parts of a resumed one included."""
        return time.perf_counter() - self._began

    def text(self, abscissa: float) -> str:
        """How good a step is."""
        return f"abscissa {abscissa:.4f} (target {self._config['target']:g})"

    def note(self, state: DescentState) -> None:
        """Take note of a state."""
        if not self.has_begun:
            self._begin()
        abscissa = float(state.abscissae[-1])
        if state.steps > self._logged:
            self._logged = state.steps
            line = {"step": state.steps, "abscissa": abscissa, "seconds": round(self.seconds, 3)}
            self._folder.append_metrics([line])
        self._bar.at(state.steps, self.text(abscissa))
        if time.perf_counter() - self._saved > self._pause:
            self.save(state)

    def save(self, state: DescentState) -> None:
        """Save a state; the next time not before saving takes a small share of the time."""
        before = time.perf_counter()
        arrays = {name: np.asarray(getattr(state, name)) for name in TEMPLATE["state"]}
        self._folder.save_checkpoint(state.steps, {"state": arrays, "seconds": np.asarray(self.seconds)})
        self._saved = time.perf_counter()
        self._pause = max(SAVE_EVERY, SAVE_SHARE * (self._saved - before))

    def _begin(self) -> None:
        if self.start is None:
            self._folder.prepare(overwrite=True)  # whether it may be was asked before
        else:
            self._folder.rewrite_metrics(self._folder.read_metrics(until=self._logged))
        self._folder.write_json(CONFIG, self._config | {"versions": soc_versions()})
        self.has_begun = True


def _conclude(
    folder: RunFolder,
    settings: StabilizeSettings,
    network: RandomNetwork,
    circuit: StabilizedCircuit,
    seconds: float,
) -> dict[str, Any]:
    """Write what was found; result.json comes last and marks the run as finished."""
    command = shlex.join(["tuneful", *(word for word in sys.argv[1:] if word != "--resume")])
    result = circuit_result(settings, network, circuit, seconds, command)
    packed = io.BytesIO()
    arrays: dict[str, Any] = circuit.to_arrays() | {"start_weights": network.weights}
    np.savez(packed, **arrays)
    write_atomically(folder.path / CIRCUIT, packed.getvalue())
    write_soc_report(
        SocContent(result, circuit.weights, circuit.excitatory, network.weights, circuit.history),
        folder.path / "report.html",
    )
    folder.write_json("result.json", result)
    return result


def _print_summary(result: dict[str, Any]) -> None:
    print(f"{result['reason']} ({result['steps']} steps, {result['wall_seconds']:.1f} s)")
    broken = [check["name"] for check in result["checks"] if not check["holds"]]
    holding = f"all {len(result['checks'])} hold"
    print(f"checks: {', '.join(broken) + ' violated' if broken else holding}")
    print("\n".join(scalar_lines(result)))
    for sentence in result["warnings"]:
        print(f"note: {sentence}")
