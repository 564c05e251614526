"""A run that was killed and resumed ends with the bits of one that was left alone."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import pytest

from tuneful import Fit
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.objectives import EnergyDistance, WassersteinGAN
from tuneful.runs.folder import RunFolder

OBJECTIVES = {
    "energy": (EnergyDistance(), {}),
    "wgan-gp": (WassersteinGAN(hidden=(8,), n_critic=2), {}),
    "refined": (EnergyDistance(), {"refine_steps": 5, "refine_batch": 40}),
}
STEPS = 80
ON_ONE_CORE = (
    "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); from tuneful.cli.main import main; main()"
)


class Killed(BaseException):
    """Nothing in the library may catch it."""


def without_times(content):
    if isinstance(content, dict):
        return {k: without_times(v) for k, v in content.items() if k not in ("seconds", "wall_seconds", "command")}
    return [without_times(item) for item in content] if isinstance(content, list) else content


def outcome(folder):
    """What a run folder says, but for the times and the command."""
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return without_times([json.loads((folder / "result.json").read_text()), log])


@pytest.fixture
def start(toy, toy_data, tiny_settings, quick_report):
    """Begin or resume a run of six steps."""

    def fit(out, resume=True, objective="energy", data=toy_data, circuit=toy, seed=0, **changed):
        chosen, settings = OBJECTIVES[objective]
        fit = Fit(circuit, chosen, **(tiny_settings | settings | changed))
        return fit.fit(data, seed, out=out, resume=resume, progress=False)

    return fit


@pytest.fixture
def kill(monkeypatch, start):
    """Begin a run whose n-th call of a function is its last."""

    def run(out, target, call, **options):
        calls = 0
        with monkeypatch.context() as patch:
            module, name = target.rsplit(".", 1)
            function = getattr(_resolve(module), name)

            def last(*arguments, **keywords):
                nonlocal calls
                calls += 1
                if calls == call:
                    raise Killed
                return function(*arguments, **keywords)

            patch.setattr(target, last)
            with pytest.raises(Killed):
                start(out, resume=False, **options)

    return run


def _resolve(path):
    from pkgutil import resolve_name

    return resolve_name(path)


@pytest.fixture(scope="module")
def undisturbed(toy, toy_data, tiny_settings, tmp_path_factory):
    """The run folders of all objectives, never interrupted."""
    folders = {name: tmp_path_factory.mktemp(name) / "run" for name in OBJECTIVES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        for name, folder in folders.items():
            objective, settings = OBJECTIVES[name]
            Fit(toy, objective, **(tiny_settings | settings)).fit(toy_data, 0, out=folder, progress=False)
    return folders


@pytest.fixture
def run(undisturbed, tmp_path):
    """A copy of the finished run, to be damaged."""
    return shutil.copytree(undisturbed["energy"], tmp_path / "copy")


PLACES = [
    ("tuneful.runs.folder.RunFolder.write_dataset", 1),  # before anything is there
    ("tuneful.runs.folder.RunFolder.write_json", 1),  # before the run counts as begun
    ("tuneful.fitting.stochastic.advance", 1),  # in the first step
    ("tuneful.fitting.stochastic.advance", 2),  # before the first checkpoint
    ("tuneful.fitting.stochastic.advance", 6),  # in the last step
    ("tuneful.runs.folder.RunFolder.append_metrics", 3),  # between a step and its line
    ("tuneful.runs.checkpoints.save_checkpoint", 1),  # between a line and its checkpoint
    ("tuneful.runs.checkpoints._write_checkpoint", 2),  # in a checkpoint
    ("tuneful.fitting.evaluation.HeldOut.distances", 2),
    ("tuneful.fitting.tables.Findings.of", 1),
    ("tuneful.runs.folder.RunFolder.write_json", 2),  # after the descent, before its parameters are kept
    ("tuneful.runs.folder.RunFolder.write_dataset", 3),  # between start.nc and result.nc
    ("tuneful.report.fit.write_report", 1),
    ("tuneful.runs.folder.RunFolder.write_json", 3),  # before result.json
]


@pytest.mark.parametrize(("target", "call"), PLACES)
def test_wherever_a_run_was_killed_it_ends_the_same(undisturbed, start, kill, tmp_path, target, call):
    kill(tmp_path / "run", target, call)
    assert not (tmp_path / "run" / "result.json").exists()
    start(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(undisturbed["energy"])


def test_a_critic_is_resumed_with_the_rest(undisturbed, start, kill, tmp_path):
    """Killed twice, once between checkpoints."""
    out = tmp_path / "run"
    kill(out, "tuneful.fitting.stochastic.advance", 4, objective="wgan-gp")
    start(out, objective="wgan-gp")
    assert outcome(out) == outcome(undisturbed["wgan-gp"])


@pytest.mark.parametrize("call", [1, 2, 4])
def test_a_refinement_is_resumed(undisturbed, start, kill, tmp_path, call):
    """Killed in its first step, with a checkpoint of the end of the descent, and before and after one of its own."""
    kill(tmp_path / "run", "tuneful.fitting.course.refine", call, objective="refined")
    fit = start(tmp_path / "run", objective="refined")
    assert outcome(tmp_path / "run") == outcome(undisturbed["refined"])
    assert (fit.result_["descent_steps"], fit.result_["steps"]) == (6, 11)


def test_files_that_a_kill_left_do_no_harm(run, start, undisturbed):
    """A line cut short, a checkpoint half written, whole files not yet renamed; lines beyond the checkpoint."""
    (run / "result.json").rename(run / ".result.json.tmp")
    shutil.rmtree(run / "checkpoints" / "step-00000006")
    half = shutil.copytree(run / "checkpoints" / "step-00000004", run / "checkpoints" / ".step-00000006.tmp")
    (half / "checkpoint.json").unlink()
    with open(run / "metrics.jsonl", "a") as log:
        log.write('{"step": 7, "lo')
    start(run)
    assert outcome(run) == outcome(undisturbed["energy"])
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-00000004", "step-00000006"]


def test_a_damaged_checkpoint_is_passed_over(run, start, undisturbed):
    arrays = run / "checkpoints" / "step-00000006" / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:1000])
    start(run)
    assert outcome(run) == outcome(undisturbed["energy"])


def test_without_a_readable_checkpoint_nothing_is_resumed(run, start):
    for arrays in run.glob("checkpoints/*/arrays.npz"):
        arrays.write_bytes(b"")
    with pytest.raises(UserError, match="cannot be read"):
        start(run)


def test_resuming_a_finished_run_changes_nothing(run, start, undisturbed):
    fit = start(run)
    assert outcome(run) == outcome(undisturbed["energy"])
    assert len(fit.history_) == 6


def test_resuming_nothing_starts_afresh(start, undisturbed, tmp_path):
    (tmp_path / "run").mkdir()
    start(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(undisturbed["energy"])


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"held_out": 0.4}, "fit.held_out"),
        ({"objective": "wgan-gp"}, "objective.name"),
        ({"fitted": ("a",)}, "fit.fitted"),
    ],
)
def test_a_run_is_resumed_with_its_own_settings_only(run, start, undisturbed, changed, name):
    with pytest.raises(UserError, match=f"was started with another {name}"):
        start(run, **changed)
    assert outcome(run) == outcome(undisturbed["energy"])


@pytest.mark.parametrize("objective", ["energy", "refined"])
def test_a_run_that_reached_its_maximum_is_extended(start, undisturbed, tmp_path, objective):
    """With the bits of one that was allowed as many steps from the beginning."""
    shutil.copytree(undisturbed[objective], tmp_path / "short")
    start(tmp_path / "short", objective=objective, max_steps=9)
    start(tmp_path / "long", objective=objective, max_steps=9)
    assert outcome(tmp_path / "short") == outcome(tmp_path / "long")
    assert json.loads((tmp_path / "short" / "config.json").read_text())["fit"]["max_steps"] == 9


@pytest.mark.parametrize("reporting", [{"final_curves": 40}, {"predict": {"size": [3.0]}}, {"checkpoint_every": 5}])
def test_what_only_reports_may_differ(run, start, undisturbed, reporting):
    start(run, **reporting)
    before, now = (outcome(folder)[0] for folder in (undisturbed["energy"], run))
    assert now["parameters"] == before["parameters"]


def test_other_versions_are_said(run, start, capsys):
    config = json.loads((run / "config.json").read_text())
    config["versions"]["jax"] = "0.0.1"
    RunFolder(run).write_json("config.json", config)
    fit = start(run)
    assert "was begun with jax 0.0.1 (now" in " ".join(fit.result_["warnings"])


def test_ctrl_c_saves_where_the_fit_stands(undisturbed, start, tmp_path, monkeypatch):
    """In the fifth step, between two checkpoints."""
    from tuneful.fitting import stochastic

    steps, advance = [], stochastic.advance

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return advance(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("tuneful.fitting.stochastic.advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / "step-00000005").is_dir()
    start(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(undisturbed["energy"])


def test_a_run_is_resumed_from_its_own_start_only(run, start, toy):
    with pytest.raises(UserError, match=r"was started with another circuit\.a:"):
        start(run, circuit=toy.with_values({"a": jnp.asarray(2.1)}))


@pytest.mark.parametrize("what", ["rate", "size", "unit"])
def test_a_run_is_resumed_with_its_own_curves_only(run, start, toy_data, what):
    rates, sizes, units = toy_data["rate"].values, toy_data["size"].values, toy_data["unit"].values
    other = make_dataset(
        rates * (1.001 if what == "rate" else 1),
        {"size": sizes * (2 if what == "size" else 1)},
        unit_labels=[f"v{name}" if what == "unit" else name for name in units],
    )
    with pytest.raises(UserError, match="was started with other curves"):
        start(run, data=other)


def test_the_name_of_the_data_does_not_matter(run, toy, toy_data, tiny_settings, quick_report):
    """The same file by another path: the curves decide."""
    fit = Fit(toy, OBJECTIVES["energy"][0], **tiny_settings)
    fit.fit(toy_data, 0, out=run, resume=True, progress=False, data_name="../elsewhere.csv")


def test_bits_survive_sigkill(tuneful, tiny, tmp_path, caplog):
    """The command line, killed from outside between two checkpoints; on one core, as here."""
    options = [tiny, "--set", f"max_steps={STEPS}", "--set", "evaluate_every=100", "--set", "checkpoint_every=10"]
    options = ["fit", *map(str, options), "--set", "window=1000", "--out"]
    killed, left_alone = tmp_path / "killed", tmp_path / "left_alone"
    with jax.log_compiles():
        assert tuneful(*options, left_alone)[0] == 0
    assert len(re.findall(r"Compiling \S*advance\S* with", caplog.text)) == 1  # not once more for the second step
    _kill_after([sys.executable, "-c", ON_ONE_CORE, *options, str(killed)], killed, 25, tmp_path)
    assert tuneful(*options, killed, "--resume")[0] == 0
    assert outcome(killed) == outcome(left_alone)


def _kill_after(command, folder, lines, tmp_path):
    """Send SIGKILL once the log has so many lines, and there is a checkpoint."""
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log, deadline = folder / "metrics.jsonl", time.monotonic() + 300
    while not (log.exists() and log.read_bytes().count(b"\n") >= lines and any(folder.glob("checkpoints/step-*"))):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "result.json").exists()
